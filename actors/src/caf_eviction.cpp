#include "caf_eviction.hpp"

#include <algorithm>
#include <utility>

namespace aether {

void eviction::start(timers& clock) {
  clock.after({}, [self = shared_from_this()] {
    if (const auto host = self->host_.lock()) self->look_at_next(*host);
  });
}

void eviction::look_at_next(host_core& host) {
  const std::uint32_t now = host.now_ms();
  {
    auto& stripe = host.registry().at(next_stripe_);
    const std::lock_guard lock{stripe.mutex};
    stripe.actors.for_each([&](const activation_ptr& one) {
      if (one->inbox.empty() && one->held == 0)
        candidates_.push_back({now - one->last_used, one->weight, one});
    });
  }
  if (++next_stripe_ < activation_registry::stripes_max) return start(host.clock);
  send_away(host);
}

void eviction::send_away(host_core& host) {
  std::ranges::sort(candidates_, std::greater{}, &candidate::unused_ms);
  auto [actors, memory] = host.surplus(1);
  for (const auto& one : candidates_) {
    if (actors == 0 && memory == 0) break;
    actors -= std::min<std::uint64_t>(actors, 1);
    memory -= std::min<std::uint64_t>(memory, one.weight);
    ++host.count.evictions;
    host.post(one.actor, entity_input::retire{false});
  }
  candidates_.clear();
  host.eviction_ended();
}

}  // namespace aether
