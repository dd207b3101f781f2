#pragma once

#include <aether/persistence/event_bus.hpp>
#include "../core/bus_match.hpp"
#include "../core/gap_buffer.hpp"
#include "bus_item.hpp"
#include "log_pages.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace aether::detail {

/// A subscription behind its handle: a buffer that the bus fills, and a thread that empties it into
/// the handlers, catching up gaps where it is told to.
///
///   waiting --start--> running --stop--> stopped
///
/// Locks: `mutex_` is the innermost of all; no handler and no store is called under it.
class subscription_core : public std::enable_shared_from_this<subscription_core> {
 public:
  /// Where each stream stood when the subscription began: by its name.
  using positions = std::map<std::string, std::uint64_t, std::less<>>;

  subscription_core(bus_match match, subscription_options options, event_handlers handlers,
                    log_finder logs)
      : match_{std::move(match)},
        options_{std::move(options)},
        handlers_{std::move(handlers)},
        logs_{std::move(logs)},
        buffer_{options_.buffer_max, options_.buffer_bytes_max} {}

  [[nodiscard]] const bus_match& match() const noexcept { return match_; }

  // What the bus calls: quick, from any thread, one at a time for each stream.
  void offer(const std::shared_ptr<const bus_item>& item);
  void missed(const event_gap& gap);

  /// Begins to deliver what comes after `behind`.
  /// @param source what brings it; kept until the subscription ends.
  void start(positions behind, std::shared_ptr<void> source);
  /// Returns when no handler runs any more, unless called from one.
  void stop();
  [[nodiscard]] subscription_stats stats() const;

 private:
  using entry = gap_buffer<const bus_item>::entry;

  void run();
  [[nodiscard]] std::optional<entry> next();
  void deliver(const bus_item& item);
  void deliver(event_gap gap);
  void deliver(const event_place& place, const recorded_commit& from, bool caught_up);
  void deliver_unreadable(const event_place& place, const error& why);
  void report(const event_gap& gap);
  /// Calls a handler of the user's, who may throw.
  template <class Call>
  void guarded(Call&& call);

  void catch_up(event_gap gap);
  /// @returns none when it is to stop.
  [[nodiscard]] std::optional<result<shard_page>> read_page(const event_gap& gap);
  [[nodiscard]] result<void> ask_for_page(const event_gap& gap, std::shared_ptr<page_slot> slot);
  /// Delivers what a page has of the gap, and moves the gap's beginning behind it; empties it where
  /// the page tells that there is no more of it.
  void take_page(event_gap& gap, const shard_page& page);
  /// The gap's part before `sequence` is not in the log.
  void skip_to(event_gap& gap, std::uint64_t sequence);
  [[nodiscard]] std::uint64_t behind(const bus_stream& stream) const;
  /// Returns early, with false, when it is to stop.
  bool pause(std::chrono::milliseconds how_long);

  const bus_match match_;
  const subscription_options options_;
  const event_handlers handlers_;
  const log_finder logs_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  gap_buffer<const bus_item> buffer_;
  bool idle_ = false;
  std::atomic<bool> stopping_{false};  // changed under the mutex
  std::shared_ptr<page_slot> reading_;
  /// The log that gaps were last read from, kept until it has answered. The thread's own.
  std::shared_ptr<event_store> log_;

  /// The thread's own.
  positions behind_;
  std::shared_ptr<void> source_;
  std::thread thread_;

  std::atomic<std::uint64_t> seen_{0}, delivered_{0}, caught_up_{0}, gaps_{0}, gap_positions_{0},
      unreadable_{0}, handler_failures_{0};
};

}  // namespace aether::detail
