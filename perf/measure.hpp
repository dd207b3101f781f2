#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aether::perf {

/// How much is measured: `--quick` is for a look, the other for numbers that are kept.
struct scale {
  bool quick = false;

  /// Pairs of runs that count; one more goes before, to warm up.
  [[nodiscard]] unsigned pairs() const noexcept { return quick ? 3 : 7; }
  [[nodiscard]] std::size_t of(std::size_t full) const noexcept { return quick ? full / 4 : full; }
};

/// One row: something of Aether's, and the limit that CAF or NATS set to it. Each member measures
/// once and answers in `unit`; where it cannot, it throws.
struct benchmark {
  std::string unit;
  /// Of the ratio; none where it is only to be known.
  std::optional<double> target{};
  bool lower_is_better = false;
  std::function<double()> limit;
  std::function<double()> subject;
  /// Called before each pair; may be empty.
  std::function<void()> prepare = {};
  /// What else was seen, asked for after the last run; may be empty.
  std::function<std::string()> remark = {};
  /// For what takes minutes: so many pairs, and none before to warm up.
  std::optional<unsigned> pairs_cold{};
};

struct spread {
  double min = 0, median = 0, max = 0;
};

/// @pre not empty.
[[nodiscard]] spread spread_of(std::vector<double> values);

/// Further numbers of a row, for its remark: what was seen in each run, the first included.
class series {
 public:
  void add(double value) const { values_->push_back(value); }
  /// `median (min-max)`; "nothing" where nothing was added.
  [[nodiscard]] std::string text() const;

 private:
  /// Shared by copies: a benchmark's members are closures.
  std::shared_ptr<std::vector<double>> values_ = std::make_shared<std::vector<double>>();
};

struct outcome {
  std::string name, unit;
  std::optional<double> target;
  bool lower_is_better = false;
  unsigned runs = 0;
  spread subject, limit;
  /// Of subject to limit, each taken between neighbours in time: a machine that is slower for a
  /// while is so for both.
  spread ratio;
  std::string remark{};

  [[nodiscard]] bool on_target() const noexcept {
    if (!target) return true;
    return lower_is_better ? ratio.median <= *target : ratio.median >= *target;
  }
};

/// Three or more digits that say something, and no more.
[[nodiscard]] std::string shown(double value);

/// Runs limit and subject in turn, `pairs` times, after one pair that does not count.
[[nodiscard]] outcome measure(const std::string& name, const benchmark& what, unsigned pairs);

}  // namespace aether::perf
