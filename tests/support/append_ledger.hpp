#pragma once

#include <aether/persistence/event_store.hpp>
#include "support/stream_tool.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// What writers sent and were told, held against what the log has in the end.
namespace aether::testing {

/// One commit that a writer sent, and the last it was told about it.
struct append_attempt {
  actor_address to;
  aether::commit commit;
  result<log_position> outcome;
};

/// Where a stream has a commit.
struct logged_commit {
  std::string stream;
  std::uint64_t sequence = 0;
  std::string subject;
  aether::commit commit;
};

/// The log, message by message.
class append_log {
 public:
  /// Adds a whole stream. Complains of a message that is no commit, one whose headers say something
  /// else, a commit that is there already, and a hole.
  void add(const std::string& stream, const std::vector<testing_support::raw_message>& messages);

  [[nodiscard]] const logged_commit* find(const commit_id& id) const;
  [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }
  [[nodiscard]] const std::map<commit_id, logged_commit>& all() const noexcept { return by_id_; }
  /// The commits on `subject`, in the stream's order.
  [[nodiscard]] std::vector<const logged_commit*> history(const std::string& subject) const;
  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }

 private:
  std::map<commit_id, logged_commit> by_id_;
  std::map<std::string, std::vector<commit_id>> by_subject_;
  std::vector<std::string> complaints_;
};

/// Holds every attempt against the log. @returns what is wrong, a sentence each:
/// - one reported stored is not there, or elsewhere than reported, or not as it was sent;
/// - one reported as not stored (`version_conflict`, `unavailable`, `store_failed`) is there;
/// - one was told what no such run may tell (`stream_regressed` ...);
/// - a commit is there that nobody sent, or one on another actor's subject;
/// - a history has a gap, a repeated version, or is out of order.
/// @param subject_of where an actor's commits belong.
[[nodiscard]] std::vector<std::string> account_for(
    const std::vector<append_attempt>& attempts, const append_log& log,
    const std::function<std::string(const actor_address&)>& subject_of);

/// Holds what the store reads of `actor` against the log. @returns as `account_for`.
[[nodiscard]] std::vector<std::string> account_for_read(
    const actor_address& actor, const result<std::vector<recorded_commit>>& read,
    const std::vector<const logged_commit*>& logged);

}  // namespace aether::testing
