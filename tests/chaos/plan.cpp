#include "plan.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace aether::chaos {

namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::array all_kinds{fault_kind::kill,   fault_kind::stop,
                               fault_kind::leave,  fault_kind::partition,
                               fault_kind::server, fault_kind::servercluster};
constexpr auto first_after = 1000ms;
constexpr auto quiet_at_end = 1000ms;

struct span {
  milliseconds min, max;
};
constexpr span quiet_between{500ms, 2000ms};

/// One that gives the same numbers everywhere, which the distributions of std do not promise.
class dice {
 public:
  explicit dice(std::uint64_t seed) : random_{seed} {}
  /// In [0, sides).
  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  milliseconds within(span limits) {
    const auto width = static_cast<std::uint64_t>((limits.max - limits.min).count());
    return limits.min + milliseconds{roll(width + 1)};
  }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[roll(values.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[roll(i)]);
  }

 private:
  std::mt19937_64 random_;
};

class planner {
 public:
  explicit planner(const plan_options& options) : options_{options}, dice_{options.seed} {}

  std::vector<planned_fault> plan() {
    milliseconds at = first_after;
    for (std::vector<fault_kind> bag;;) {
      if (bag.empty()) {
        bag = options_.kinds;
        dice_.shuffle(bag);
      }
      const planned_fault next = fault(bag.back(), at);
      bag.pop_back();
      if (next.at + next.lasts > options_.length - quiet_at_end) return std::move(made_);
      made_.push_back(next);
      at = begin_of_next(bag);
    }
  }

 private:
  planned_fault fault(fault_kind kind, milliseconds at) {
    planned_fault made{at, 0ms, kind, fault_mode::plain, target_of(kind)};
    choose_how(made);
    return made;
  }

  std::uint32_t target_of(fault_kind kind) {
    if (kind == fault_kind::server) return 0;
    return roll(kind == fault_kind::servercluster ? options_.servers : options_.nodes);
  }

  void choose_how(planned_fault& fault) {
    const milliseconds waited_for = options_.patience;
    switch (fault.kind) {
      case fault_kind::kill:
        fault.lasts = dice_.within({300ms, 3000ms});
        break;
      case fault_kind::leave:
        fault.lasts = dice_.within({500ms, 2500ms});
        break;
      case fault_kind::stop:
        fault.lasts = waited_for + dice_.within({1000ms, 3000ms});
        break;
      case fault_kind::partition:
        choose_partition(fault);
        break;
      case fault_kind::server:
        fault.lasts = dice_.within({100ms, 2500ms});
        break;
      case fault_kind::servercluster:
        fault.mode = dice_.one_of(
            {fault_mode::killed, fault_mode::stopped, fault_mode::routes, fault_mode::routes_cut});
        fault.lasts = dice_.within({1000ms, 6000ms});
        break;
    }
  }

  /// By turns: what a node sends is held back until others have taken over, for what comes late
  /// does the harm; then something else.
  void choose_partition(planned_fault& fault) {
    using enum fault_mode;
    const std::size_t turn = partitions_++ % 4;
    if (turn == 0) to_server_first_ = roll(2) == 0;
    fault.lasts = options_.patience + dice_.within({500ms, 3500ms});
    if (turn < 2) {
      fault.mode = (turn == 0) == to_server_first_ ? to_server : both_ways;
      return;
    }
    fault.mode = dice_.one_of({to_node, cut});
    if (roll(2) == 0) fault.lasts = dice_.within({200ms, 1500ms});  // before anybody is given up
    if (options_.clients > 0 && roll(2) == 0)
      fault.target = options_.nodes + roll(options_.clients);
  }

  /// @param bag what comes next stands at its end; when it is empty, nobody knows yet.
  milliseconds begin_of_next(const std::vector<fault_kind>& bag) {
    const planned_fault& last = made_.back();
    const milliseconds over = std::max(over_, last.at + last.lasts);
    const bool together = over_ <= last.at && roll(4) == 0 && !bag.empty();
    over_ = over;
    if (together) return last.at + dice_.within({0ms, last.lasts});
    return over + dice_.within(quiet_between);
  }

  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice_.roll(sides)); }

  const plan_options& options_;
  dice dice_;
  std::vector<planned_fault> made_;
  std::size_t partitions_ = 0;
  bool to_server_first_ = false;
  /// When all of `made_` but perhaps the last are over.
  milliseconds over_{0};
};

}  // namespace

std::vector<planned_fault> plan_faults(const plan_options& options) {
  return planner{options}.plan();
}

std::expected<std::vector<fault_kind>, std::string> parse_faults(std::string_view list) {
  std::string known;
  for (const fault_kind kind : all_kinds)
    known.append(known.empty() ? "" : ", ").append(to_string(kind));
  std::vector<fault_kind> kinds;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    const auto found =
        std::ranges::find(all_kinds, word, [](fault_kind kind) { return to_string(kind); });
    if (found == all_kinds.end())
      return std::unexpected("'" + std::string{word} + "' is no fault; there are: " + known);
    if (std::ranges::find(kinds, *found) != kinds.end())
      return std::unexpected("'" + std::string{word} + "' is named twice");
    kinds.push_back(*found);
    begin = end + 1;
  }
  return kinds;
}

std::string_view to_string(fault_kind kind) noexcept {
  switch (kind) {
    case fault_kind::kill:
      return "kill";
    case fault_kind::stop:
      return "stop";
    case fault_kind::leave:
      return "leave";
    case fault_kind::partition:
      return "partition";
    case fault_kind::server:
      return "server";
    case fault_kind::servercluster:
      return "servercluster";
  }
  return "unknown";
}

std::string_view to_string(fault_mode mode) noexcept {
  switch (mode) {
    case fault_mode::plain:
      return "plain";
    case fault_mode::both_ways:
      return "both_ways";
    case fault_mode::to_server:
      return "to_server";
    case fault_mode::to_node:
      return "to_node";
    case fault_mode::cut:
      return "cut";
    case fault_mode::killed:
      return "killed";
    case fault_mode::stopped:
      return "stopped";
    case fault_mode::routes:
      return "routes";
    case fault_mode::routes_cut:
      return "routes_cut";
  }
  return "unknown";
}

}  // namespace aether::chaos
