#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/actors/command.hpp>
#include <aether/runtime/timers.hpp>
#include "core/durable_pump.hpp"
#include "durable_queue.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace aether::cluster {

/// Works off one durable queue: a `durable_pump`, with this object as its shell. Opens the queue,
/// again and again until it is stopped, asks the actors through the node's router, acknowledges
/// what is decided.
///
/// Threads: any.
class durable_worker final : public std::enable_shared_from_this<durable_worker> {
 public:
  struct options {
    durable_pump::options pump{};
    /// One attempt; the router retries within it.
    std::chrono::milliseconds attempt{5'000};
    std::chrono::milliseconds reopen{1'000};
    /// What was held for longer before it is asked may be decided: this process may have been
    /// stopped meanwhile, and another have the queue. Below any failure timeout.
    std::chrono::milliseconds fresh{500};
    /// For logs.
    std::string name{};
  };
  struct parts {
    std::shared_ptr<durable_queue> queue;
    /// Both outlive the worker; what they were asked is answered when they stop.
    command_router* router = nullptr;
    std::function<const actor_traits*(const actor_type&)> find;
    std::shared_ptr<aether::dead_letters> dead;
    timers* clock = nullptr;
  };

  durable_worker(parts of, options how) : parts_{std::move(of)}, how_{std::move(how)} {}

  void start();
  /// Nothing is asked from now on; what is under way is still acknowledged. Idempotent.
  void stop();
  /// Commands held; and ones that were decided or parked since the start.
  struct numbers {
    std::size_t held = 0;
    std::uint64_t decided = 0, parked = 0;
  };
  [[nodiscard]] numbers stats() const;

 private:
  struct held {
    stored_command command;
    std::chrono::steady_clock::time_point since;
    /// It may have been decided: an attempt ended so, or the queue was opened again meanwhile.
    bool uncertain = false;
  };
  using held_ptr = std::shared_ptr<held>;

  void open(bool anew);
  void opened(result<durable_queue::opening> how);
  void lost(const error& why);
  void open_later();
  void delivered(stored_command command);
  [[nodiscard]] held_ptr find(stream_sequence which) const;
  void carry_out(durable_pump::effects effects);
  void ask(const durable_pump::ask& what);
  void answered(const held_ptr& kept, result<any_reply> answer);
  void start_anew();
  void acknowledge(stream_sequence which);
  void park(durable_pump::park what);
  void reserve(stream_sequence mark);
  [[nodiscard]] result<any_message> decode(const stored_command& command) const;
  void report(const stored_command& command, const result<any_reply>& answer, bool parked);
  template <class Input>
  void step(Input input);

  const parts parts_;
  const options how_;
  mutable std::mutex mutex_;
  durable_pump pump_{how_.pump};
  std::unordered_map<std::uint64_t, held_ptr> held_;
  bool stopped_ = false, ever_open_ = false;
  stream_sequence mark_{}, seen_{};
  /// The first of the queue, until it was tried; 0 then.
  stream_sequence first_{};
  std::uint32_t takeovers_ = 0;
  std::uint64_t decided_ = 0, parked_ = 0;
};

}  // namespace aether::cluster
