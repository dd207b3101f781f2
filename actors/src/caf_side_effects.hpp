#pragma once

#include <aether/actors/actor_context.hpp>
#include <aether/runtime/timers.hpp>
#include "caf_host_core.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aether {

/// What side effects have made for one actor in memory; goes with it.
class actor_belongings {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Takes out the commands of the timers that have run out, in their order.
  [[nodiscard]] std::vector<envelope> timers_ended(time_point now);
  /// When to look again, unless that is arranged already: a timer that is started anew with each
  /// command, as one that watches for idleness, is to cost the clock one entry, not one each.
  [[nodiscard]] std::optional<time_point> arm();
  /// The clock's entry for that: one at most, however many timers there are.
  timers::ticket alarm{};

 private:
  friend class side_effects;

  struct timer {
    time_point due;
    envelope command;
  };

  std::shared_ptr<const actor_address> address_;
  std::map<std::string, timer, std::less<>> timers_;
  time_point armed_ = time_point::max();

 public:
  companions::key companion = 0;
};

/// What the side effects of one actor reach, while they run.
class side_effects final : public detail::effect_runtime {
 public:
  side_effects(host_core& host, activation& of, std::unique_ptr<actor_belongings>& with)
      : host_{host}, of_{of}, with_{with} {}

  [[nodiscard]] command_router& router() noexcept override { return *host_.router.load(); }
  [[nodiscard]] std::shared_ptr<const actor_address> self() override;
  [[nodiscard]] to_self self_sender() override;
  void start_timer(std::string name, std::chrono::milliseconds delay, envelope command) override;
  void cancel_timer(std::string_view name) override;
  void in_caf(caf_work work) override;

  /// Has the actor look at its timers when the next one runs out.
  void arm_timers();

 private:
  actor_belongings& belongings();

  host_core& host_;
  activation& of_;
  std::unique_ptr<actor_belongings>& with_;
};

}  // namespace aether
