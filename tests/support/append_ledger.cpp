#include "support/append_ledger.hpp"

#include "persistence/src/commit_format.hpp"

#include <algorithm>
#include <set>

namespace aether::testing {
namespace {

using complaints = std::vector<std::string>;

std::string name_of(const aether::commit& one) { return "commit " + one.id.hex(); }

std::string place_of(const logged_commit& one) {
  return one.subject + " at sequence " + std::to_string(one.sequence) + " of " + one.stream;
}

std::string versions_of(const aether::commit& one) {
  return std::to_string(one.first.value()) + "-" + std::to_string(one.last().value());
}

void check_header(const testing_support::raw_message& message, const aether::commit& read,
                  complaints& out) {
  const auto found = message.headers.find(commit_header_name);
  if (found == message.headers.end() || found->second != commit_header(read))
    out.push_back(message.subject + ": " + name_of(read) + " has another header");
}

void check_stored(const append_attempt& attempt, const logged_commit* logged, complaints& out) {
  const std::string what = name_of(attempt.commit) + " was reported stored";
  if (logged == nullptr) {
    out.push_back(what + " and is not in the log");
  } else if (logged->sequence != attempt.outcome->sequence.value() ||
             logged->commit.last() != attempt.outcome->version) {
    out.push_back(what + " at sequence " + std::to_string(attempt.outcome->sequence.value()) +
                  ", version " + std::to_string(attempt.outcome->version.value()) + ", and is " +
                  place_of(*logged) + ", versions " + versions_of(logged->commit));
  }
}

void check_failed(const append_attempt& attempt, const logged_commit* logged, complaints& out) {
  const error& told = attempt.outcome.error();
  switch (told.code()) {
    case errc::outcome_unknown:
      return;
    case errc::version_conflict:
    case errc::unavailable:
    case errc::store_failed:
      if (logged != nullptr)
        out.push_back(name_of(attempt.commit) + " was reported as not stored (" + told.message() +
                      ") and is " + place_of(*logged));
      return;
    default:
      out.push_back(name_of(attempt.commit) + " was answered " + told.message());
  }
}

void check_history(const std::vector<const logged_commit*>& history, complaints& out) {
  std::uint64_t next = 1;
  for (const auto* one : history) {
    if (one->commit.first.value() != next)
      out.push_back(place_of(*one) + ": versions " + versions_of(one->commit) + ", expected " +
                    std::to_string(next));
    next = one->commit.last().value() + 1;
  }
}

}  // namespace

void append_log::add(const std::string& stream,
                     const std::vector<testing_support::raw_message>& messages) {
  std::uint64_t next = 1;
  for (const auto& message : messages) {
    const std::string place = message.subject + " at sequence " + std::to_string(message.sequence);
    if (message.sequence != next) complaints_.push_back(place + ": a hole before it");
    next = message.sequence + 1;
    auto read = decode_commit(message.payload, std::nullopt);
    if (!read) {
      complaints_.push_back(place + ": " + read.error().message());
      continue;
    }
    check_header(message, *read, complaints_);
    const auto id = read->id;
    const auto [at, fresh] = by_id_.emplace(
        id, logged_commit{stream, message.sequence, message.subject, std::move(*read)});
    if (!fresh) complaints_.push_back(place + ": already " + place_of(at->second));
    by_subject_[message.subject].push_back(id);
  }
}

const logged_commit* append_log::find(const commit_id& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

std::vector<const logged_commit*> append_log::history(const std::string& subject) const {
  std::vector<const logged_commit*> all;
  const auto found = by_subject_.find(subject);
  if (found == by_subject_.end()) return all;
  for (const auto& id : found->second) all.push_back(find(id));
  return all;
}

std::vector<std::string> account_for(
    const std::vector<append_attempt>& attempts, const append_log& log,
    const std::function<std::string(const actor_address&)>& subject_of) {
  complaints out = log.complaints();
  std::set<commit_id> sent;
  std::set<std::string> subjects;
  for (const auto& attempt : attempts) {
    sent.insert(attempt.commit.id);
    const std::string subject = subject_of(attempt.to);
    subjects.insert(subject);
    const auto* const logged = log.find(attempt.commit.id);
    if (attempt.outcome)
      check_stored(attempt, logged, out);
    else
      check_failed(attempt, logged, out);
    if (logged == nullptr) continue;
    if (logged->commit != attempt.commit) out.push_back(place_of(*logged) + ": not as it was sent");
    if (logged->subject != subject) out.push_back(place_of(*logged) + ": sent to " + subject);
  }
  for (const auto& [id, logged] : log.all())
    if (!sent.contains(id)) out.push_back(place_of(logged) + ": nobody sent it");
  for (const auto& subject : subjects) check_history(log.history(subject), out);
  return out;
}

std::vector<std::string> account_for_read(const actor_address& actor,
                                          const result<std::vector<recorded_commit>>& read,
                                          const std::vector<const logged_commit*>& logged) {
  const std::string who = to_string(actor) + ": ";
  if (!read) return {who + read.error().message()};
  const bool same =
      std::ranges::equal(*read, logged, [](const recorded_commit& one, const logged_commit* other) {
        return one.sequence.value() == other->sequence && one.commit == other->commit;
      });
  if (same) return {};
  return {who + "the store reads " + std::to_string(read->size()) + " commits that differ from " +
          std::to_string(logged.size()) + " in the log"};
}

}  // namespace aether::testing
