// Event-sourced actors in a program of your own: no NATS, no node, a store in memory.
#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>

#include <cstdio>

struct visits {
  std::int64_t count = 0;
  AETHER_MESSAGE("demo.visits", count)
};
struct visit {
  using reply = visits;
  AETHER_MESSAGE("demo.visit")
};
struct visited {
  AETHER_MESSAGE("demo.visited")
};
struct page : aether::event_sourced_actor<page> {
  static constexpr std::string_view type_name = "page";
  using state = visits;
  using commands = aether::messages<visit>;
  using events = aether::messages<visited>;
  aether::effect<visits> on(const visit&, const state&) {
    return persist(visited{}).reply([](const state& now) { return now; });
  }
  static void apply(state& now, const visited&) { ++now.count; }
};

int main() {
  aether::timers clock;  // first, for it outlives the host
  aether::actor_host host({}, std::make_shared<aether::memory_event_store>(),
                          std::make_shared<aether::memory_snapshot_store>(), clock);
  host.host<page>();
  const auto home = host.actor<page>("/home");
  home.tell(visit{});  // at most once, no answer
  const auto seen = home.ask(visit{}, std::chrono::seconds{5}).get();
  std::puts((seen ? std::to_string(seen->count) : seen.error().message()).c_str());
  return seen ? 0 : 1;
}
