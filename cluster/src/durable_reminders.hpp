#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "durable_streams.hpp"
#include "pull_consumer.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

namespace aether::cluster {

/// Puts what is due into the queue of one range of shards, where the server does not do so itself;
/// and the next of each series behind it. What came due while nobody did so comes at once, of a
/// series one. A crash between two steps repeats them: the queue drops the copy, or the actor knows
/// the command's id.
///
/// Threads: any.
class durable_reminders final : public std::enable_shared_from_this<durable_reminders> {
 public:
  struct parts {
    std::shared_ptr<nats_connection> over;
    subjects names;
    std::shared_ptr<durable_streams> streams;
    timers* clock = nullptr;
    std::function<std::chrono::system_clock::time_point()> wall_clock;
  };
  /// Reminders of a range that are known here. Others come when these have fired.
  static constexpr std::size_t known_max = 65'536;

  durable_reminders(parts of, std::uint32_t k);
  void start();
  void stop();

 private:
  struct reminder {
    stream_sequence sequence;
    std::string ack_to;
  };

  void open();
  void open_later();
  void pull();
  void take(const nats_message& message, stream_sequence sequence);
  void arm();
  void fire_due();
  void fire(reminder which);
  void fetched(reminder which, const result<nats_message>& got);
  void look_at_leader(reminder which);
  void enqueue(const reminder& which, const stored_command& command);
  void again(reminder which);
  void done(const reminder& which);
  [[nodiscard]] std::uint64_t now_ms() const;

  const parts parts_;
  const std::uint32_t k_;
  const std::shared_ptr<pull_consumer> consumer_;
  std::mutex mutex_;
  bool stopped_ = false, pulling_ = false;
  /// By when they are due.
  std::multimap<std::uint64_t, reminder> known_;
  /// Of these, and of those that fire now.
  std::unordered_set<std::uint64_t> sequences_;
  std::uint64_t armed_for_ = 0;
};

}  // namespace aether::cluster
