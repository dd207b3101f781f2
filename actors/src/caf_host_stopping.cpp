// How actors leave a host: one by one when they are idle, by shards, and all when it stops.

#include <aether/runtime/log.hpp>
#include "caf_host_core.hpp"

#include <algorithm>

namespace aether {

void host_core::release(shard_id shard) {
  accepted(shard) = false;
  std::vector<activation_ptr> leaving;
  registry_.for_each([&](const activation_ptr& actor) {
    if (actor->shard == shard) leaving.push_back(actor);
  });
  for (const auto& actor : leaving) post(actor, entity_input::retire{true});
}

void host_core::sweep_idle() {
  if (stopping_) return;
  const std::uint32_t now = now_ms();
  std::vector<std::pair<activation_ptr, std::uint32_t>> idle;
  registry_.for_each([&](const activation_ptr& actor) {
    if (actor->unused(now) >= options.passivate_after) idle.emplace_back(actor, actor->last_used);
  });
  for (const auto& [actor, last_used] : idle) send_away(actor, last_used);
  schedule_sweep();
}

bool host_core::send_away(const activation_ptr& idle, std::uint32_t last_used) {
  auto& stripe = registry_.stripe_of(idle->hash);
  const std::lock_guard lock{stripe.mutex};
  if (idle->gone || idle->last_used != last_used || !idle->unused(now_ms())) return false;
  idle->inbox.emplace_back(entity_input::retire{false});
  wake(*idle);
  return true;
}

void host_core::schedule_sweep() {
  using namespace std::chrono_literals;
  clock.after(std::max(options.passivate_after / 2, 1ms), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep_idle();
  });
}

bool host_core::stop(std::chrono::milliseconds timeout) {
  const std::lock_guard once{stop_mutex_};
  if (stopped_) return *stopped_;
  stopping_ = true;
  for (auto& shard : accepted_) shard = false;
  std::vector<activation_ptr> all;
  registry_.for_each([&](const activation_ptr& actor) { all.push_back(actor); });
  for (const auto& actor : all) post(actor, entity_input::retire{true});
  {
    std::unique_lock lock{gone_mutex_};
    stopped_ = gone_.wait_for(lock, timeout, [&] { return count.resident == 0; });
  }
  drop_all();
  return *stopped_;
}

void host_core::drop_all() {
  std::vector<activation_ptr> dropped;
  registry_.for_each([&](const activation_ptr& actor) { dropped.push_back(actor); });
  for (const auto& actor : dropped) {
    auto& stripe = registry_.stripe_of(actor->hash);
    const std::lock_guard lock{stripe.mutex};
    actor->gone = true;
    stripe.erase(actor.get());
  }
  with_caf.close();
  system_.reset();  // no actor runs from here on
  std::uint64_t commands = 0;
  for (const auto& actor : dropped) {
    commands += actor->held;
    actor->abandon();
  }
  if (!dropped.empty())
    log::warn("actor_host", "stopped_by_force",
              {{"actors", dropped.size()}, {"commands_without_outcome", commands}});
}

}  // namespace aether
