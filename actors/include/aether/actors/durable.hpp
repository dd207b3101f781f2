#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace aether {

/// How a command is stored for its actor (`actor_ref::send_durable`).
struct durable_options {
  /// Who is told what became of it: `node::outcomes` of the same name, `[A-Za-z0-9_-]{1,64}`.
  /// Empty: nobody; a command that is rejected or parked is a dead letter then.
  std::string outcome{};
  /// Not handled before: so long after now (115 years at most), or this time by the clock of the
  /// node (before the year 2200); one of them at most. What is late, because nothing ran, is
  /// handled once, as soon as something runs. What may have to be sent again, under its id, says
  /// `at`: with `after` it counts from the second call, and may be handled twice.
  std::optional<std::chrono::milliseconds> after{};
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> at{};
  /// Again after each such time, `every_min` to 115 years, until it is cancelled: the first time at
  /// `after` or `at`, or one period from now. Each time is a command of its own, with an id of its
  /// own. Times that were missed are made up for by one.
  std::optional<std::chrono::milliseconds> every{};

  static constexpr std::chrono::milliseconds every_min{100};
};

/// Says that a command is stored.
struct durable_receipt {
  /// Of the command; of a reminder the one that cancels it and that its (first) outcome has.
  command_id id;
  /// Where: stream `<PREFIX>_<ns>_DUR_<stream>`; without a NATS server 0, and in memory only.
  std::uint32_t stream = 0;
  stream_sequence sequence{};
};

using receipt_sink = std::move_only_function<void(result<durable_receipt>)>;

}  // namespace aether
