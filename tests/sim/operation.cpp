#include "operation.hpp"

#include <utility>

namespace aether::sim {

outcome outcome_of(result<any_reply> from) {
  if (!from) {
    outcome made{from.error().code(), {}};
    if (auto reason = reason_of<list>(from.error())) made.what = *reason;
    return made;
  }
  auto reply = take_reply<list>(std::move(from));
  if (!reply) return {reply.error().code(), {}};
  return {std::nullopt, *reply};
}

std::uint64_t number_in(const any_message& command) noexcept {
  if (const auto* one = command.get_if<append>()) return one->number;
  if (const auto* one = command.get_if<append_after>()) return one->number;
  if (const auto* one = command.get_if<append_and_stop>()) return one->number;
  return 0;
}

any_message operation::command() const {
  switch (kind) {
    case operation_kind::append:
    case operation_kind::tell_append:
      return any_message::of(append{number});
    case operation_kind::append_after:
      return any_message::of(append_after{number, count});
    case operation_kind::append_and_stop:
      return any_message::of(append_and_stop{number});
    case operation_kind::look:
      return any_message::of(look{});
    case operation_kind::peek:
      return any_message::of(peek{});
  }
  std::unreachable();
}

}  // namespace aether::sim
