#pragma once

#include "timeline.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aether::sim {

/// What a trace knows, and how a line of it reads: `%w` who, `%a` `%b` `%c` numbers.
#define AETHER_SIM_HAPPENINGS(X)                                                 \
  X(process_started, "%w starts as node %a, weight %b")                          \
  X(process_killed, "%w is killed")                                              \
  X(process_paused, "%w stands still for %a ms")                                 \
  X(process_resumed, "%w runs again")                                            \
  X(process_left, "%w has left")                                                 \
  X(process_refused, "%w is refused")                                            \
  X(process_joined, "%w is a member")                                            \
  X(leaving_announced, "%w is going to leave")                                   \
  X(member_changed, "%w sees node %a: event %b")                                 \
  X(elected, "%w leads, term %a")                                                \
  X(deposed, "%w leads no more, term %a")                                        \
  X(table_written, "%w writes the table: revision %a, term %b, %c nodes")        \
  X(table_adopted, "%w has table revision %a")                                   \
  X(table_settled, "%w serves all that table revision %a gives it")              \
  X(lease_written, "%w writes the lease: revision %a")                           \
  X(write_conflict, "%w writes key %a under revision %b, which is %c")           \
  X(connection_lost, "%w notices that its connection is gone")                   \
  X(connection_made, "%w is connected to server %a")                             \
  X(session_dropped, "server %a drops the connection of %w")                     \
  X(cable_cut, "%w is cut off")                                                  \
  X(cable_mended, "%w can be reached again")                                     \
  X(server_killed, "server %a is gone")                                          \
  X(server_started, "server %a runs")                                            \
  X(route_cut, "server %a is cut off from the others")                           \
  X(route_mended, "server %a reaches the others again")                          \
  X(storage_gone, "JetStream does not answer for %a ms, says so: %b")            \
  X(clock_drifts, "%w has a clock that runs %a millionths fast")                 \
  X(network_slow, "messages take up to %a us")                                   \
  X(slot_accepted, "%w opens slot %a, table revision %b, sure %c")               \
  X(slot_released, "%w closes slot %a")                                          \
  X(slot_phase, "%w takes slot %a: phase %b, round %c")                          \
  X(giving_phase, "%w gives slot %a: phase %b")                                  \
  X(actor_activated, "%w brings actor %a to life")                               \
  X(actor_left, "%w has no actor %a any more")                                   \
  X(actor_report, "%w, actor %a: report %b")                                     \
  X(asked, "%w asks actor %a: operation %b, kind %c")                            \
  X(told, "%w tells actor %a: operation %b")                                     \
  X(answered, "%w has an answer: operation %a, code %b, count %c")               \
  X(command_refused, "%w refuses a command for actor %a: operation %b, code %c") \
  X(command_taken, "%w takes a command for actor %a: operation %b, repeated %c") \
  X(dead_letter, "%w loses a command for actor %a: operation %b, code %c")       \
  X(stored, "%w stores %c events of actor %a from version %b on")                \
  X(append_conflict, "%w meets a conflict on actor %a at version %b")            \
  X(snapshot_stored, "%w stores a snapshot of actor %a at version %b")           \
  X(message_lost, "a message of kind %a to %w is lost")                          \
  X(phase_of_run, "the run enters phase %a")                                     \
  X(operation_planned, "planned: operation kind %a on %w")

enum class happening : std::uint8_t {
#define AETHER_SIM_NAME(name, text) name,
  AETHER_SIM_HAPPENINGS(AETHER_SIM_NAME)
#undef AETHER_SIM_NAME
};

/// What happened, bounded: the last lines, and a hash over all of them. Two runs that did the same
/// have the same hash.
class trace {
 public:
  static constexpr std::uint32_t nobody = 0xFFFF'FFFF;

  explicit trace(std::size_t lines_max) : lines_max_{lines_max} {}

  void add(real_time at, happening what, std::uint32_t who, std::uint64_t a = 0,
           std::uint64_t b = 0, std::uint64_t c = 0) {
    const line made{at, what, who, a, b, c};
    mix(static_cast<std::uint64_t>(at.count()) ^ static_cast<std::uint64_t>(what) << 56);
    mix(who);
    mix(a);
    mix(b);
    mix(c);
    if (lines_.size() < lines_max_)
      lines_.push_back(made);
    else if (lines_max_ > 0)
      lines_[count_ % lines_max_] = made;
    ++count_;
  }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The last lines, oldest first.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  struct line {
    real_time at;
    happening what;
    std::uint32_t who;
    std::uint64_t a, b, c;
  };
  [[nodiscard]] static std::string text_of(const line& from);
  void mix(std::uint64_t word) noexcept {
    hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15U;
    hash_ ^= hash_ >> 29;
  }

  std::size_t lines_max_;
  std::vector<line> lines_;
  std::uint64_t count_ = 0;
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

}  // namespace aether::sim
