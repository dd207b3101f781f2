#include "caf_eviction.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace aether {

void eviction::start(timers& clock) {
  began_ = std::chrono::steady_clock::now();
  next_turn(clock);
}

void eviction::next_turn(timers& clock) {
  clock.after({}, [self = shared_from_this()] {
    if (const auto host = self->host_.lock()) self->go_on(*host);
  });
}

void eviction::go_on(host_core& host) {
  const bool looks = next_stripe_ < activation_registry::stripes_max;
  if (looks ? look_at_next(host) : send_some_away(host)) return next_turn(host.clock);
  host.eviction_ended(rest());
}

std::chrono::milliseconds eviction::rest() const {
  const bool enough = actors_ == 0 && memory_ == 0;
  if (enough && sent_any_) return {};
  const auto took =
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  return std::max(rest_min, rest_factor * took);
}

bool eviction::look_at_next(host_core& host) {
  {
    auto& stripe = host.registry().at(next_stripe_);
    const std::lock_guard lock{stripe.mutex};
    const std::uint32_t now = host.now_ms();
    stripe.actors.for_each([&](const activation_ptr& one) {
      if (one->leaving) {
        ++leaving_;
        leaving_memory_ += one->weight;
      } else if (const auto unused = one->unused(now)) {
        candidates_.push_back({*unused, one->last_used, one->weight, one});
      }
    });
  }
  if (++next_stripe_ < activation_registry::stripes_max) return true;
  std::ranges::make_heap(candidates_, {}, &candidate::unused);
  std::tie(actors_, memory_) = host.surplus(1);
  no_longer_wanted(leaving_, leaving_memory_);
  return true;
}

void eviction::no_longer_wanted(std::uint64_t actors, std::uint64_t memory) {
  actors_ -= std::min(actors_, actors);
  memory_ -= std::min(memory_, memory);
}

bool eviction::send_some_away(host_core& host) {
  for (std::size_t looked = 0; looked < turn_max; ++looked) {
    if (candidates_.empty() || (actors_ == 0 && memory_ == 0)) return false;
    std::ranges::pop_heap(candidates_, {}, &candidate::unused);
    const candidate one = std::move(candidates_.back());
    candidates_.pop_back();
    if (!host.send_away(one.actor, one.last_used)) continue;
    sent_any_ = true;
    ++host.count.evictions;
    no_longer_wanted(1, one.weight);
  }
  return true;
}

}  // namespace aether
