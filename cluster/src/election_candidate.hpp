#pragma once

#include <aether/cluster/leader_election.hpp>
#include <aether/runtime/timers.hpp>
#include "core/lease_machine.hpp"
#include "lease_register.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace aether::cluster {

/// The shell around one `lease_machine`, in real time; its contract is that of `leader_election`.
///
/// The machine runs under `gate_`: on the thread of `clock_` for all that happens, on the caller's
/// for `resign` and `leave`. Whatever a register answers is only handed over to `clock_`. Handlers
/// run on the thread of `calls_`, so that they cannot hold up a renewal.
class election_candidate : public std::enable_shared_from_this<election_candidate> {
 public:
  /// @param name of the election, for the log.
  election_candidate(std::string name, std::chrono::milliseconds lease, node_id candidate,
                     std::unique_ptr<lease_register> where, election_handlers handlers);

  /// @pre Called once, and `leave` before the last reference goes.
  void start();

  [[nodiscard]] bool leading() const noexcept;
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  [[nodiscard]] std::optional<std::string> leader() const;
  [[nodiscard]] const std::string& candidate() const noexcept { return candidate_.str(); }
  [[nodiscard]] std::optional<error> problem() const;
  void resign();
  void leave();

 private:
  using task = std::move_only_function<void()>;

  /// Runs `what` on the clock's thread, under the gate; not after `leave`.
  void post(duration delay, task what);
  // All of these with the gate held.
  void prepare();
  void prepared(const result<void>& ready);
  void tick();
  void advance();
  void look_again();
  void read_done(const result<lease_state>& found);
  void write_done(const write_result& done, bool released);
  void apply(const lease_machine::effects& todo);
  void carry_out(lease_machine::read);
  void carry_out(const lease_machine::write& effect);
  void carry_out(const lease_machine::elected& effect);
  void carry_out(const lease_machine::deposed& effect);
  void carry_out(lease_machine::stopped);
  void call(task handler);
  void note(const error* problem);

  const std::string name_;
  const duration lease_;
  const node_id candidate_;
  const std::unique_ptr<lease_register> register_;
  election_handlers handlers_;

  mutable std::mutex gate_;
  std::condition_variable stopped_;
  lease_machine machine_;
  std::minstd_rand random_;
  std::optional<error> problem_;

  // What may be asked at any time without waiting for the gate.
  std::atomic<std::uint64_t> term_{0};
  std::atomic<duration::rep> leading_until_{duration::min().count()};

  std::atomic<std::thread::id> calls_thread_{};
  std::mutex leave_mutex_;
  bool left_ = false;

  timers calls_;
  timers clock_;
};

}  // namespace aether::cluster
