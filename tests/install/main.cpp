#include <aether/aether.hpp>
#include <aether/persistence/conformance.hpp>
#include <aether/persistence/memory_store.hpp>

#include <cstdio>

int main() {
  aether::memory_event_store store;
  const auto& first = aether::event_store_cases().front();
  try {
    first.run(store);
  } catch (const aether::conformance_failed& why) {
    std::printf("%s: %s\n", first.name.data(), why.what());
    return 1;
  }
  std::puts("built against the installed package");
}
