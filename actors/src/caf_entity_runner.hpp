#pragma once

#include "caf_host_core.hpp"
#include "caf_side_effects.hpp"
#include "core/entity.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace aether {

/// Runs one `entity` on CAF's scheduler: feeds it the inbox and carries out what it wants, in
/// order.
class entity_runner final : public activation {
 public:
  /// `host` outlives every run; what may come later holds a share of it.
  entity_runner(host_core& host, const host_core::hosted_type& type, actor_address address,
                std::uint64_t its_hash, slot_service& in)
      : activation{std::move(address), its_hash, in}, host_{host}, type_{type} {}

  resume_result resume(caf::execution_unit* on, std::size_t max_throughput) override;
  void abandon() override;

  /// Takes `input` when the runner of `to` is at work on this thread: a store that answers within
  /// the call need not go by way of the inbox.
  static bool joins_round(const activation& to, any_entity_input& input);

 private:
  /// Inbox rounds before the worker is given to another actor.
  static constexpr unsigned rounds_max = 16;

  void work_off(inbox_round& round, entity_effects& effects);
  void feed(any_entity_input& input, instant now, entity_effects& out);
  void carry_out(entity_effects& effects);

  void carry_out(entity_effect::read_tail wanted);
  void carry_out(entity_effect::confirm_tail wanted);
  void carry_out(entity_effect::load_snapshot wanted);
  void carry_out(entity_effect::read_history wanted);
  void carry_out(entity_effect::fetch_commits wanted);
  void carry_out(entity_effect::read_records wanted);
  void carry_out(entity_effect::append wanted);
  void carry_out(entity_effect::save_snapshot wanted);
  void carry_out(entity_effect::answer wanted);
  void carry_out(entity_effect::act wanted);
  void carry_out(entity_effect::retry_later wanted);
  void carry_out(entity_effect::expire_at wanted);
  void carry_out(entity_effect::report wanted);
  void carry_out(entity_effect::retired wanted);

  [[nodiscard]] activation_ptr me() noexcept { return activation_ptr{this}; }
  void read_tail();
  void load_snapshot();
  void take_ahead(std::unique_ptr<read_ahead> found);
  /// What was read ahead of this, if all of it was; else nothing.
  [[nodiscard]] std::vector<recorded_commit> ahead(const entity_effect::fetch_commits& wanted);
  [[nodiscard]] std::vector<recorded_commit> ahead(const entity_effect::read_history& wanted);
  /// Makes a handler that brings a store's answer back as the input `Input`.
  template <class Input>
  auto bring_back();
  /// Has the clock bring `input`, in place of what `entry` names.
  void post_later(timers::ticket& entry, std::chrono::steady_clock::time_point when,
                  any_entity_input input);
  /// The clock holds nothing for it any more, nor by that this object.
  void forget_alarms();
  void settle_up();
  /// Some code of the user's threw where it must not: ends the actor as a crash would; the next
  /// command brings it back from its history.
  void crash(const char* what, entity_effects& effects);
  void leave(std::vector<any_entity_input> left);
  /// For what still comes after the actor has left.
  void refuse(any_entity_input& input);
  void send_on(envelope command);

  host_core& host_;
  const host_core::hosted_type& type_;
  /// Made by the first input, on a worker.
  std::optional<entity> entity_;
  /// What is being worked off, while it runs.
  inbox_round* round_ = nullptr;
  /// What was read ahead, until the recovery ends.
  std::unique_ptr<read_ahead> ahead_;
  /// The clock's entries for the entity's own purposes; nothing, mostly.
  struct alarms {
    timers::ticket retry{}, expire{};
  };
  [[nodiscard]] alarms& my_alarms();
  std::unique_ptr<alarms> alarms_;
  /// What its side effects have made; nothing, mostly.
  std::unique_ptr<actor_belongings> belongings_;
  /// Why a side effect threw in this round.
  std::unique_ptr<std::string> threw_;
  /// Bytes of commands that were answered in this round.
  std::size_t freed_ = 0;
  /// Bytes of events since the actor was weighed last.
  std::size_t grown_ = 0;
  bool awaited_ = false;
  bool left_ = false;
  bool permitted_ = false;
  bool wants_tail_ = false;
  bool wants_snapshot_ = false;
  bool weighed_ = false;
};

}  // namespace aether
