#pragma once

#include <chrono>
#include <cstdint>

namespace aether::sim {

/// What a run is like.
enum class profile : std::uint8_t {
  by_seed,  ///< the seed decides
  planned,  ///< nodes join, leave and are rolled out; nothing goes wrong
  faulty,   ///< and everything that may go wrong does
};

/// Protocols broken on purpose, by models that do not do their part: what a simulation is worth is
/// whether it notices.
struct breakage {
  /// The log takes an append whatever its condition.
  bool unconditional_appends = false;
  /// KV takes a write whatever the revision.
  bool unconditional_keys = false;
  /// No owner knows a command again: each copy is a new command to it.
  bool forget_commands = false;
  /// A node acts on tables that it had before, again.
  bool old_tables = false;
  /// A node that takes over does not ask the one before.
  bool seize_slots = false;
  /// A node thinks itself in contact for ever.
  bool endless_contact = false;
};

struct settings {
  std::uint64_t seed = 1;
  /// Nodes that host actors; 0: the seed decides.
  std::uint32_t nodes = 0;
  /// Steps while things go wrong; before and after come a few thousand more.
  std::uint64_t steps = 6'000;
  std::uint64_t trace_lines = 200;
  profile kind = profile::by_seed;
  breakage broken = {};
  /// Give the trace of a good run, too.
  bool keep_trace = false;
};

/// How a run ended.
struct verdict {
  /// The violated invariant's name; null: none.
  const char* violated = nullptr;
  const char* sentence = nullptr;
  /// What exactly.
  char detail[512] = {};
  std::uint64_t steps = 0;
  std::uint64_t hash = 0;
  double virtual_seconds = 0;
  profile kind = profile::faulty;
  std::uint64_t asks = 0;
  std::uint64_t answered = 0;
  std::uint64_t unknown = 0;
  std::uint64_t events = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t terms = 0;
  std::uint64_t tables = 0;
  /// The longest ask that was answered, in milliseconds.
  double longest_ms = 0;
  /// From the end of the last fault until all was served.
  double healed_ms = 0;
};

}  // namespace aether::sim
