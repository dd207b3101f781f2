#pragma once

#include "coordinator.hpp"
#include "core/coordination.hpp"
#include "kv_bucket.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>

namespace aether::cluster {

/// The shell around `coordination`. Inputs come in on the timers' thread, one at a time; effects
/// are carried out before the next input. What NATS delivers is only handed over to that thread.
class coordinator::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(std::shared_ptr<nats_connection> connection, subjects names, timers& clock,
       coordinator_options options);

  result<void> join(std::chrono::milliseconds timeout);
  void announce_leaving();
  void settled(std::uint64_t revision);
  void leave();

  table_handler on_table;
  contact_handler on_contact;
  eviction_handler on_evicted;

  /// What other threads may see, as of the last input.
  struct view {
    bool joined = false;
    std::shared_ptr<const shard_table> table = nullptr;
    std::vector<member> members = {};
    std::uint64_t term = 0;
    std::optional<time_point> leading_until = std::nullopt;
  };
  [[nodiscard]] view look() const;
  [[nodiscard]] const incarnation_id& incarnation() const noexcept { return incarnation_; }

 private:
  using input = std::move_only_function<coordination::effects(coordination&, time_point now)>;

  result<void> fix_settings(time_point deadline);
  result<void> agree_on_settings();
  result<void> listen();
  result<void> await_joined(time_point deadline);

  /// Hands an input over to the timers' thread; drops it once closed.
  void post(duration delay, input next);
  /// @pre `gate_` is held.
  void feed(input& next);
  void tick();
  void publish_view();
  void tell_contact();

  void heard(const nats_message& message);
  void asked(nats_message message);

  void carry_out(coordination::send_heartbeat& effect);
  void carry_out(coordination::send_probe& effect);
  void carry_out(coordination::ask_types& effect);
  void carry_out(coordination::read_lease& effect);
  void carry_out(coordination::write_lease& effect);
  void carry_out(coordination::read_table& effect);
  void carry_out(coordination::write_table& effect);
  void carry_out(coordination::table_changed& effect);
  void carry_out(coordination::member_changed& effect);
  void carry_out(coordination::elected& effect);
  void carry_out(coordination::deposed& effect);
  void carry_out(coordination::strategy_failed& effect);
  void carry_out(coordination::joined& effect);
  void carry_out(coordination::refused& effect);
  void carry_out(coordination::left& effect);

  const std::shared_ptr<nats_connection> connection_;
  const subjects names_;
  timers& clock_;
  const coordinator_options options_;
  const incarnation_id incarnation_ = incarnation_id::make();
  kv_bucket bucket_;
  nats_connection::subscription heartbeats_;
  nats_connection::subscription questions_;
  nats_connection::subscription probes_;

  /// Held while an input is fed and its effects are carried out.
  std::mutex gate_;
  coordination core_;
  std::minstd_rand random_;
  bool started_ = false;

  /// Held only for a moment, by whoever hands something over.
  std::mutex post_mutex_;
  bool closed_ = false;

  mutable std::mutex view_mutex_;
  std::condition_variable view_changed_;
  view view_;
  std::optional<error> refused_;
  bool left_ = false;
};

}  // namespace aether::cluster
