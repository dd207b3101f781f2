#pragma once

#include "caf_host_core.hpp"
#include "core/entity.hpp"

#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace aether {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

/// The CAF actor that runs one `entity`: feeds it the inbox and carries out what it wants, in
/// order.
class entity_runner final : public caf::event_based_actor {
 public:
  entity_runner(caf::actor_config& config, std::shared_ptr<host_core> host, activation_ptr self,
                const host_core::hosted_type& type);
  caf::behavior make_behavior() override;
  const char* name() const override { return "aether.entity"; }

  /// Takes `input` when the runner of `to` is at work on this thread: a store that answers within
  /// the call need not go by way of the inbox.
  static bool joins_round(const activation& to, any_entity_input& input);

 private:
  /// Inbox rounds before the worker is given to another actor.
  static constexpr unsigned rounds_max = 16;

  void run();
  void work_off(inbox_round& round, entity_effects& effects);
  void feed(any_entity_input& input, entity::time_point now, entity_effects& out);
  void carry_out(entity_effects& effects);

  void carry_out(entity_effect::read_tail wanted);
  void carry_out(entity_effect::load_snapshot wanted);
  void carry_out(entity_effect::read_history wanted);
  void carry_out(entity_effect::fetch_commits wanted);
  void carry_out(entity_effect::read_records wanted);
  void carry_out(entity_effect::append wanted);
  void carry_out(entity_effect::save_snapshot wanted);
  void carry_out(entity_effect::answer wanted);
  void carry_out(entity_effect::retry_later wanted);
  void carry_out(entity_effect::report wanted);
  void carry_out(entity_effect::retired wanted);

  void make_entity();
  void read_tail();
  void load_snapshot();
  void take_ahead(std::unique_ptr<read_ahead> found);
  /// What was read ahead of this, if all of it was; else nothing.
  [[nodiscard]] std::vector<recorded_commit> ahead(const entity_effect::fetch_commits& wanted);
  [[nodiscard]] std::vector<recorded_commit> ahead(const entity_effect::read_history& wanted);
  /// Makes a handler that brings a store's answer back as the input `Input`.
  template <class Input>
  auto bring_back();
  /// Some code of the user's threw where it must not: ends the actor as a crash would; the next
  /// command brings it back from its history.
  void crash(const char* what);
  void leave(std::vector<any_entity_input> left);
  /// For what still comes after the actor has left.
  void refuse(any_entity_input& input);

  const std::shared_ptr<host_core> host_;
  const activation_ptr self_;
  const host_core::hosted_type& type_;
  /// Made by the first input, on a worker, because a factory is the user's code.
  std::optional<entity> entity_;
  /// What is being worked off, while it runs.
  inbox_round* round_ = nullptr;
  /// What was read ahead, until the recovery ends.
  std::unique_ptr<read_ahead> ahead_;
  bool awaited_ = false;
  bool gone_ = false;
  bool permitted_ = false;
  bool wants_tail_ = false;
  bool wants_snapshot_ = false;
};

}  // namespace aether
