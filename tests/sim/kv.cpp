#include "kv.hpp"

#include "process.hpp"
#include "world.hpp"

namespace aether::sim {

namespace {

constexpr unsigned lease_key = 1;
constexpr unsigned table_key = 2;
constexpr cluster::write_result conflict{.outcome = cluster::write_outcome::conflict,
                                         .revision = 0};

}  // namespace

kv::kv(world& in) : in_{in}, table_{in.shards()} {}

bool kv::holds(process& from, unsigned key, std::uint64_t expected, std::uint64_t revision) {
  if (expected == revision || in_.broken.unconditional_keys) return true;
  in_.note(happening::write_conflict, from.number, key, expected, revision);
  return false;
}

cluster::write_result kv::write_lease(process& from,
                                      const cluster::coordination::write_lease& what) {
  if (!holds(from, lease_key, what.expected, lease_.revision)) return conflict;
  lease_ = {++sequence_, what.record};
  in_.note(happening::lease_written, from.number, sequence_);
  return {.outcome = cluster::write_outcome::stored, .revision = sequence_};
}

cluster::write_result kv::write_table(process& from,
                                      const cluster::coordination::write_table& what) {
  if (!holds(from, table_key, what.expected, table_.revision())) return conflict;
  auto next = what.table;
  next.set_revision(++sequence_);
  in_.note(happening::table_written, from.number, sequence_, next.term(), next.nodes().size());
  in_.judge.table_written(table_, next);
  table_ = std::move(next);
  return {.outcome = cluster::write_outcome::stored, .revision = sequence_};
}

}  // namespace aether::sim
