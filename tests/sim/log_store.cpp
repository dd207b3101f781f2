#include "log_store.hpp"

#include "process.hpp"
#include "world.hpp"

#include <algorithm>

namespace aether::sim {

log_store::log_store(world& in)
    : in_{in}, logs_(in.actors().size()), snapshots_(in.actors().size()) {}

std::uint64_t log_store::append(process& from, std::uint32_t actor, const log_position& expected,
                                const commit& next) {
  auto& log = logs_[actor];
  const auto end = log.empty() ? log_position{} : log.back().position();
  if (end.sequence != expected.sequence && !in_.broken.unconditional_appends) {
    in_.note(happening::append_conflict, from.number, actor, expected.version.value());
    return 0;
  }
  log.push_back({next, stream_sequence{++sequence_}, expected.commit, expected.sequence});
  in_.note(happening::stored, from.number, actor, next.first.value(), next.events.size());
  in_.judge.stored(actor, log.back());
  return sequence_;
}

const recorded_commit* log_store::after(std::uint32_t actor, stream_sequence which) const {
  const auto& log = logs_[actor];
  const auto found = std::ranges::upper_bound(log, which, {}, &recorded_commit::sequence);
  return found == log.end() ? nullptr : &*found;
}

void log_store::save(process& from, std::uint32_t actor, const snapshot& taken) {
  in_.note(happening::snapshot_stored, from.number, actor, taken.position.version.value());
  snapshots_[actor] = taken;
}

}  // namespace aether::sim
