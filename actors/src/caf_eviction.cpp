#include "caf_eviction.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace aether {

void eviction::start(timers& clock) {
  clock.after({}, [self = shared_from_this()] {
    if (const auto host = self->host_.lock()) self->go_on(*host);
  });
}

void eviction::go_on(host_core& host) {
  const bool looks = next_stripe_ < activation_registry::stripes_max;
  if (looks ? look_at_next(host) : send_some_away(host)) return start(host.clock);
  host.eviction_ended();
}

bool eviction::look_at_next(host_core& host) {
  {
    auto& stripe = host.registry().at(next_stripe_);
    const std::lock_guard lock{stripe.mutex};
    const std::uint32_t now = host.now_ms();  // later than any use of these
    stripe.actors.for_each([&](const activation_ptr& one) {
      if (one->inbox.empty() && one->held == 0 && !one->home.keeps())
        candidates_.push_back({now - one->last_used, one->weight, one});
    });
  }
  if (++next_stripe_ < activation_registry::stripes_max) return true;
  std::ranges::make_heap(candidates_, {}, &candidate::unused_ms);
  std::tie(actors_, memory_) = host.surplus(1);
  return true;
}

bool eviction::send_some_away(host_core& host) {
  for (std::size_t sent = 0; sent < turn_max; ++sent) {
    if (candidates_.empty() || (actors_ == 0 && memory_ == 0)) return false;
    std::ranges::pop_heap(candidates_, {}, &candidate::unused_ms);
    const candidate one = std::move(candidates_.back());
    candidates_.pop_back();
    actors_ -= std::min<std::uint64_t>(actors_, 1);
    memory_ -= std::min<std::uint64_t>(memory_, one.weight);
    ++host.count.evictions;
    host.post(one.actor, entity_input::retire{departure::if_idle});
  }
  return true;
}

}  // namespace aether
