#pragma once

#include "broker.hpp"
#include "cluster/src/core/hand_over.hpp"
#include "cluster/src/core/shard_table.hpp"
#include "cluster/src/core/slot_intake.hpp"
#include "cluster/src/core/slot_release.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace aether::sim {

class process;
class world;

/// What `cluster::slot_keeper` is to a node: has it serve the slots that the table gives to it, and
/// let go of the others, with a `slot_intake` and a `slot_release` for each.
class slots {
 public:
  slots(world& in, process& owner);

  /// Answers takers from now on.
  void start();
  void follow(const std::shared_ptr<const cluster::shard_table>& next);
  /// Another process is this node now.
  void abandon();
  /// Ends every subscription and all hand-overs; the actors still work off what came.
  void stop();
  /// No slot is here, in the table or in fact.
  [[nodiscard]] bool empty() const;

  /// A request of a taker, or an echo of this process's own.
  void asked(const message& what);

 private:
  struct kept {
    std::uint32_t slot = 0;
    bool mine = false;
    std::optional<cluster::process> giver{};
    std::optional<cluster::slot_intake> intake{};
    std::optional<cluster::slot_release> release{};
    std::uint64_t round = 0;
    /// A taker knew of this table: older ones do not count for this slot.
    std::uint64_t believed = 0;
    /// Who waits for the slot.
    std::vector<message> askers{};
    /// What the giver got.
    std::vector<command_id> got{};
  };
  using step = cluster::hand_over_step;
  struct wanted {
    cluster::process giver;
    step what;
    kept* of;
  };
  struct reply {
    message to;
    step what;
    std::uint32_t slot;
    bool complete = true;
    std::vector<command_id> got{};
  };

  template <class Input>
  void post(Input input);
  void finish_step();
  void ask(const wanted& one);
  void arm();
  void wake();
  void say_settled();
  [[nodiscard]] bool lost_its_server(const cluster::shard_table* before, std::uint32_t slot) const;
  void consider(kept& one);
  void take_up(kept& one);
  void let_go(kept& one);
  [[nodiscard]] static cluster::slot_release& releasing(kept& one);
  void record_requested(kept& one, const cluster::process& taker, const message& from);
  void release_requested(kept& one, const message& from);

  void carry_out(kept& one, const cluster::slot_intake::effects& effects);
  void carry_out(kept& one, const cluster::slot_release::effects& effects);
  void act(kept& one, const cluster::slot_intake::ask_record& effect);
  void act(kept& one, const cluster::slot_intake::ask_release& effect);
  void act(kept& one, const cluster::slot_intake::listen& effect);
  void act(kept& one, const cluster::slot_intake::open& effect);
  void act(kept& one, const cluster::slot_intake::fence& effect);
  void act(kept& one, const cluster::slot_intake::serve& effect);
  void act(kept& one, const cluster::slot_intake::give_up& effect);
  void act(kept& one, const cluster::slot_release::start_recording& effect);
  void act(kept& one, const cluster::slot_release::stop_recording& effect);
  void act(kept& one, const cluster::slot_release::tell_recorded& effect);
  void act(kept& one, const cluster::slot_release::close& effect);
  void act(kept& one, const cluster::slot_release::drain& effect);
  void act(kept& one, const cluster::slot_release::tell_released& effect);
  void act(kept& one, const cluster::slot_release::cut_short& effect);
  /// On this process's own subject and back: what it sent before has been handled by then.
  void echo(callback<> back);

  world& in_;
  process& owner_;
  std::vector<kept> slots_;
  std::shared_ptr<const cluster::shard_table> table_;
  std::vector<wanted> asks_;
  std::vector<reply> answers_;
  std::vector<kept*> reconsider_;
  /// Who has just asked; for `tell_recorded`.
  message asker_;
  std::uint64_t settled_ = 0;
  std::chrono::steady_clock::time_point armed_until_ = std::chrono::steady_clock::time_point::max();
  bool stopped_ = false;
};

}  // namespace aether::sim
