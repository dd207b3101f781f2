#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/actors/command.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "core/slot_gate.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace aether::cluster {

/// Bytes that count as taken while this lives. Move-only.
class taken_bytes {
 public:
  taken_bytes(std::atomic<std::size_t>& of, std::size_t bytes) : of_{&of}, bytes_{bytes} {
    of += bytes;
  }
  taken_bytes(taken_bytes&& other) noexcept
      : of_{other.of_}, bytes_{std::exchange(other.bytes_, 0)} {}
  taken_bytes& operator=(taken_bytes&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~taken_bytes() { *of_ -= bytes_; }

 private:
  std::atomic<std::size_t>* of_;
  std::size_t bytes_;
};

/// A command that came over the network before its slot is served here.
struct kept_command {
  nats_message message;
  std::chrono::steady_clock::time_point arrived;
  taken_bytes bytes;
};
/// A command of a sender on this node, for later.
struct waiting_command {
  actor_address to;
  envelope command;
};

/// One slot's gate, and what guards it.
struct guarded_slot {
  using gate_type = slot_gate<kept_command, waiting_command>;

  explicit guarded_slot(slot which) : name{std::move(which)} {}

  const slot name;
  /// Local senders' commands go straight to the actors: read without a lock.
  std::atomic<bool> here{false};
  /// Shared by local senders while they publish; alone by who changes their way. What was published
  /// before a fence is then on its way before it.
  std::shared_mutex senders;
  std::mutex mutex;
  gate_type gate;                           // guarded by `mutex`
  nats_connection::subscription listening;  // used by the keeper alone
};

/// The commands of the slots whose types this node hosts, on their way to the actors: over the
/// network, and from senders on this node. Who decides which way is open is `slot_keeper`.
///
/// Threads: `admit` and what the network brings, any; the rest is called by one at a time.
class slot_traffic : public std::enable_shared_from_this<slot_traffic> {
 public:
  using passage = guarded_slot::gate_type::passage;

  struct options {
    std::uint32_t shards = 256;
    std::vector<actor_type> types{};
    /// Bytes of commands kept in all slots together; more are `overloaded`.
    std::size_t kept_bytes_max = 256U << 20U;
  };

  /// `to` outlives this object and the connection's handlers.
  slot_traffic(std::shared_ptr<nats_connection> over, subjects names, actor_host& to, options how);

  /// The error of a command that is refused for `full`.
  [[nodiscard]] static std::unexpected<error> too_many_kept();

  /// Null where this node does not host the type, or there is no such shard.
  [[nodiscard]] guarded_slot* find(const actor_type& type, shard_id shard) noexcept;
  template <class Visitor>
  void for_each(Visitor visit) {
    for (auto& [type, slots] : slots_)
      for (auto& one : slots) visit(*one);
  }

  /// Which way a local sender's command goes. While this lives no fence is put up: what is sent out
  /// for `shut` is published under it.
  struct admission {
    passage way = passage::shut;
    std::shared_lock<std::shared_mutex> held{};
  };
  /// Takes `command` when it is `kept`, and marks it as repeated when it goes out and had come here
  /// before; for `through`, the host may still refuse with `not_owner`:
  /// then it goes out.
  [[nodiscard]] admission admit(const actor_address& to, envelope& command);

  /// Subscribes; what comes is kept.
  void listen(guarded_slot& at);
  /// Ends the subscription.
  void ignore(guarded_slot& at);
  /// The actors get what was kept, without `got`; what comes later follows.
  /// @param sure else what was kept may have been handled elsewhere: asks are refused, for their
  ///        senders to repeat them, and tells are marked as repeated.
  void open(guarded_slot& at, const std::vector<command_id>& got, bool sure);
  /// Local senders' commands wait; what they sent before is on its way over the network.
  void hold_local(guarded_slot& at);
  /// The actors get what waited; what local senders send later follows.
  void serve(guarded_slot& at);
  /// Commands go elsewhere; what was kept and what waited goes there now.
  void shut(guarded_slot& at);
  void start_recording(guarded_slot& at);
  void stop_recording(guarded_slot& at);
  /// Whether all ids were noted, and which.
  [[nodiscard]] std::pair<bool, std::vector<command_id>> recorded(guarded_slot& at);

 private:
  void receive(guarded_slot& at, nats_message message);
  /// How a command came in.
  struct way_in {
    /// It was kept until the slot was open.
    bool kept = false;
    /// Nobody else can have handled a copy of it.
    bool sure = true;
    /// For whoever takes the slot over.
    bool noted = false;
  };
  void hand_over(guarded_slot& at, const kept_command& one, bool sure);
  void deliver(guarded_slot& at, const nats_message& message,
               std::chrono::steady_clock::time_point arrived, way_in how);
  /// To wherever the slot is served: an ask is refused, for its sender to repeat it.
  void pass_on(guarded_slot& at, const nats_message& message,
               std::chrono::steady_clock::time_point arrived);
  void pass_on(guarded_slot& at, waiting_command one);
  void publish(guarded_slot& at, const actor_address& to, envelope command);
  void refuse(const nats_message& message, const error& why);
  [[nodiscard]] reply_sink answer_to(guarded_slot& at, const command_id& id, std::string reply_to,
                                     bool noted);
  /// Whether a copy was noted as got here.
  bool strike(guarded_slot& at, const command_id& id);
  void lost(const actor_address& to, const envelope& command, error why);

  const std::shared_ptr<nats_connection> over_;
  const subjects names_;
  actor_host& to_;
  const options options_;
  std::atomic<std::size_t> kept_bytes_{0};
  std::map<actor_type, std::vector<std::unique_ptr<guarded_slot>>> slots_;
};

}  // namespace aether::cluster
