#pragma once

#include <aether/runtime/timers.hpp>
#include "durable_queue.hpp"
#include "durable_store.hpp"
#include "outcome_listener.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::cluster {

/// Stored commands of a node in memory: the same promises but the one that gives them their name,
/// for all is gone with the process. Thread-safe.
class memory_sends final : public durable_queue,
                           public durable_store,
                           public std::enable_shared_from_this<memory_sends> {
 public:
  /// Commands that wait, and reminders; more are `overloaded`.
  static constexpr std::size_t waiting_max = 65'536;

  memory_sends(timers& clock, std::function<std::chrono::system_clock::time_point()> wall_clock);

  void send(stored_command command, receipt_sink done) override;
  [[nodiscard]] result<outcome_subscription> outcomes(std::string_view name,
                                                      outcome_handler handler) override;
  [[nodiscard]] result<std::vector<parked_send>> parked(std::size_t limit) override;
  [[nodiscard]] result<void> resend(const parked_send& which) override;
  [[nodiscard]] result<void> discard(const parked_send& which) override;
  [[nodiscard]] result<bool> cancel(const actor_address& to, const command_id& id) override;

  void open(bool anew, handlers what, opened_handler done) override;
  void pull(std::size_t count) override;
  void survived() override {}
  void acknowledge(const stored_command&) override {}
  void park(const stored_command& which, std::uint32_t deliveries, const error& why,
            done_handler done) override;
  void reserve(stream_sequence, done_handler done) override { done(true); }
  void publish(const stored_command& which, const result<any_reply>& answer, bool parked) override;
  void close(bool clean) override;

 private:
  struct aside {
    stored_command command;
    parked_send shown;
  };
  void enqueue(stored_command command);
  void deliver();
  void tell();
  void remind(stored_command command);
  void due(const command_id& name);

  timers& clock_;
  const std::function<std::chrono::system_clock::time_point()> wall_clock_;
  std::mutex mutex_;
  handlers what_;
  std::uint64_t next_ = 0, next_place_ = 0, next_listener_ = 0;
  std::size_t wanted_ = 0;
  /// Somebody is at it: one at a time delivers, and one tells outcomes.
  bool delivering_ = false, telling_ = false;
  std::deque<stored_command> queue_;
  struct told {
    stored_command command;
    result<any_reply> answer;
    bool parked;
  };
  std::deque<told> untold_;
  std::map<std::uint64_t, aside> parked_;
  /// By id; of a series by the id of its first.
  std::map<command_id, stored_command> later_;
  std::map<std::string, std::map<std::uint64_t, std::shared_ptr<outcome_listener>>> listeners_;
};

}  // namespace aether::cluster
