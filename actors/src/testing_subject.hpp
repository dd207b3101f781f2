#pragma once

#include <aether/actors/testing_stage.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether::testing::detail {

/// Expected and found, in words.
/// @throws expectation_failed
[[noreturn]] void failed(std::string_view what, const std::string& expected,
                         const std::string& found);
[[nodiscard]] std::string describe_all(const std::vector<written>& messages);
[[nodiscard]] inline std::string describe(const written& message) {
  return aether::describe(message.type, message.data);
}
[[nodiscard]] written write(const any_message& message);

/// What became of the events and the reply of one decision.
struct carried_out {
  std::vector<written> events;
  std::optional<written> reply;
  std::optional<error> failure;
};

/// The actor under test with its history. Whatever it takes in or gives out has been through its
/// codec, and each step is checked as `aether/actors/testing.hpp` says; what does not hold throws
/// `expectation_failed`.
class test_subject {
 public:
  /// @param self outlives it.
  test_subject(subject of, const actor_address& self);

  /// What comes back when `message` is encoded and read.
  [[nodiscard]] any_message through_codec(std::string_view role, const any_message& message) const;

  void add_history(const std::vector<any_message>& events);
  /// Another object in the same state.
  void restart(bool from_snapshot);

  [[nodiscard]] result<aether::detail::decision> decide(const any_message& command,
                                                        const command_context& context);
  /// Events, then reply; all or none.
  [[nodiscard]] carried_out carry_out(aether::detail::decision& made);

  [[nodiscard]] const actor_traits& traits() const noexcept { return *of_.traits; }
  [[nodiscard]] event_version version() const noexcept { return event_version{history_.size()}; }
  [[nodiscard]] written state() const { return {std::string{of_.state->wire_name}, state_}; }

 private:
  [[nodiscard]] any_message read_back(std::string_view role, const message_type& type,
                                      const bytes& data, const void* original) const;
  [[nodiscard]] bytes encoded_state() const;
  void load(const bytes& state);
  [[nodiscard]] bytes replayed(std::size_t from);
  [[nodiscard]] bytes replayed_from_start();
  [[nodiscard]] std::string words(const bytes& state) const;
  /// Takes over the state that history and its last `added` events make.
  void settle(std::size_t added, const std::optional<bytes>& as_persisted);
  void undo(std::size_t added, const bytes& state);
  [[nodiscard]] std::optional<error> apply(const aether::detail::decision& made,
                                           std::vector<written>& events);

  subject of_;
  const actor_address* self_;
  std::unique_ptr<behavior> live_;
  std::vector<event_record> history_;
  /// As it was encoded last.
  bytes state_;
};

}  // namespace aether::testing::detail
