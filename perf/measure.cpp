#include "measure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace aether::perf {

spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

std::string shown(double value) {
  std::array<char, 32> text{};
  const int decimals = std::abs(value) >= 100 ? 0 : std::abs(value) >= 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string series::text() const {
  if (values_->empty()) return "nothing";
  const auto [min, median, max] = spread_of(*values_);
  return shown(median) + " (" + shown(min) + "-" + shown(max) + ")";
}

outcome measure(const std::string& name, const benchmark& what, unsigned pairs) {
  std::vector<double> limits, subjects, ratios;
  const unsigned uncounted = what.pairs_cold ? 0 : 1;
  const unsigned counted = what.pairs_cold.value_or(pairs);
  for (unsigned pair = 0; pair < uncounted + counted; ++pair) {
    if (what.prepare) what.prepare();
    const double limit = what.limit();
    const double subject = what.subject();
    if (pair < uncounted) continue;
    limits.push_back(limit);
    subjects.push_back(subject);
    ratios.push_back(subject / limit);
  }
  return {.name = name,
          .unit = what.unit,
          .target = what.target,
          .lower_is_better = what.lower_is_better,
          .runs = counted,
          .subject = spread_of(std::move(subjects)),
          .limit = spread_of(std::move(limits)),
          .ratio = spread_of(std::move(ratios)),
          .remark = what.remark ? what.remark() : ""};
}

}  // namespace aether::perf
