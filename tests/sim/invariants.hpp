#pragma once

#include "cluster/src/core/coordination.hpp"
#include "operation.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace aether {
struct recorded_commit;
}

namespace aether::sim {

class process;
class world;

/// What must hold after every step; a name, and the sentence.
#define AETHER_SIM_INVARIANTS(X)                                                                \
  X(one_leader_per_term, "a term has one leader, and terms rise")                               \
  X(one_leader_at_a_time, "at any instant at most one process leads, and it is a member")       \
  X(table_by_newest_leader, "a table is never replaced by one of an earlier term")              \
  X(table_is_complete, "every slot has an owner where a node may own it")                       \
  X(one_table_per_revision, "all who have a table revision have the same table")                \
  X(no_older_table, "no process goes back to an older table")                                   \
  X(contact_is_true, "what one in contact serves is given to nobody else behind its back")      \
  X(stored_in_order, "an actor's events have consecutive versions, each after the last")        \
  X(stored_once, "a command has its effect at most once; a tell, while its actor knows its id") \
  X(stored_as_sent, "what is stored was sent to that actor, under that id")                     \
  X(rejected_has_no_event, "no event of a rejected command is in the log")                      \
  X(nothing_means_nothing, "of a command that ended in 'nothing persisted' nothing is")         \
  X(acknowledged_is_stored, "the events of an acknowledged command are in the log")             \
  X(reply_is_true, "a reply is what the log says of that moment")                               \
  X(reads_are_fresh, "a reply knows all that was acknowledged before its command was sent")     \
  X(answered_once, "a command is answered once")                                                \
  X(always_answered, "a command is answered by its deadline")                                   \
  X(no_quarantine, "no race looks like damage")                                                 \
  X(planned_fails_nothing, "planned moves fail no ask")                                         \
  X(planned_loses_nothing, "planned moves lose no tell")                                        \
  X(planned_keeps_order, "planned moves keep the order of each sender at each actor")           \
  X(one_server_of_a_slot, "in planned moves no slot is served by two")                          \
  X(serves_again, "soon after the last fault every actor answers")                              \
  X(agrees_again, "soon after the last fault all agree on leader, members and table")

enum class invariant : std::uint8_t {
#define AETHER_SIM_NAME(name, sentence) name,
  AETHER_SIM_INVARIANTS(AETHER_SIM_NAME)
#undef AETHER_SIM_NAME
};

[[nodiscard]] const char* name_of(invariant which) noexcept;
[[nodiscard]] const char* sentence_of(invariant which) noexcept;

/// Sees all that happens, as no process can, and says where an invariant is violated.
class judge {
 public:
  explicit judge(world& in);

  // Operations.
  operation& begin(operation what);
  void ended(std::uint64_t number, const outcome& how);
  /// The sender is gone: nobody will know.
  void abandoned(std::uint64_t number);
  void told(std::uint64_t number, std::optional<errc> refused);
  /// A host took a copy of it.
  void taken(std::uint64_t number) { ++operations_[number - 1].copies; }
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

  // The log.
  void stored(std::uint32_t actor, const recorded_commit& what);
  void quarantined(std::uint32_t actor, const std::string& why);
  [[nodiscard]] const list& end_of(std::uint32_t actor) const {
    return actors_[actor].states.back();
  }

  // The cluster.
  void elected(const process& who, std::uint64_t term);
  void table_written(const cluster::shard_table& before, const cluster::shard_table& next);
  void adopted(const process& who, const cluster::shard_table& table);
  void serves(const process& who, std::uint32_t slot);
  void serves_no_more(const process& who, std::uint32_t slot);
  /// After every step.
  void look();
  /// At the end: what was told has arrived, where nothing went wrong.
  void finish();

  [[nodiscard]] std::size_t terms() const noexcept { return leaders_.size(); }
  [[nodiscard]] std::uint64_t tables() const noexcept { return tables_; }
  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t unknown() const noexcept { return unknown_; }
  [[nodiscard]] std::uint64_t asks() const noexcept { return operations_.size(); }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  [[nodiscard]] real_time longest() const noexcept { return longest_; }

 private:
  struct actor_log {
    /// After each version; the first is that of no events.
    std::vector<list> states{list{}};
    std::uint64_t end_sequence = 0;
    /// The newest version of which anybody was told.
    std::uint64_t known = 0;
    /// By client: the number stored last, where its order counts.
    std::map<std::uint32_t, std::uint64_t> newest_of;
  };

  void violated(invariant what, std::string detail);
  void check_stored(operation& of, std::uint32_t actor, const command_id& id,
                    std::uint64_t version);
  void check_answer(operation& of, const outcome& how);
  [[nodiscard]] bool may_own(std::uint32_t number, std::uint32_t type) const;
  void check_contact(const cluster::shard_table& before, const cluster::shard_table& next);
  void check_seen(operation& of, const list& seen);

  world& in_;
  std::deque<operation> operations_;
  std::size_t open_ = 0;
  std::vector<actor_log> actors_;
  std::map<std::uint64_t, std::uint32_t> leaders_;
  std::map<std::uint64_t, std::uint64_t> table_hashes_;
  std::map<std::uint32_t, std::uint64_t> revisions_;
  std::vector<std::uint32_t> servers_of_;
  std::uint64_t tables_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t events_ = 0;
  real_time longest_{};
};

}  // namespace aether::sim
