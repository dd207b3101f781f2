#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/actors/command.hpp>
#include <aether/cluster/node.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "core/ask_machine.hpp"
#include "slot_traffic.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace aether::cluster {

/// Takes each command to the owner of its slot: a local actor without encoding, another node by the
/// slot's subject; while a slot comes to this node, as `slot_traffic` says. Carries an ask through
/// until it is answered or its deadline passes: an `ask_machine` each, with this object as its
/// shell. Asks that are open are bounded in number and in bytes; more are `overloaded`.
/// Thread-safe.
class router final : public command_router, public std::enable_shared_from_this<router> {
 public:
  struct options {
    ask_machine::options asks{};
    /// Asks that are open at once, at least 1.
    std::size_t asks_max = 65'536;
    /// Bytes of memory that their commands take, encoded copies included.
    std::size_t asks_bytes_max = 256U << 20U;
  };

  /// @param over, here null: everything is local.
  router(actor_host& local, std::shared_ptr<nats_connection> over,
         std::shared_ptr<slot_traffic> here, subjects names, std::uint32_t shards,
         const options& how, timers& clock);

  /// Begins to watch deadlines; call once, after construction.
  void start();
  /// Answers every open ask, with what is known of it; refuses what comes later.
  void stop();

  result<void> tell(const actor_address& to, envelope command) override;
  void ask(const actor_address& to, envelope command) override;
  void send(const actor_address& to, envelope command, const durable_options& how,
            receipt_sink done) override;
  void lost(const dead_letter& letter) override;

  using durable_sender = std::function<void(const actor_address&, const envelope&,
                                            const durable_options&, receipt_sink)>;
  /// What `send` stores commands with; before `start`.
  void store_with(durable_sender sender) { durably_ = std::move(sender); }

  [[nodiscard]] sent_stats stats();
  /// Sends the open asks to the new owners of the slots for which `changed` is true: those whose
  /// owner is gone. Where it hands over, it answers what it got.
  void owners_changed(const std::function<bool(const actor_type&, shard_id)>& changed);

 private:
  struct open_ask;
  using ask_ptr = std::shared_ptr<open_ask>;
  struct alignas(64) stripe {
    std::mutex mutex;
    std::unordered_map<const open_ask*, ask_ptr> asks;
    /// Of these asks, guarded by the mutex; without what is counted below.
    sent_stats books;
    std::atomic<std::uint64_t> attempts{0};
    /// Of some threads.
    std::atomic<std::uint64_t> tells{0}, tells_refused{0};
  };

  result<void> pass_on(const actor_address& to, envelope command);
  /// For one more ask. @errors `overloaded`: there is none.
  result<void> take_room(std::size_t bytes);
  void give_room_back(std::size_t bytes) noexcept;
  void refuse(envelope& command, error why);
  void carry_out(const ask_ptr& ask, ask_machine::effect effect);
  void send(const ask_ptr& ask, const ask_machine::send& attempt);
  [[nodiscard]] envelope local_attempt(const ask_ptr& ask, std::uint32_t number);
  void send_remote(const ask_ptr& ask, const ask_machine::send& attempt);
  void attempt_ended(const ask_ptr& ask, std::uint32_t number, result<any_reply> answer);
  void finish(const ask_ptr& ask, result<any_reply> answer);
  void sweep();
  /// The open asks whose deadline is not after `when`.
  [[nodiscard]] std::vector<ask_ptr> due(std::chrono::steady_clock::time_point when);
  [[nodiscard]] std::vector<ask_ptr> all_open();
  [[nodiscard]] stripe& stripe_of(const open_ask* ask);
  /// For what has no ask: threads seldom meet there.
  [[nodiscard]] stripe& stripe_of_thread();

  actor_host& local_;
  std::shared_ptr<nats_connection> over_;
  std::shared_ptr<slot_traffic> here_;
  subjects names_;
  std::uint32_t shards_;
  options how_;
  timers& clock_;
  durable_sender durably_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> open_bytes_{0};
  std::array<stripe, 16> stripes_;
};

}  // namespace aether::cluster
