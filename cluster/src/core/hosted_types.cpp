#include "hosted_types.hpp"

#include <algorithm>
#include <string_view>

namespace aether::cluster {

namespace {

class fnv1a {
 public:
  void add(std::string_view text) noexcept {
    for (char c : text) mix(static_cast<unsigned char>(c));
    mix(0);  // ends the text: {"ab", "c"} is not {"a", "bc"}
  }
  void mix(unsigned char byte) noexcept {
    hash_ ^= byte;
    hash_ *= 0x100000001b3;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace

hosted_type describe(const actor_traits& traits) {
  hosted_type made{traits.type.str(), {}, {}, traits.state_schema};
  for (const auto* command : traits.commands) made.commands.emplace_back(command->wire_name);
  for (const auto* event : traits.events) made.events.emplace_back(event->wire_name);
  for (const auto* event : traits.retired_events) made.events.emplace_back(event->wire_name);
  return made;
}

std::vector<hosted_type> sorted(std::vector<hosted_type> types) {
  std::ranges::sort(types, {}, &hosted_type::type);
  for (auto& one : types) {
    std::ranges::sort(one.commands);
    std::ranges::sort(one.events);
  }
  return types;
}

std::uint64_t fingerprint(std::span<const hosted_type> types) noexcept {
  fnv1a hash;
  for (const auto& one : types) {
    hash.add(one.type);
    for (const auto& name : one.commands) hash.add(name);
    hash.mix(1);
    for (const auto& name : one.events) hash.add(name);
    for (unsigned shift = 0; shift < 32; shift += 8)
      hash.mix(static_cast<unsigned char>(one.snapshot_schema >> shift));
  }
  return hash.value();
}

}  // namespace aether::cluster
