#pragma once

#include <functional>
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
  double target = 0;
  bool lower_is_better = false;
  std::function<double()> limit;
  std::function<double()> subject;
  /// Called before each pair; may be empty.
  std::function<void()> prepare = {};
};

struct spread {
  double min = 0, median = 0, max = 0;
};

/// @pre not empty.
[[nodiscard]] spread spread_of(std::vector<double> values);

struct outcome {
  std::string name, unit;
  double target = 0;
  bool lower_is_better = false;
  unsigned runs = 0;
  spread subject, limit;
  /// Of subject to limit, each taken between neighbours in time: a machine that is slower for a
  /// while is so for both.
  spread ratio;

  [[nodiscard]] bool on_target() const noexcept {
    return lower_is_better ? ratio.median <= target : ratio.median >= target;
  }
};

/// Runs limit and subject in turn, `pairs` times, after one pair that does not count.
[[nodiscard]] outcome measure(const std::string& name, const benchmark& what, unsigned pairs);

}  // namespace aether::perf
