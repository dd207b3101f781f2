#include "judge.hpp"

#include "judge_json.hpp"

#include <utility>

namespace aether::chaos {

namespace {

std::string counts(const char* what, const outcome_counts& of) {
  return std::string{what} + std::to_string(of.all()) + ": " + std::to_string(of.ok) + " ok, " +
         std::to_string(of.fail) + " failed, " + std::to_string(of.unknown) + " unknown\n";
}

}  // namespace

std::expected<verdict, bad_input> judge(std::istream& history) {
  list_checker checker;
  std::string text;
  for (std::size_t line = 1; std::getline(history, text); ++line) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto what = from_line(text);
    if (!what)
      return std::unexpected(
          bad_input{line, std::move(what.error().field), std::move(what.error().why)});
    if (auto taken = checker.add(std::move(*what), line); !taken)
      return std::unexpected(std::move(taken.error()));
  }
  return checker.finish();
}

std::string as_text(const verdict& what) {
  std::string out = counts("appends ", what.appends) + counts("reads   ", what.reads) + "keys    " +
                    std::to_string(what.keys) + "\n";
  for (const violation& one : what.violations)
    out += "key " + one.key + ": " + std::string{to_string(one.kind)} + ": " + one.text + "\n";
  if (const auto more = what.violations_found - what.violations.size(); more > 0)
    out += "and " + std::to_string(more) + " more\n";
  if (what.good()) return out + "linearizable\n";
  return out + "NOT LINEARIZABLE: " + std::to_string(what.violations_found) +
         (what.violations_found == 1 ? " contradiction\n" : " contradictions\n");
}

std::string as_text(const bad_input& what) {
  return "line " + std::to_string(what.line) + (what.field.empty() ? "" : ", field " + what.field) +
         ": " + what.why;
}

std::string as_json(const verdict& what) { return to_json(what).dump(); }

nlohmann::json to_json(const outcome_counts& counts) {
  return {{"ok", counts.ok}, {"fail", counts.fail}, {"unknown", counts.unknown}};
}

nlohmann::json to_json(const verdict& what) {
  auto violations = nlohmann::json::array();
  for (const violation& one : what.violations)
    violations.push_back({{"kind", to_string(one.kind)},
                          {"key", one.key},
                          {"lines", one.lines},
                          {"text", one.text}});
  return {{"verdict", what.good() ? "linearizable" : "not linearizable"},
          {"operations", {{"append", to_json(what.appends)}, {"read", to_json(what.reads)}}},
          {"keys", what.keys},
          {"violations_found", what.violations_found},
          {"violations", std::move(violations)}};
}

}  // namespace aether::chaos
