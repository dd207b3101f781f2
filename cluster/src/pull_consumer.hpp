#pragma once

#include <aether/runtime/ids.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/nats_delivery.hpp>
#include <aether/runtime/timers.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::cluster {

/// A durable pull consumer of a work queue that belongs to the last who opened it: opening deletes
/// those of its kind that are there and makes one under a name of its own, so that all that is
/// unacknowledged is delivered again, first to last, and the pulls and acknowledgements of whoever
/// had it before go nowhere.
///
/// Threads: any. Handlers run on the connection's delivery thread, or a timer's.
class pull_consumer final : public std::enable_shared_from_this<pull_consumer> {
 public:
  struct options {
    /// `kind` begins its name, `<kind>-<random>`.
    std::string stream, kind, filter;
    /// What it pulls comes to subjects below this one.
    std::string inbox;
    /// How long the server keeps a pull that brings nothing.
    std::chrono::milliseconds expires{5'000};
    /// Beyond that, by when the server has said that it ended; else the consumer is lost.
    std::chrono::milliseconds grace{1'000};
    std::chrono::milliseconds request_timeout{5'000};
    /// Between two looks whether the connection was lost meanwhile.
    std::chrono::milliseconds look{250};
    /// More than are ever held: the server stops delivering there.
    std::size_t unacknowledged_max = 100'000;
  };
  struct handlers {
    std::function<void(nats_message, nats_delivery)> delivered;
    std::function<void()> pull_ended;
    std::function<void(const error&)> lost;
  };
  using done_handler = std::move_only_function<void(result<void>)>;

  pull_consumer(std::shared_ptr<nats_connection> over, timers& clock, options how);

  /// @errors (to `done`) `unavailable`: there is no such stream, or nobody answers; try again.
  ///         `store_failed`: the server refused, and why.
  void open(handlers what, done_handler done);
  /// One pull at a time. @pre open, and `pull_ended` was called since the last.
  void pull(std::size_t count);
  /// No handler is called any more, but for one that is under way; an opening that is under way
  /// fails.
  void close();

 private:
  void found(std::uint64_t turn, const result<nats_message>& names, done_handler done);
  void remove(std::uint64_t turn, std::vector<std::string> those, done_handler done);
  void create(std::uint64_t turn, done_handler done);
  void made(std::uint64_t turn, const result<nats_message>& answer, done_handler done);
  void on_message(nats_message message);
  void on_status(const nats_message& message);
  void watch(std::uint64_t turn);
  void end_pull();
  void lose(const error& why);
  [[nodiscard]] std::string config() const;

  const std::shared_ptr<nats_connection> over_;
  timers& clock_;
  const options how_;
  const std::string inbox_;
  std::mutex mutex_;
  handlers what_;
  nats_connection::subscription listening_;
  bool open_ = false;
  /// Of the consumer that was made last.
  std::string name_;
  /// Counts openings and their ends, and pulls; and the number of the last delivery.
  std::uint64_t turn_ = 0, pull_ = 0, last_ = 0;
  std::uint64_t losses_ = 0;
  std::size_t awaited_ = 0;
  std::chrono::steady_clock::time_point pulled_at_{};
};

}  // namespace aether::cluster
