#pragma once

#include <aether/actors/testing_stage.hpp>
#include "testing_recorder.hpp"
#include "testing_subject.hpp"

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::testing::detail {

/// What one command came to.
struct outcome {
  written command;
  std::vector<written> events{};
  std::optional<written> reply{};
  std::optional<error> failure{};
  bool deferred = false;
  bool stopped = false;
  /// Afterwards.
  written state{};
  detail::deeds deeds{};
};

struct stage::impl {
  /// So many commands may follow from one another without time going on.
  static constexpr std::size_t chain_max = 1'000;

  struct put_off {
    envelope command;
    /// Not again before the version is another; none: as soon as may be.
    std::optional<event_version> at;
  };

  impl(subject of, std::string_view id);
  ~impl();

  /// Begins a step: what is decided from now on follows from it.
  void begin_step();
  void run(envelope command);
  /// Decides what is left to decide.
  void settle();
  /// Once each of those that have seen another version. @returns whether there were any.
  bool decide_deferred();
  void decide_waiting(envelope command);
  /// @returns whether it is to be decided again.
  bool decide(envelope& command);
  void carry_out(envelope& command, aether::detail::decision made, command_context::facts known,
                 outcome& out);
  void run_side_effects(aether::detail::decision& made, const command_context& context,
                        outcome& out);
  void check_deeds(deeds& of) const;
  void leave_memory();
  void forget_questions();
  void pass_time(std::chrono::nanoseconds by);
  void give_answer(result<any_message> answer);

  /// The outcome that expectations are about; where there is none, fails.
  [[nodiscard]] outcome& seen(std::string_view what, const std::string& expected) const;
  void expect(const deed& like);

  std::shared_ptr<const actor_address> self;
  test_subject actor;
  command_context::wall_time now{};
  recorder effects;
  std::list<put_off> deferred;
  std::uint64_t commands = 0;
  std::size_t chain = 0;

  std::shared_ptr<const actor_address> next_sender;
  command_id next_correlation;

  std::deque<outcome> outcomes;
  outcome* current = nullptr;
  /// The first outcome that `expect_decided` has not come to.
  std::size_t next = 0;
  deed* question = nullptr;
  /// Who asked it.
  outcome* asker = nullptr;
};

}  // namespace aether::testing::detail
