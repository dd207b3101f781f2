#include "report.hpp"

#include <nlohmann/json.hpp>

#include <array>
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

std::string range(const spread& of) { return shown(of.min) + "-" + shown(of.max); }

}  // namespace

std::string table_head() {
  return line("what", "median", "(min-max)", "limit", "unit", "ratio", "(min-max)", "target", "");
}

std::string table_row(const outcome& of) {
  const auto target = of.target ? (of.lower_is_better ? "<=" : ">=") + shown(*of.target) : "none";
  const auto row =
      line(of.name.c_str(), shown(of.subject.median).c_str(),
           ("(" + range(of.subject) + ")").c_str(), shown(of.limit.median).c_str(), of.unit.c_str(),
           shown(of.ratio.median).c_str(), ("(" + range(of.ratio) + ")").c_str(), target.c_str(),
           !of.target       ? ""
           : of.on_target() ? "OK"
                            : "BELOW TARGET");
  return of.remark.empty() ? row : row + "    " + of.remark + "\n";
}

std::string json_line(const outcome& of) {
  using nlohmann::ordered_json;
  const ordered_json object{{"name", of.name},
                            {"value", of.subject.median},
                            {"unit", of.unit},
                            {"limit", of.limit.median},
                            {"ratio", of.ratio.median},
                            {"target", of.target ? ordered_json(*of.target) : nullptr},
                            {"lower_is_better", of.lower_is_better},
                            {"runs", of.runs},
                            {"value_min", of.subject.min},
                            {"value_max", of.subject.max},
                            {"limit_min", of.limit.min},
                            {"limit_max", of.limit.max},
                            {"ratio_min", of.ratio.min},
                            {"ratio_max", of.ratio.max},
                            {"remark", of.remark}};
  return object.dump() + "\n";
}

}  // namespace aether::perf
