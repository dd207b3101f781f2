#include "checker.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

namespace aether::chaos {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::string at_line(std::size_t line) { return "line " + std::to_string(line); }

std::string entries(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " number" : " numbers");
}

void count(outcome_counts& in, outcome what) {
  ++(what == outcome::ok ? in.ok : what == outcome::fail ? in.fail : in.unknown);
}

}  // namespace

/// All operations on one list.
class list_checker::key_history {
 public:
  explicit key_history(std::string key) : key_{std::move(key)} {}

  std::expected<void, bad_input> add(operation what, std::size_t line) {
    if (what.op == operation_kind::append) {
      const auto [at, fresh] = appends_.try_emplace(
          *what.value, append{line, what.outcome, what.invoke_us,
                              what.outcome == outcome::ok ? *what.complete_us : never});
      if (!fresh)
        return std::unexpected(bad_input{line, "value",
                                         std::to_string(*what.value) + " was appended to key " +
                                             key_ + " in " + at_line(at->second.line) +
                                             " already; numbers have to be unique"});
    }
    if (what.result) take_list(what, line);
    return {};
  }

  void judge(verdict& into) const {
    judgement found{into, 0};
    for (const violation& one : noted_) report(found, one);
    compare_diverging(found);
    check_values(found);
    if (found.count == 0) check_times(found);
  }

 private:
  struct append {
    std::size_t line;
    chaos::outcome outcome;
    std::int64_t invoke, complete;
  };
  struct read {
    std::size_t line, length;
    std::int64_t invoke, complete;
  };
  struct diverging_list {
    std::size_t line, place;
    numbers list;
  };
  struct judgement {
    verdict& into;
    std::size_t count;
  };
  /// Operations in the only order that the lists allow have ascending ranks.
  struct ranked {
    std::size_t rank, line;
    std::int64_t invoke, complete;
    /// Which number is appended; none: a read.
    std::optional<std::int64_t> value;
  };

  static void report(judgement& found, violation what) {
    ++found.into.violations_found;
    if (++found.count <= shown_max) found.into.violations.push_back(std::move(what));
  }

  void take_list(const operation& what, std::size_t line) {
    numbers list = *what.result;
    if (what.op == operation_kind::append && (list.empty() || list.back() != *what.value))
      noted_.push_back({contradiction::wrong_answer,
                        key_,
                        {line},
                        at_line(line) + ": the list after the append of " +
                            std::to_string(*what.value) + " does not end in it"});
    if (what.op == operation_kind::read) {
      reads_.push_back({line, list.size(), what.invoke_us, *what.complete_us});
      longest_read_ = std::max(longest_read_, list.size());
    }
    const auto known =
        static_cast<std::size_t>(std::ranges::mismatch(list, longest_).in1 - list.begin());
    if (known == list.size()) return;
    if (known < longest_.size()) return note_diverging({line, known, std::move(list)});
    for (std::size_t i = known; i < list.size(); ++i) extend(list[i], line);
  }

  void extend(std::int64_t value, std::size_t line) {
    longest_.push_back(value);
    seen_in_.push_back(line);
    if (place_.try_emplace(value, longest_.size()).second) return;
    std::vector<std::size_t> lines{line};
    if (const auto by = appends_.find(value); by != appends_.end())
      lines.insert(lines.begin(), by->second.line);
    noted_.push_back({contradiction::applied_twice, key_, std::move(lines),
                      at_line(line) + ": the list has " + std::to_string(value) + " twice"});
  }

  void note_diverging(diverging_list one) {
    if (diverging_.size() < shown_max)
      diverging_.push_back(std::move(one));
    else
      ++more_diverging_;
  }

  /// Says of two lists that part what that means: something acknowledged is missing in one of them,
  /// or just that they part.
  void compare_diverging(judgement& found) const {
    for (const diverging_list& one : diverging_) {
      const std::size_t other = seen_in_[one.place];
      const std::int64_t here = one.list[one.place], there = longest_[one.place];
      const std::string text = at_line(one.line) + " has " + std::to_string(here) + " where " +
                               at_line(other) + " has " + std::to_string(there) + ", as entry " +
                               std::to_string(one.place + 1);
      if (const auto* by = missing(there, one.list))
        report(found, {contradiction::lost,
                       key_,
                       {by->line, one.line, other},
                       text + "; the acknowledged append of " + std::to_string(there) + " (" +
                           at_line(by->line) + ") is missing in " + at_line(one.line)});
      else if (const auto* its = missing(here, longest_))
        report(found, {contradiction::lost,
                       key_,
                       {its->line, one.line, other},
                       text + "; the acknowledged append of " + std::to_string(here) + " (" +
                           at_line(its->line) + ") is missing in later lists"});
      else
        report(found, {contradiction::diverged, key_, {other, one.line}, text});
    }
    found.count += more_diverging_;
    found.into.violations_found += more_diverging_;
  }

  /// The append of `value`, when it was acknowledged and `list` does not have it.
  [[nodiscard]] const append* missing(std::int64_t value, const numbers& list) const {
    const auto by = appends_.find(value);
    const bool acknowledged = by != appends_.end() && by->second.outcome == outcome::ok;
    return acknowledged && std::ranges::find(list, value) == list.end() ? &by->second : nullptr;
  }

  void check_values(judgement& found) const {
    for (std::size_t i = 0; i < longest_.size(); ++i) check_value(found, longest_[i], seen_in_[i]);
    for (const diverging_list& one : diverging_)
      for (std::size_t i = one.place; i < one.list.size(); ++i)
        check_value(found, one.list[i], one.line);
  }

  void check_value(judgement& found, std::int64_t value, std::size_t seen) const {
    const auto by = appends_.find(value);
    if (by == appends_.end())
      return report(found, {contradiction::never_appended,
                            key_,
                            {seen},
                            at_line(seen) + ": the list has " + std::to_string(value) +
                                ", which nobody appended to this key"});
    if (by->second.outcome == outcome::fail)
      report(found, {contradiction::failed_but_happened,
                     key_,
                     {by->second.line, seen},
                     at_line(seen) + ": the list has " + std::to_string(value) +
                         ", whose append failed (" + at_line(by->second.line) + ")"});
  }

  /// Reads of k numbers have rank 2k, the append of the k-th one 2k-1. An acknowledged append that
  /// no list shows took effect behind all of them.
  [[nodiscard]] std::vector<ranked> in_ranks() const {
    std::vector<ranked> all;
    all.reserve(reads_.size() + appends_.size());
    for (const read& one : reads_)
      all.push_back({2 * one.length, one.line, one.invoke, one.complete, std::nullopt});
    for (const auto& [value, one] : appends_) {
      const auto at = place_.find(value);
      if (at == place_.end() && one.outcome != outcome::ok) continue;
      const std::size_t place = at == place_.end() ? longest_.size() + 1 : at->second;
      all.push_back({2 * place - 1, one.line, one.invoke, one.complete, value});
    }
    return all;
  }

  void check_times(judgement& found) const {
    std::vector<ranked> by_invoke = in_ranks();
    std::vector<ranked> by_complete = by_invoke;
    std::ranges::sort(by_invoke, {}, [](const ranked& o) { return std::pair{o.invoke, o.line}; });
    std::ranges::sort(by_complete, {}, [](const ranked& o) {
      return std::pair{o.complete, o.line};
    });
    auto done = by_complete.begin();
    const ranked* furthest = nullptr;
    for (const ranked& next : by_invoke) {
      for (; done != by_complete.end() && done->complete < next.invoke; ++done)
        if (furthest == nullptr || done->rank > furthest->rank) furthest = &*done;
      if (furthest != nullptr && furthest->rank > next.rank)
        report(found, out_of_time(*furthest, next));
    }
  }

  /// `before` was completed when `after` was invoked, but stands behind it.
  [[nodiscard]] violation out_of_time(const ranked& before, const ranked& after) const {
    const std::vector lines{before.line, after.line};
    const std::string now = at_line(after.line);
    if (before.value && after.value)
      return {contradiction::order, key_, lines,
              now + ": the append of " + std::to_string(*after.value) +
                  " was invoked after that of " + std::to_string(*before.value) +
                  " was acknowledged (" + at_line(before.line) + "), but stands before it"};
    if (after.value)
      return {contradiction::too_early, key_, lines,
              now + ": the append of " + std::to_string(*after.value) +
                  " was invoked after a read that has it already (" + at_line(before.line) + ")"};
    const std::string length = now + ": the read has " + entries(after.rank / 2);
    if (!before.value)
      return {contradiction::stale_read, key_, lines,
              length + ", though one that was completed before has " + entries(before.rank / 2) +
                  " (" + at_line(before.line) + ")"};
    return {ever_read(*before.value) ? contradiction::stale_read : contradiction::lost, key_, lines,
            length + ", without " + std::to_string(*before.value) +
                ", whose append was acknowledged before (" + at_line(before.line) + ")"};
  }

  [[nodiscard]] bool ever_read(std::int64_t value) const {
    const auto at = place_.find(value);
    return at != place_.end() && at->second <= longest_read_;
  }

  std::string key_;
  std::unordered_map<std::int64_t, append> appends_;
  std::vector<read> reads_;
  std::size_t longest_read_ = 0;
  numbers longest_;
  /// For each entry of `longest_` the line that showed it first.
  std::vector<std::size_t> seen_in_;
  /// The place of each number in `longest_`, from 1.
  std::unordered_map<std::int64_t, std::size_t> place_;
  std::vector<violation> noted_;
  std::vector<diverging_list> diverging_;
  std::size_t more_diverging_ = 0;
};

list_checker::list_checker() = default;
list_checker::~list_checker() = default;

std::expected<void, bad_input> list_checker::add(operation what, std::size_t line) {
  count(what.op == operation_kind::append ? appends_ : reads_, what.outcome);
  auto& of_key = keys_[what.key];
  if (!of_key) of_key = std::make_unique<key_history>(what.key);
  return of_key->add(std::move(what), line);
}

verdict list_checker::finish() const {
  verdict made;
  made.appends = appends_;
  made.reads = reads_;
  made.keys = keys_.size();
  for (const auto& [key, history] : keys_) history->judge(made);
  return made;
}

std::string_view to_string(contradiction what) noexcept {
  switch (what) {
    case contradiction::lost:
      return "lost";
    case contradiction::applied_twice:
      return "applied_twice";
    case contradiction::failed_but_happened:
      return "failed_but_happened";
    case contradiction::never_appended:
      return "never_appended";
    case contradiction::diverged:
      return "diverged";
    case contradiction::wrong_answer:
      return "wrong_answer";
    case contradiction::stale_read:
      return "stale_read";
    case contradiction::too_early:
      return "too_early";
    case contradiction::order:
      return "order";
  }
  return "unknown";
}

}  // namespace aether::chaos
