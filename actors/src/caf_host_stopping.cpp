// How actors leave a host: one by one when they are idle, by slots, and all when it stops.

#include <aether/runtime/log.hpp>
#include "caf_host_core.hpp"

#include <algorithm>

namespace aether {

void host_core::release(const actor_type& type, shard_id shard) {
  auto* slot = find_slot(type, shard);
  if (slot == nullptr) return;
  slot->now = slot_service::stage::refused;
  send_away({slot}, departure::at_once);
  tell_of(drains_.left(*slot, false));
}

void host_core::send_away(const std::vector<slot_service*>& from, departure how) {
  std::vector<activation_ptr> leaving;
  registry_.for_each([&](const activation_ptr& actor) {
    if (!actor->home.accepts() && std::ranges::binary_search(from, &actor->home))
      leaving.push_back(actor);
  });
  for (const auto& actor : leaving) post(actor, entity_input::retire{how});
}

void host_core::drain(const std::vector<slot>& which,
                      std::chrono::steady_clock::time_point deadline, drain_handler done) {
  std::vector<slot_service*> slots;
  for (const auto& one : which)
    if (auto* known = find_slot(one.type, one.shard)) slots.push_back(known);
  if (slots.empty()) {
    std::vector<slot_drains::ended> at_once;
    at_once.push_back({std::move(done), true});
    return tell_of(std::move(at_once));
  }
  std::ranges::sort(slots);
  slots.erase(std::ranges::unique(slots).begin(), slots.end());
  for (auto* one : slots) {
    auto accepted = slot_service::stage::accepted;
    one->now.compare_exchange_strong(accepted, slot_service::stage::draining);
  }
  // Whoever came in before the door was closed is found here, and nobody comes after.
  send_away(slots, departure::when_done);
  const auto key = drains_.begin(slots, std::move(done));
  for (auto* one : slots)
    if (one->accepts() || one->resident == 0) tell_of(drains_.left(*one, !one->accepts()));
  if (stopping_) return stop_drains();
  clock.at(deadline, [weak = weak_from_this(), key] {
    if (const auto self = weak.lock()) self->drain_overdue(key);
  });
}

void host_core::drain_overdue(slot_drains::key which) {
  auto overdue = drains_.give_up(which);
  if (!overdue) return;
  for (auto* one : overdue->slots) {
    auto draining = slot_service::stage::draining;
    one->now.compare_exchange_strong(draining, slot_service::stage::refused);
  }
  send_away(overdue->slots, departure::at_once);
  overdue->done(false);
}

void host_core::tell_of(std::vector<slot_drains::ended> drains) {
  for (auto& one : drains)
    clock.after({}, [one = std::move(one)]() mutable { one.done(one.clean); });
}

void host_core::stop_drains() {
  for (auto& one : drains_.give_up_all()) one.done(false);
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
  // Until its runner knows better: who looks next counts it among those that leave.
  idle->leaving = true;
  idle->inbox.emplace_back(entity_input::retire{departure::if_idle});
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
  for (auto& [name, type] : types_)
    for (auto& slot : type.slots) slot.now = slot_service::stage::refused;
  stop_drains();
  std::vector<activation_ptr> all;
  registry_.for_each([&](const activation_ptr& actor) { all.push_back(actor); });
  for (const auto& actor : all) post(actor, entity_input::retire{departure::at_once});
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
