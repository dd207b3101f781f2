#include "caf_side_effects.hpp"

#include <aether/actors/caf.hpp>

#include <algorithm>
#include <utility>

namespace aether {

std::vector<envelope> actor_belongings::timers_ended(time_point now) {
  armed_ = time_point::max();
  std::vector<timer> ended;
  for (auto it = timers_.begin(); it != timers_.end();) {
    if (it->second.due > now) {
      ++it;
      continue;
    }
    ended.push_back(std::move(it->second));
    it = timers_.erase(it);
  }
  std::ranges::stable_sort(ended, {}, &timer::due);
  std::vector<envelope> commands;
  for (auto& each : ended) {
    // Made now: an actor may forget what was made long ago before it has seen it.
    each.command.id = command_id::make();
    commands.push_back(std::move(each.command));
  }
  return commands;
}

std::optional<actor_belongings::time_point> actor_belongings::arm() {
  const auto next =
      std::ranges::min_element(timers_, {}, [](const auto& named) { return named.second.due; });
  if (next == timers_.end() || next->second.due >= armed_) return std::nullopt;
  armed_ = next->second.due;
  return armed_;
}

actor_belongings& side_effects::belongings() {
  if (!with_) with_ = std::make_unique<actor_belongings>();
  return *with_;
}

std::shared_ptr<const actor_address> side_effects::self() {
  auto& mine = belongings().address_;
  if (!mine) mine = std::make_shared<const actor_address>(of_.self);
  return mine;
}

side_effects::to_self side_effects::self_sender() {
  return [host = host_.shared_from_this(), to = self()](envelope command) {
    host->deliver_home(*to, std::move(command));
  };
}

void side_effects::start_timer(std::string name, std::chrono::milliseconds delay,
                               envelope command) {
  const auto wait = std::clamp<std::chrono::milliseconds>(delay, {}, timer_max);
  belongings().timers_.insert_or_assign(
      std::move(name),
      actor_belongings::timer{std::chrono::steady_clock::now() + wait, std::move(command)});
  arm_timers();
}

void side_effects::cancel_timer(std::string_view name) {
  auto& timers = belongings().timers_;
  if (const auto found = timers.find(name); found != timers.end()) timers.erase(found);
}

void side_effects::arm_timers() {
  auto& mine = belongings();
  const auto when = mine.arm();
  if (!when) return;
  host_.clock.cancel(mine.alarm);
  mine.alarm = host_.clock.at(*when, [weak = host_.weak_from_this(), to = activation_ptr{&of_}] {
    if (const auto host = weak.lock()) host->post(to, entity_input::timer{});
  });
}

void side_effects::in_caf(caf_work work) {
  auto& mine = belongings();
  mine.companion = host_.with_caf.give(mine.companion, of_.self, std::move(work), host_.system());
}

}  // namespace aether
