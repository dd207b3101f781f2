#pragma once

#include <aether/actors/actor_context.hpp>
#include "caf_host_core.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace aether {

/// What side effects have made for one actor in memory; goes with it.
class actor_belongings {
 public:
  actor_belongings() = default;
  ~actor_belongings();
  actor_belongings(const actor_belongings&) = delete;
  actor_belongings& operator=(const actor_belongings&) = delete;

  /// The command of the timer that was started as the `turn`-th, unless it was cancelled.
  [[nodiscard]] std::optional<envelope> timer_ended(std::uint64_t turn);

 private:
  friend class side_effects;

  struct timer {
    std::uint64_t turn;
    envelope command;
  };

  std::shared_ptr<const actor_address> address_;
  std::map<std::string, timer, std::less<>> timers_;
  std::uint64_t turns_ = 0;
  caf::actor companion_;
  /// The companion has ended by itself.
  std::shared_ptr<std::atomic<bool>> companion_ended_;
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

 private:
  actor_belongings& belongings();

  host_core& host_;
  activation& of_;
  std::unique_ptr<actor_belongings>& with_;
};

}  // namespace aether
