#pragma once

#include "history.hpp"

#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aether::chaos {

/// How operations can contradict one another.
enum class contradiction : std::uint8_t {
  lost,                 ///< an acknowledged append is missing where it has to be
  applied_twice,        ///< one list has a number twice
  failed_but_happened,  ///< a list has the number of an append that failed
  never_appended,       ///< a list has a number that nobody appended
  diverged,             ///< of two lists, neither is the beginning of the other
  wrong_answer,         ///< an append's list does not end in its number
  stale_read,           ///< a read misses what was known when it was invoked
  too_early,            ///< a number was seen before its append was invoked
  order,                ///< two appends stand in the order opposite to that of their calls
};

[[nodiscard]] std::string_view to_string(contradiction what) noexcept;

struct violation {
  contradiction kind;
  std::string key;
  /// Lines of the history, from 1, that cannot all be true.
  std::vector<std::size_t> lines;
  /// A sentence that names them.
  std::string text;
};

struct outcome_counts {
  std::size_t ok = 0, fail = 0, unknown = 0;
  [[nodiscard]] std::size_t all() const noexcept { return ok + fail + unknown; }
};

struct verdict {
  outcome_counts appends, reads;
  std::size_t keys = 0;
  /// All of them.
  std::size_t violations_found = 0;
  /// At most `list_checker::shown_max` of each key.
  std::vector<violation> violations;
  [[nodiscard]] bool good() const noexcept { return violations_found == 0; }
};

struct bad_input {
  std::size_t line;
  std::string field;
  std::string why;
};

/// Judges whether a history of lists to which unique numbers are appended is linearizable, each
/// list by itself (which is linearizability of the whole, for the lists are independent).
///
/// Exact, in O(n log n) for n operations of a key and linear in the length of the lists. Each
/// number is appended at most once and each answer is a whole list, so the longest list is the
/// order in which appends took effect, and every answer is a beginning of it or a contradiction.
/// That gives each operation its place: the append of the i-th number stands between the reads of
/// i-1 and of i numbers. What is left is time: no operation may stand behind one that was invoked
/// after its completion. An append of unknown outcome completes never; one that nobody saw is left
/// out. Times that are equal count as overlapping.
///
/// Pure. Keeps a few dozen bytes an operation, and one list a key.
class list_checker {
 public:
  static constexpr std::size_t shown_max = 5;

  list_checker();
  ~list_checker();

  /// @param line its place in the history, from 1; each greater than the last.
  /// @errors a number is appended to the key a second time: the verdict rests on unique ones.
  [[nodiscard]] std::expected<void, bad_input> add(operation what, std::size_t line);

  /// The verdict on everything that was added.
  [[nodiscard]] verdict finish() const;

 private:
  class key_history;
  std::map<std::string, std::unique_ptr<key_history>> keys_;
  outcome_counts appends_, reads_;
};

}  // namespace aether::chaos
