#pragma once

#include <aether/runtime/error.hpp>
#include "stored_command.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace aether::cluster {

/// A queue of stored commands as who works it off sees it: one at a time does, the last who opened
/// it. What was delivered and not acknowledged is delivered again to the next who opens it, first
/// to last.
///
/// Threads: any. Handlers come from any thread, one at a time, perhaps from within a call: they
/// hand over and return.
class durable_queue {
 public:
  struct handlers {
    std::function<void(stored_command)> delivered;
    /// What was pulled has come, or nothing more is there.
    std::function<void()> pull_ended;
    /// It has to be opened again: another has opened it, or the server was away.
    std::function<void(const error& why)> lost;
  };
  struct opening {
    /// Up to here, commands may have been asked by whoever had it open before.
    stream_sequence mark{};
    /// The first message, 0: none; it was the first as often in a row at a take-over, without
    /// having been tried: 0 or 1 as a rule.
    stream_sequence first{};
    std::uint32_t takeovers = 0;
  };
  using opened_handler = std::move_only_function<void(result<opening>)>;
  using done_handler = std::move_only_function<void(bool stored)>;

  virtual ~durable_queue() = default;
  /// @param anew by a process that did not have it open the moment before; counted once.
  virtual void open(bool anew, handlers what, opened_handler done) = 0;
  virtual void pull(std::size_t count) = 0;
  /// The first message was tried, and took nobody down: take-overs are counted anew.
  virtual void survived() = 0;
  virtual void acknowledge(const stored_command& which) = 0;
  /// Puts it among the parked ones; it is acknowledged apart from that.
  virtual void park(const stored_command& which, std::uint32_t deliveries, const error& why,
                    done_handler done) = 0;
  /// Stores the mark; false: another has opened the queue, or the server was not reached.
  virtual void reserve(stream_sequence mark, done_handler done) = 0;
  /// Tells who listens for its outcome.
  virtual void publish(const stored_command& which, const result<any_reply>& answer,
                       bool parked) = 0;
  /// Lets go of it. No handler is called afterwards, but for one that is under way.
  /// @param clean what was delivered has taken nobody down.
  virtual void close(bool clean) = 0;
};

}  // namespace aether::cluster
