#pragma once

#include <aether/actors/command.hpp>
#include <aether/runtime/ids.hpp>
#include "engine/timeline.hpp"
#include "list_actor.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace aether::sim {

enum class operation_kind : std::uint8_t {
  append,
  append_after,
  append_and_stop,
  look,
  peek,
  tell_append
};

[[nodiscard]] constexpr bool changes(operation_kind kind) noexcept {
  return kind != operation_kind::look && kind != operation_kind::peek;
}

/// How a command ended, as its sender sees it; without a code: with the list as it then was. A
/// rejection has the list that it was made from, too.
struct outcome {
  std::optional<errc> code;
  list what;
};

[[nodiscard]] outcome outcome_of(result<any_reply> from);

/// The operation whose number a command appends; 0: it appends nothing.
[[nodiscard]] std::uint64_t number_in(const any_message& command) noexcept;

/// One command of one client. Its number is what it appends.
struct operation {
  std::uint64_t number = 0;
  operation_kind kind = operation_kind::append;
  std::uint32_t client = 0;
  /// The process that its client was in.
  std::uint32_t home = 0;
  std::uint32_t actor = 0;
  /// For `append_after`.
  std::uint64_t count = 0;
  command_id id;
  real_time invoked{};
  /// What others were told of the actor's length before this began.
  std::uint64_t known_before = 0;
  /// Set when its sender knows.
  std::optional<outcome> ended;
  real_time ended_at{};
  /// The version of its event, once that is stored.
  std::uint64_t version = 0;
  /// How many times a host has taken it.
  std::uint32_t copies = 0;

  [[nodiscard]] any_message command() const;
};

}  // namespace aether::sim
