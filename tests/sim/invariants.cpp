#include "invariants.hpp"

#include <aether/persistence/commit.hpp>
#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

std::string text(const list& one) {
  return std::to_string(one.count) + " numbers, digest " + std::to_string(one.digest);
}

/// Nothing was persisted, says the sender.
bool says_nothing(errc code) {
  return code == errc::unavailable || code == errc::overloaded || code == errc::not_owner ||
         code == errc::not_running || code == errc::quarantined;
}

}  // namespace

const char* name_of(invariant which) noexcept {
  switch (which) {
#define AETHER_SIM_NAME(name, sentence) \
  case invariant::name:                 \
    return #name;
    AETHER_SIM_INVARIANTS(AETHER_SIM_NAME)
#undef AETHER_SIM_NAME
  }
  return "?";
}

const char* sentence_of(invariant which) noexcept {
  switch (which) {
#define AETHER_SIM_NAME(name, sentence) \
  case invariant::name:                 \
    return sentence;
    AETHER_SIM_INVARIANTS(AETHER_SIM_NAME)
#undef AETHER_SIM_NAME
  }
  return "?";
}

judge::judge(world& in) : in_{in}, actors_(in.actors().size()), servers_of_(in.slots()) {}

void judge::violated(invariant what, std::string detail) { in_.violated(what, std::move(detail)); }

// --- operations

operation& judge::begin(operation what) {
  what.number = operations_.size() + 1;
  what.invoked = in_.time.now();
  what.known_before = actors_[what.actor].known;
  if (what.kind != operation_kind::tell_append) ++open_;
  return operations_.emplace_back(std::move(what));
}

void judge::ended(std::uint64_t number, const outcome& how) {
  operation& of = operations_[number - 1];
  if (of.ended) return violated(invariant::answered_once, "operation " + std::to_string(number));
  of.ended = how;
  of.ended_at = in_.time.now();
  --open_;
  if (!how.code) longest_ = std::max(longest_, of.ended_at - of.invoked);
  in_.note(happening::answered, trace::nobody, number,
           how.code ? static_cast<std::uint64_t>(*how.code) : 0, how.what.count);
  check_answer(of, how);
}

void judge::abandoned(std::uint64_t number) {
  operation& of = operations_[number - 1];
  if (of.ended) return;
  of.ended = outcome{errc::outcome_unknown, {}};
  --open_;
}

void judge::told(std::uint64_t number, std::optional<errc> refused) {
  if (refused) operations_[number - 1].ended = outcome{refused, {}};
}

void judge::check_answer(operation& of, const outcome& how) {
  const std::string which = "operation " + std::to_string(of.number);
  if (!how.code || *how.code == errc::rejected) {
    ++answered_;
    if (!how.code && changes(of.kind)) {
      if (of.version == 0) return violated(invariant::acknowledged_is_stored, which);
      if (how.what.count != of.version)
        return violated(invariant::reply_is_true, which + " is stored as version " +
                                                      std::to_string(of.version) +
                                                      ", answered with " + text(how.what));
    } else if (how.code && of.version != 0) {
      return violated(invariant::rejected_has_no_event, which);
    }
    return check_seen(of, how.what);
  }
  ++unknown_;
  if (of.version != 0 && says_nothing(*how.code))
    violated(invariant::nothing_means_nothing,
             which + " ended as " + std::string{to_string(*how.code)} + ", stored as version " +
                 std::to_string(of.version));
  if (in_.planned() && !in_.may_fail(of))
    violated(invariant::planned_fails_nothing,
             which + " ended as " + std::string{to_string(*how.code)});
}

void judge::check_seen(operation& of, const list& seen) {
  auto& log = actors_[of.actor];
  const std::string which =
      "operation " + std::to_string(of.number) + " on actor " + std::to_string(of.actor);
  if (seen.count >= log.states.size() || log.states[seen.count] != seen)
    return violated(invariant::reply_is_true,
                    which + " saw " + text(seen) + ", the log has " + text(log.states.back()));
  if (seen.count < of.known_before)
    return violated(invariant::reads_are_fresh,
                    which + " saw " + std::to_string(seen.count) + " numbers when " +
                        std::to_string(of.known_before) + " were known");
  log.known = std::max(log.known, seen.count);
}

// --- the log

void judge::stored(std::uint32_t actor, const recorded_commit& what) {
  auto& log = actors_[actor];
  const std::string where =
      "actor " + std::to_string(actor) + ", version " + std::to_string(what.commit.first.value());
  if (what.commit.first.value() != log.states.size() ||
      (what.after && what.after->value() != log.end_sequence))
    return violated(invariant::stored_in_order,
                    where + " is stored behind version " + std::to_string(log.states.size() - 1));
  log.end_sequence = what.sequence.value();
  std::size_t next = 0;
  for (const auto& command : what.commit.commands) {
    for (std::uint32_t i = 0; i < command.events; ++i, ++next) {
      const auto event = decode<appended>(what.commit.events.at(next).data);
      if (!event || event->number == 0 || event->number > operations_.size())
        return violated(invariant::stored_as_sent, where);
      log.states.push_back(with(log.states.back(), event->number));
      ++events_;
      check_stored(operations_[event->number - 1], actor, command.id, log.states.size() - 1);
    }
  }
  if (next != what.commit.events.size())
    violated(invariant::stored_as_sent, where + ": events of no command");
}

void judge::check_stored(operation& of, std::uint32_t actor, const command_id& id,
                         std::uint64_t version) {
  const std::string which =
      "operation " + std::to_string(of.number) + ", version " + std::to_string(version);
  const bool same = of.id == id || in_.broken.forget_commands;
  if (of.actor != actor || !changes(of.kind) || !same)
    return violated(invariant::stored_as_sent, which);
  const bool known = of.kind != operation_kind::tell_append || of.copies < 2 || in_.planned() ||
                     version - of.version <= in_.actors()[actor].traits->command_window;
  if (of.version != 0 && known)
    return violated(invariant::stored_once,
                    which + " is stored as version " + std::to_string(of.version) + " already");
  of.version = version;
  if (of.ended && of.ended->code == errc::rejected)
    return violated(invariant::rejected_has_no_event, which);
  if (of.ended && of.ended->code && says_nothing(*of.ended->code))
    return violated(invariant::nothing_means_nothing,
                    which + " ended before as " + std::string{to_string(*of.ended->code)});
  if (!in_.planned()) return;
  auto& newest = actors_[actor].newest_of[of.client];
  if (of.number < newest)
    return violated(invariant::planned_keeps_order,
                    which + " of client " + std::to_string(of.client) + " is stored behind " +
                        std::to_string(newest));
  newest = of.number;
}

void judge::quarantined(std::uint32_t actor, const std::string& why) {
  violated(invariant::no_quarantine, "actor " + std::to_string(actor) + ": " + why);
}

// --- the cluster

void judge::elected(const process& who, std::uint64_t term) {
  const auto [known, fresh] = leaders_.emplace(term, who.number);
  if (!fresh || known->first != leaders_.rbegin()->first)
    violated(invariant::one_leader_per_term,
             "p" + std::to_string(who.number) + " leads in term " + std::to_string(term));
}

void judge::table_written(const cluster::shard_table& before, const cluster::shard_table& next) {
  ++tables_;
  const std::string which = "revision " + std::to_string(next.revision());
  if (next.term() < before.term()) violated(invariant::table_by_newest_leader, which);
  check_contact(before, next);
  if (next.nodes().empty()) return;
  for (std::uint32_t first = 0; first < in_.slots(); first += in_.shards()) {
    std::uint32_t owned = 0;
    for (std::uint32_t shard = 0; shard < in_.shards(); ++shard)
      owned += in_.owner_of(next, first + shard) == nullptr ? 0 : 1;
    const bool may_have = std::ranges::any_of(next.nodes(), [&](const auto& one) {
      return may_own(in_.number_of(one.incarnation), first / in_.shards());
    });
    if (may_have && owned != 0 && owned != in_.shards())
      violated(invariant::table_is_complete, which + ": of slots " + std::to_string(first) +
                                                 " and after " + std::to_string(owned) +
                                                 " have owners");
  }
  table_hashes_.emplace(next.revision(), in_.hash_of(next));
}

/// One that leaves, or whose node has a later process, keeps what it has until another can have it.
bool judge::may_own(std::uint32_t number, std::uint32_t type) const {
  const auto* who = in_.find(number);
  if (who->leaving || (who->hosts >> type & 1U) == 0) return false;
  for (const process* later = in_.find(++number); later != nullptr; later = in_.find(++number))
    if (later->node == who->node) return false;
  return true;
}

void judge::adopted(const process& who, const cluster::shard_table& table) {
  const std::string which =
      "p" + std::to_string(who.number) + ", revision " + std::to_string(table.revision());
  auto& newest = revisions_[who.number];
  if (table.revision() <= newest) violated(invariant::no_older_table, which);
  newest = std::max(newest, table.revision());
  const auto known = table_hashes_.find(table.revision());
  if (known == table_hashes_.end() || known->second != in_.hash_of(table))
    violated(invariant::one_table_per_revision, which);
}

/// A leader that gives away what one in contact serves has broken its word, unless that one is to
/// hand it over.
void judge::check_contact(const cluster::shard_table& before, const cluster::shard_table& next) {
  for (std::uint32_t slot = 0; slot < in_.slots(); ++slot) {
    const auto* was = in_.owner_of(before, slot);
    const auto* now = in_.owner_of(next, slot);
    if (was == nullptr || (now != nullptr && now->incarnation == was->incarnation)) continue;
    const auto* giver = in_.giver_of(next, slot);
    if (giver != nullptr && giver->incarnation == was->incarnation) continue;
    const auto* one = in_.find(in_.number_of(was->incarnation));
    const bool serves = one->takes_part() && !one->leaving && one->actors.accepts(slot);
    if (serves && one->link.connected() && one->clock() < one->core.state().contact_until())
      return violated(invariant::contact_is_true,
                      "slot " + std::to_string(slot) + " of p" + std::to_string(one->number) +
                          " goes to another in revision " + std::to_string(next.revision()));
  }
}

void judge::serves(const process& who, std::uint32_t slot) {
  auto& server = servers_of_[slot];
  if (in_.planned() && server != 0 && server != who.number)
    violated(invariant::one_server_of_a_slot, "p" + std::to_string(who.number) + " serves slot " +
                                                  std::to_string(slot) + ", which p" +
                                                  std::to_string(server) + " serves");
  server = who.number;
}

void judge::serves_no_more(const process& who, std::uint32_t slot) {
  if (servers_of_[slot] == who.number) servers_of_[slot] = 0;
}

void judge::look() {
  const process* leader = nullptr;
  for (const auto* one : in_.live()) {
    if (!one->core.leading()) continue;
    if (leader != nullptr || !one->core.joined())
      return violated(invariant::one_leader_at_a_time,
                      "p" + std::to_string(one->number) + " leads" +
                          (leader == nullptr ? ", and is no member"
                                             : ", and so does p" + std::to_string(leader->number)));
    leader = one;
  }
}

void judge::finish() {
  if (!in_.planned()) return;
  for (const auto& one : operations_)
    if (one.kind == operation_kind::tell_append && one.version == 0 && !one.ended &&
        !in_.may_fail(one))
      violated(invariant::planned_loses_nothing, "operation " + std::to_string(one.number));
}

}  // namespace aether::sim
