#include "report.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <cstdio>

namespace aether::perf {

namespace {

constexpr const char* line_format = "%-30s %10s  %-22s %10s  %-10s %6s  %-13s %6s  %s\n";

template <class... Words>
std::string line(const Words&... words) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), line_format, words...);
  return text.data();
}

/// Three or more digits that say something, and no more.
std::string number(double value) {
  std::array<char, 32> text{};
  const int decimals = std::abs(value) >= 100 ? 0 : std::abs(value) >= 10 ? 1 : 2;
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string range(const spread& of) { return number(of.min) + "-" + number(of.max); }

}  // namespace

std::string table_head() {
  return line("what", "median", "(min-max)", "limit", "unit", "ratio", "(min-max)", "target", "");
}

std::string table_row(const outcome& of) {
  const auto target = (of.lower_is_better ? "<=" : ">=") + number(of.target);
  return line(of.name.c_str(), number(of.subject.median).c_str(),
              ("(" + range(of.subject) + ")").c_str(), number(of.limit.median).c_str(),
              of.unit.c_str(), number(of.ratio.median).c_str(),
              ("(" + range(of.ratio) + ")").c_str(), target.c_str(),
              of.on_target() ? "OK" : "BELOW TARGET");
}

std::string json_line(const outcome& of) {
  const nlohmann::ordered_json object{{"name", of.name},
                                      {"value", of.subject.median},
                                      {"unit", of.unit},
                                      {"limit", of.limit.median},
                                      {"ratio", of.ratio.median},
                                      {"target", of.target},
                                      {"lower_is_better", of.lower_is_better},
                                      {"runs", of.runs},
                                      {"value_min", of.subject.min},
                                      {"value_max", of.subject.max},
                                      {"limit_min", of.limit.min},
                                      {"limit_max", of.limit.max},
                                      {"ratio_min", of.ratio.min},
                                      {"ratio_max", of.ratio.max}};
  return object.dump() + "\n";
}

}  // namespace aether::perf
