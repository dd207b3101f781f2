#pragma once

#include <aether/actors/actor_context.hpp>
#include <aether/actors/testing_stage.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aether::testing::detail {

/// One thing that a side effect did.
struct deed {
  enum class kind { told, asked, told_itself, timer, timer_cancelled, caf };
  kind what;
  /// The address of whom it was done to, or the timer's name.
  std::string name{};
  /// Without a type where there is none.
  written command{};
  /// The same, until it was seen to come back from its encoding.
  any_message unchecked{};
  std::chrono::milliseconds delay{};
  /// Where the answer goes, once.
  reply_sink answer{};
  /// Has met an expectation.
  bool expected = false;
  /// The type of the answer; null for none, or while nobody expected the question.
  const message_type* reply = nullptr;
};

/// Grows without moving what is in it.
using deeds = std::deque<deed>;

[[nodiscard]] std::string describe(const deed& done);

/// What the actor sent itself and is still to decide. From any thread.
class inbox {
 public:
  /// From now on what is told is written down there; null: it is not.
  void write_to(deeds* to);
  void push(envelope command);
  [[nodiscard]] std::optional<envelope> pop();

 private:
  std::mutex mutex_;
  deeds* into_ = nullptr;
  std::deque<envelope> waiting_;
};

/// Stands in for the host: writes down what side effects do, and keeps timers in virtual time.
class recorder final : public aether::detail::effect_runtime, public command_router {
 public:
  using duration = std::chrono::nanoseconds;

  explicit recorder(std::shared_ptr<const actor_address> self) : self_address_{std::move(self)} {}

  /// From now on what is done goes there; null: it is refused, as by a host that has stopped.
  void write_to(deeds* to) noexcept { into_ = to; }
  /// Between these two, what the actor sends itself is written down as well.
  void begin_side_effect() { inbox_->write_to(into_); }
  void end_side_effect() { inbox_->write_to(nullptr); }

  [[nodiscard]] std::optional<envelope> next_command() { return inbox_->pop(); }
  /// Forgets timers.
  void forget_timers() noexcept { timers_.clear(); }
  /// The same, and what waits in the inbox, now or later by answers to earlier questions.
  void forget_all();

  /// The earliest timer that is due by `limit` goes off: `elapsed()` is when it was due.
  [[nodiscard]] std::optional<envelope> next_timer(duration limit);
  void pass_until(duration limit) noexcept { elapsed_ = limit; }
  [[nodiscard]] duration elapsed() const noexcept { return elapsed_; }

  command_router& router() noexcept override { return *this; }
  std::shared_ptr<const actor_address> self() override { return self_address_; }
  to_self self_sender() override;
  void start_timer(std::string name, std::chrono::milliseconds delay, envelope command) override;
  void cancel_timer(std::string_view name) override;
  void in_caf(caf_work work) override;

  result<void> tell(const actor_address& to, envelope command) override;
  void ask(const actor_address& to, envelope command) override;

 private:
  struct timer {
    std::string name;
    duration due;
    envelope command;
  };

  void write_down(deed done);

  std::shared_ptr<const actor_address> self_address_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  deeds* into_ = nullptr;
  duration elapsed_{};
  /// In the order in which they were started.
  std::vector<timer> timers_;
};

}  // namespace aether::testing::detail
