#pragma once

#include <aether/actors/behavior.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// What stands behind `aether/actors/testing.hpp`, without the types of the actor under test.
namespace aether::testing {

struct expectation_failed : std::logic_error {
  using std::logic_error::logic_error;
};

namespace detail {

/// A message as it is stored and sent.
struct written {
  std::string type;
  bytes data;
  friend bool operator==(const written&, const written&) = default;
};

template <message T>
[[nodiscard]] written write(const T& value) {
  return {std::string{T::aether_wire_name}, encode(value)};
}

/// A type's own `==`.
struct comparison {
  const message_type* of;
  bool (*same)(const void* one, const void* other);
};

/// An actor's class, as far as its test needs it.
struct subject {
  const actor_traits* traits;
  const message_type* state;
  /// Of those of its messages that can be compared.
  std::vector<comparison> comparisons;
  behavior_factory make;
};

template <class T>
void add_comparison(std::vector<comparison>& to) {
  if constexpr (message<T> && std::equality_comparable<T>)
    to.push_back({&message_type_of<T>(), [](const void* one, const void* other) {
                    const T& a = *static_cast<const T*>(one);
                    // What does not equal itself (a NaN) says nothing.
                    return !(a == a) || a == *static_cast<const T*>(other);
                  }});
}
template <message... Ts>
void add_comparisons(std::vector<comparison>& to, messages<Ts...>) {
  (add_comparison<Ts>(to), ...);
  (add_comparison<reply_of<Ts>>(to), ...);
}

template <class Actor, class Factory>
[[nodiscard]] subject subject_of(Factory make) {
  subject made{&model<Actor>::traits(),
               &message_type_of<typename Actor::state>(),
               {},
               [make](const actor_address& self) -> std::unique_ptr<behavior> {
                 return std::make_unique<model<Actor>>(make(), self);
               }};
  add_comparison<typename Actor::state>(made.comparisons);
  add_comparisons(made.comparisons, typename Actor::commands{});
  add_comparisons(made.comparisons, typename Actor::events{});
  add_comparisons(made.comparisons, typename retired_events_of<Actor>::type{});
  return made;
}

template <message T>
[[nodiscard]] const message_type* type_or_none() noexcept {
  return &message_type_of<T>();
}
template <class T>
  requires std::is_void_v<T>
[[nodiscard]] const message_type* type_or_none() noexcept { return nullptr; }

/// One actor without a runtime, and what it did so far. Each `expect_` throws `expectation_failed`;
/// it speaks of the outcome that `when` or `expect_decided` was last called for.
class stage {
 public:
  stage(subject of, std::string_view id);
  ~stage();

  void add_history(std::vector<any_message> events);
  void restart(bool from_snapshot);

  void set_time(command_context::wall_time now);
  void set_sender(std::string_view type, std::string_view id);
  void set_correlation(command_id story);
  void when(any_message command);
  void advance(std::chrono::nanoseconds by);
  /// @param answer nothing where the command has no reply.
  void answer(result<any_message> answer);

  void expect_persisted(const std::vector<written>& events);
  void expect_persisted_nothing();
  void expect_replied(const written& reply);
  void expect_rejected(std::string_view text);
  void expect_rejected(const written& reason);
  void expect_failed(errc code);
  void expect_deferred();
  void expect_stopped();
  void expect_state(const written& state);

  void expect_told(const std::string& whom, const written& command);
  void expect_asked(const std::string& whom, const written& command, const message_type* reply);
  void expect_told_itself(const written& command);
  void expect_timer(std::string_view name, std::chrono::milliseconds delay, const written& command);
  void expect_timer_cancelled(std::string_view name);
  void expect_caf();
  void expect_no_side_effects();
  void expect_decided(const written& command);
  void expect_decided_nothing_more();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace detail

}  // namespace aether::testing
