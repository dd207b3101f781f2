#include "chaos/checker.hpp"

#include "chaos/judge.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace aether::chaos;
using aether::testing::random_between;

operation append(std::int64_t value, std::int64_t from, std::int64_t until,
                 std::optional<numbers> after = std::nullopt) {
  return {"a", operation_kind::append, "k", value, from, until, outcome::ok, std::move(after)};
}
operation unknown(std::int64_t value, std::int64_t from, std::int64_t until) {
  return {"a", operation_kind::append, "k", value, from, until, outcome::unknown, {}};
}
operation failed(std::int64_t value, std::int64_t from, std::int64_t until) {
  return {"a", operation_kind::append, "k", value, from, until, outcome::fail, {}};
}
operation read(numbers list, std::int64_t from, std::int64_t until) {
  return {"r", operation_kind::read, "k", {}, from, until, outcome::ok, std::move(list)};
}

verdict judged(const std::vector<operation>& history) {
  list_checker checker;
  for (std::size_t i = 0; i < history.size(); ++i) REQUIRE(checker.add(history[i], i + 1));
  return checker.finish();
}

/// Wing and Gong: tries every order that respects time. For a handful of operations.
class brute_force {
 public:
  explicit brute_force(const std::vector<operation>& history) {
    for (const operation& one : history)
      if (one.outcome == outcome::ok ||
          (one.outcome == outcome::unknown && one.op == operation_kind::append))
        all_.push_back(one);
    done_.resize(all_.size(), false);
  }
  bool linearizable() {
    if (std::ranges::all_of(all_, [&](const operation& one) {
          return done_[place(one)] || one.outcome == outcome::unknown;
        }))
      return true;
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (!done_[i] && may_be_next(all_[i]) && goes_on_with(i)) return true;
    return false;
  }

 private:
  std::size_t place(const operation& one) const {
    return static_cast<std::size_t>(&one - all_.data());
  }
  static std::int64_t end(const operation& one) {
    return one.outcome == outcome::ok ? *one.complete_us : std::numeric_limits<std::int64_t>::max();
  }
  bool may_be_next(const operation& next) const {
    return std::ranges::none_of(all_, [&](const operation& other) {
      return !done_[place(other)] && end(other) < next.invoke_us;
    });
  }
  bool goes_on_with(std::size_t i) {
    const numbers before = list_;
    if (all_[i].op == operation_kind::append) list_.push_back(*all_[i].value);
    bool good = !all_[i].result || *all_[i].result == list_;
    if (good) {
      done_[i] = true;
      good = linearizable();
      done_[i] = false;
    }
    list_ = before;
    return good;
  }

  std::vector<operation> all_;
  std::vector<bool> done_;
  numbers list_;
};

/// What a list would have answered, at a random moment within each operation; then, as a rule, one
/// thing is falsified, which may or may not make a contradiction.
class random_history {
 public:
  explicit random_history(std::mt19937_64& random) : random_{random} {}

  std::vector<operation> make() {
    const auto count = between(1, 7);
    for (std::int64_t i = 1; i <= count; ++i) all_.push_back(any(i));
    answer();
    for (auto lies = between(0, 2); lies > 0; --lies) falsify(one());
    return all_;
  }

 private:
  std::int64_t between(std::int64_t min, std::int64_t max) {
    return min + static_cast<std::int64_t>(
                     random_between(random_, 0, static_cast<std::uint64_t>(max - min)));
  }
  operation& one() {
    return all_[static_cast<std::size_t>(between(0, std::int64_t(all_.size()) - 1))];
  }

  operation any(std::int64_t number) {
    const auto from = between(0, 20);
    const auto until = from + between(0, 8);
    if (between(0, 1) == 0) return read({}, from, until);
    switch (between(0, 5)) {
      case 0:
        return unknown(number, from, until);
      case 1:
        return failed(number, from, until);
      case 2:
        return append(number, from, until);
      default:
        return append(number, from, until, numbers{});
    }
  }

  void answer() {
    std::vector<std::pair<std::int64_t, operation*>> moments;
    for (operation& what : all_) {
      const bool late = what.outcome == outcome::unknown && between(0, 1) == 0;
      moments.emplace_back(between(what.invoke_us, late ? 40 : *what.complete_us), &what);
    }
    std::ranges::sort(moments);
    numbers list;
    for (auto& [at, what] : moments) {
      const bool applied =
          what->outcome == outcome::ok || (what->outcome == outcome::unknown && between(0, 2) != 0);
      if (what->op == operation_kind::append && applied) list.push_back(*what->value);
      if (what->result) what->result = list;
    }
  }

  void falsify(operation& what) {
    switch (between(0, 5)) {
      case 0:
        what.invoke_us = between(0, *what.complete_us);
        break;
      case 1:
        what.complete_us = between(what.invoke_us, 40);
        break;
      case 2:
        if (what.result && !what.result->empty()) what.result->pop_back();
        break;
      case 3:
        if (what.result) what.result->push_back(between(1, 7));
        break;
      case 4:
        if (what.result && what.result->size() > 1) std::swap((*what.result)[0], (*what.result)[1]);
        break;
      case 5:
        if (what.result && !what.result->empty()) what.result->erase(what.result->begin());
        break;
    }
  }

  std::mt19937_64& random_;
  std::vector<operation> all_;
};

struct row {
  const char* name;
  std::vector<operation> history;
  /// None: it is linearizable.
  std::optional<contradiction> kind;
  std::vector<std::size_t> lines = {};
};

void check(const std::vector<row>& rows) {
  for (const row& one : rows) {
    CAPTURE(one.name);
    const verdict found = judged(one.history);
    CAPTURE(as_text(found));
    CHECK(found.good() == !one.kind);
    CHECK(brute_force{one.history}.linearizable() == !one.kind);
    if (!one.kind || found.violations.empty()) continue;
    CHECK(to_string(found.violations.front().kind) == to_string(*one.kind));
    CHECK(found.violations.front().lines == one.lines);
  }
}

}  // namespace

TEST_CASE("chaos checker: what a list may answer is linearizable") {
  check({
      {"nothing", {}, {}},
      {"an empty list", {read({}, 1, 2)}, {}},
      {"one after the other",
       {append(1, 1, 2, {{1}}), append(2, 3, 4, {{1, 2}}), read({1, 2}, 5, 6)},
       {}},
      {"in the order of their effects, not of their calls",
       {append(1, 1, 9, {{2, 1}}), append(2, 2, 8, {{2}}), read({2, 1}, 10, 11)},
       {}},
      {"a read sees an append that is under way", {append(1, 1, 9, {{1}}), read({1}, 2, 3)}, {}},
      {"a read misses an append that is under way", {append(1, 1, 9, {{1}}), read({}, 2, 3)}, {}},
      {"times that are equal overlap", {append(1, 1, 5, {{1}}), read({}, 5, 6)}, {}},
      {"an unknown append that never happens",
       {unknown(1, 1, 2), read({}, 3, 4), append(2, 5, 6, {{2}})},
       {}},
      {"an unknown append that happens late",
       {unknown(1, 1, 2), read({}, 3, 4), append(2, 5, 6, {{2}}), read({2, 1}, 7, 8)},
       {}},
      {"an append without an answer of its own", {append(1, 1, 2), read({1}, 3, 4)}, {}},
      {"appends that nobody saw", {append(1, 1, 2), append(2, 3, 4)}, {}},
      {"a failed append", {failed(1, 1, 2), read({}, 3, 4)}, {}},
  });
}

TEST_CASE("chaos checker: what a list cannot have answered is named with its lines") {
  using enum contradiction;
  check({
      {"an acknowledged append is missing", {append(1, 1, 2, {{1}}), read({}, 3, 4)}, lost, {1, 2}},
      {"one without an answer of its own", {append(1, 1, 2), read({}, 3, 4)}, lost, {1, 2}},
      {"it is overwritten", {append(1, 1, 2, {{1}}), append(2, 3, 4, {{2}})}, lost, {1, 2, 1}},
      {"a read goes back",
       {append(1, 1, 2, {{1}}), read({1}, 3, 4), read({}, 5, 6)},
       stale_read,
       {2, 3}},
      {"a read goes back behind another read",
       {unknown(1, 1, 2), read({1}, 3, 4), read({}, 5, 6)},
       stale_read,
       {2, 3}},
      {"applied twice", {append(1, 1, 2, {{1}}), read({1, 1}, 3, 4)}, applied_twice, {1, 2}},
      {"failed, and happened", {failed(1, 1, 2), read({1}, 3, 4)}, failed_but_happened, {1, 2}},
      {"a number out of nowhere", {read({7}, 3, 4)}, never_appended, {1}},
      {"seen before it was appended", {read({1}, 1, 2), unknown(1, 3, 4)}, too_early, {1, 2}},
      {"two orders",
       {append(1, 1, 9), append(2, 1, 9), read({1, 2}, 2, 3), read({2}, 2, 3)},
       lost,
       {1, 4, 3}},
      {"two orders of what nobody promised",
       {unknown(1, 1, 9), unknown(2, 1, 9), read({1}, 2, 3), read({2}, 2, 3)},
       diverged,
       {3, 4}},
      {"the order of the calls",
       {append(1, 1, 2), append(2, 3, 4), read({2, 1}, 5, 6)},
       order,
       {1, 2}},
      {"an answer without its own number",
       {append(1, 1, 2), append(2, 1, 4, {{1}})},
       wrong_answer,
       {2}},
      {"an answer with more than its own number",
       {append(1, 1, 4, {{1, 2}}), append(2, 1, 4)},
       wrong_answer,
       {1}},
  });
}

TEST_CASE("chaos checker: keys are judged each by itself") {
  auto other = read({}, 3, 4);
  other.key = "other";
  const auto found = judged({append(1, 1, 2, {{1}}), other, read({1}, 5, 6)});
  CHECK(found.good());
  CHECK(found.keys == 2);
  CHECK(found.appends.ok == 1);
  CHECK(found.reads.ok == 2);
}

TEST_CASE("chaos checker: a number that is appended twice is bad input, not a verdict") {
  list_checker checker;
  REQUIRE(checker.add(append(1, 1, 2), 1));
  const auto again = checker.add(failed(1, 3, 4), 2);
  REQUIRE_FALSE(again);
  CHECK(
      as_text(again.error()) ==
      "line 2, field value: 1 was appended to key k in line 1 already; numbers have to be unique");
}

TEST_CASE("chaos checker: it counts all contradictions and keeps some of each key") {
  std::vector<operation> history{append(1, 1, 2, {{1}})};
  for (std::int64_t i = 0; i < 100; ++i) history.push_back(read({}, 10 + i, 11 + i));
  const auto found = judged(history);
  CHECK(found.violations_found == 100);
  CHECK(found.violations.size() == list_checker::shown_max);
}

TEST_CASE("chaos checker: it agrees with trying every order, on random histories") {
  auto random = aether::testing::seeded_random();
  std::size_t good = 0, bad = 0;
  for (int i = 0; i < 4'000; ++i) {
    const auto history = random_history{random}.make();
    const bool expected = brute_force{history}.linearizable();
    ++(expected ? good : bad);
    const verdict found = judged(history);
    if (found.good() == expected) continue;
    std::string lines;
    for (const operation& one : history) lines += "\n" + to_line(one);
    FAIL("trying every order says " << expected << ", the checker " << as_text(found) << lines);
  }
  CHECK(good > 500);
  CHECK(bad > 500);
}

TEST_CASE("chaos checker: a long history of a hot list is judged at once") {
  list_checker checker;
  numbers list;
  for (std::int64_t i = 1; i <= 2'000; ++i) {
    list.push_back(i);
    REQUIRE(checker.add(append(i, 10 * i, 10 * i + 15, list), static_cast<std::size_t>(i)));
  }
  CHECK(checker.finish().good());
}

TEST_CASE("chaos checker: a file is judged as its lines are, and a bad line is named") {
  std::istringstream good{to_line(append(1, 1, 2, {{1}})) + "\n\n" + to_line(read({1}, 3, 4))};
  const auto fine = judge(good);
  REQUIRE(fine);
  CHECK(fine->good());
  CHECK(as_json(*fine) ==
        R"({"keys":1,"operations":{"append":{"fail":0,"ok":1,"unknown":0},)"
        R"("read":{"fail":0,"ok":1,"unknown":0}},"verdict":"linearizable","violations":[],)"
        R"("violations_found":0})");

  std::istringstream bad{to_line(append(1, 1, 2, {{1}})) + "\n{\"client\":3}\n"};
  const auto refused = judge(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().line == 2);
  CHECK(refused.error().field == "op");
}
