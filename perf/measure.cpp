#include "measure.hpp"

#include <algorithm>

namespace aether::perf {

spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

outcome measure(const std::string& name, const benchmark& what, unsigned pairs) {
  std::vector<double> limits, subjects, ratios;
  for (unsigned pair = 0; pair <= pairs; ++pair) {
    if (what.prepare) what.prepare();
    const double limit = what.limit();
    const double subject = what.subject();
    if (pair == 0) continue;
    limits.push_back(limit);
    subjects.push_back(subject);
    ratios.push_back(subject / limit);
  }
  return {.name = name,
          .unit = what.unit,
          .target = what.target,
          .lower_is_better = what.lower_is_better,
          .runs = pairs,
          .subject = spread_of(std::move(subjects)),
          .limit = spread_of(std::move(limits)),
          .ratio = spread_of(std::move(ratios))};
}

}  // namespace aether::perf
