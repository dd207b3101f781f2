#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/runtime/timers.hpp>
#include "core/shard_table.hpp"
#include "core/slot_intake.hpp"
#include "core/slot_release.hpp"
#include "hand_over_talk.hpp"
#include "slot_tenant.hpp"
#include "slot_traffic.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace aether::cluster {

/// Has this node serve the slots that the table gives to it, and let go of the others, by hand-over
/// where the table names a giver: a `slot_intake` and a `slot_release` for each slot, with this
/// object as their shell. `slot_traffic` has the commands meanwhile, `hand_over_talk` the requests.
///
/// Threads: `follow` and all machines run on the thread of the timers; `still_has`, any.
class slot_keeper : public std::enable_shared_from_this<slot_keeper> {
 public:
  struct options {
    process self;
    std::vector<actor_type> types{};
    slot_intake::options intake{};
    slot_release::options release{};
    /// What lives in slots beside actors; null: nothing. Outlives the keeper.
    slot_tenant* tenant = nullptr;
  };
  /// Every slot that this process owns in the table of that revision is served; some since now.
  using settled_handler =
      std::function<void(std::uint64_t revision, const std::vector<slot>& taken)>;

  /// The host and the timers outlive the connection's handlers.
  slot_keeper(std::shared_ptr<slot_traffic> traffic, std::shared_ptr<hand_over_talk> talk,
              actor_host& host, timers& clock, options how);

  /// Answers takers from now on. @param on_settled called on the thread of the timers.
  result<void> start(settled_handler on_settled);
  /// @pre on the thread of the timers; of ever higher revisions.
  void follow(const std::shared_ptr<const shard_table>& next);
  /// Another process is this node now: lets go of everything.
  void abandon();
  /// Ends every subscription and all hand-overs. The host still serves what came.
  void stop();

  /// Slots that are served here or being taken or let go of.
  [[nodiscard]] std::size_t still_has() const noexcept { return still_has_; }

 private:
  /// One slot: on the thread of the timers.
  struct kept {
    explicit kept(guarded_slot& where) : at{where} {}
    guarded_slot& at;
    bool mine = false;
    /// Served, being taken, or being let go of.
    bool has = false;
    std::optional<process> giver{};
    /// Served, or being taken.
    std::optional<slot_intake> intake{};
    /// Being let go of, or just let go.
    std::optional<slot_release> release{};
    /// Of the last assignment; rises.
    std::uint64_t round = 0;
    /// A taker knew of this table: older ones do not count for this slot.
    std::uint64_t believed = 0;
    /// Reply subjects of those who wait for the slot.
    std::vector<std::string> askers{};
    /// What the giver got.
    std::vector<command_id> got{};
    std::chrono::steady_clock::time_point since{};
  };
  /// What one input wants sent, gathered so that many slots share a message.
  struct outbox {
    std::map<std::pair<process, hand_over_step>, std::vector<kept*>> asks;
    std::map<std::pair<std::string, hand_over_step>, std::vector<hand_done>> answers;
    std::vector<std::function<void()>> echoes;
  };

  template <class Input>
  void post(Input input);
  /// Sends what the inputs wanted, sees to the next deadline, and says what is settled.
  void finish_step();
  void ask(const process& giver, hand_over_step step, const std::vector<kept*>& of);
  void arm();
  void wake();
  void say_settled();

  [[nodiscard]] kept* find(const slot& which);
  void consider(kept& one);
  void take_up(kept& one);
  void let_go(kept& one);
  /// No actor of the slot is served here any more, whatever waits.
  void evict(kept& one);
  void drain_actors(kept& one, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] slot_release& releasing(kept& one);
  [[nodiscard]] bool idle(const kept& one) const;

  void requested(const hand_request& request, const std::string& reply_to);
  void record_requested(kept& one, const process& taker, const std::string& reply_to);
  void release_requested(kept& one, const std::string& reply_to);
  void answered(const hand_answer& answer,
                const std::vector<std::pair<kept*, std::uint64_t>>& asked);

  void carry_out(kept& one, const slot_intake::effects& effects);
  void carry_out(kept& one, const slot_release::effects& effects);
  void note(kept& one, bool had);
  void act(kept& one, const slot_intake::ask_record& effect);
  void act(kept& one, const slot_intake::ask_release& effect);
  void act(kept& one, const slot_intake::listen& effect);
  void act(kept& one, const slot_intake::open& effect);
  void act(kept& one, const slot_intake::fence& effect);
  void act(kept& one, const slot_intake::serve& effect);
  void act(kept& one, const slot_intake::give_up& effect);
  void act(kept& one, const slot_release::start_recording& effect);
  void act(kept& one, const slot_release::stop_recording& effect);
  void act(kept& one, const slot_release::tell_recorded& effect);
  void act(kept& one, const slot_release::close& effect);
  void act(kept& one, const slot_release::drain& effect);
  void act(kept& one, const slot_release::tell_released& effect);
  void act(kept& one, const slot_release::cut_short& effect);

  const std::shared_ptr<slot_traffic> traffic_;
  const std::shared_ptr<hand_over_talk> talk_;
  actor_host& host_;
  timers& clock_;
  const options options_;
  settled_handler on_settled_;
  std::map<const guarded_slot*, kept> slots_;
  std::shared_ptr<const shard_table> table_;
  outbox out_;
  /// Who has just asked; for `tell_recorded`.
  std::string asker_;
  /// Slots whose machines have something under way, and those that were let go of in this step.
  std::set<kept*> active_;
  std::set<kept*> reconsider_;
  std::vector<slot> taken_;
  std::uint64_t settled_ = 0;
  std::chrono::steady_clock::time_point armed_until_ = std::chrono::steady_clock::time_point::max();
  std::atomic<std::size_t> still_has_{0};
  /// Held while an input is worked off; `stop` waits for it.
  std::mutex step_mutex_;
  bool stopped_ = false;
};

}  // namespace aether::cluster
