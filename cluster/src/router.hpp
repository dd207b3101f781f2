#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/actors/command.hpp>
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
/// shell. Thread-safe.
class router final : public command_router, public std::enable_shared_from_this<router> {
 public:
  /// @param over, here null: everything is local.
  router(actor_host& local, std::shared_ptr<nats_connection> over,
         std::shared_ptr<slot_traffic> here, subjects names, std::uint32_t shards,
         ask_machine::options how, timers& clock);

  /// Begins to watch deadlines; call once, after construction.
  void start();
  /// Answers every open ask, with what is known of it; refuses what comes later.
  void stop();

  result<void> tell(const actor_address& to, envelope command) override;
  void ask(const actor_address& to, envelope command) override;

  /// Sends the open asks to the new owners of the slots for which `changed` is true: those whose
  /// owner is gone. Where it hands over, it answers what it got.
  void owners_changed(const std::function<bool(const actor_type&, shard_id)>& changed);

 private:
  struct open_ask;
  using ask_ptr = std::shared_ptr<open_ask>;
  struct stripe {
    std::mutex mutex;
    std::unordered_map<const open_ask*, ask_ptr> asks;
  };

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

  actor_host& local_;
  std::shared_ptr<nats_connection> over_;
  std::shared_ptr<slot_traffic> here_;
  subjects names_;
  std::uint32_t shards_;
  ask_machine::options how_;
  timers& clock_;
  std::atomic<bool> stopped_{false};
  std::array<stripe, 16> stripes_;
};

}  // namespace aether::cluster
