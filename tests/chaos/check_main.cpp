// aether_check: judges the history of a run of aether_chaos, or of anybody else. docs/chaos.md.

#include "judge.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>

namespace {

constexpr int exit_good = 0;
constexpr int exit_bad = 1;
constexpr int exit_usage = 2;

int unusable(const std::string& file, const std::string& why) {
  std::cerr << "aether_check: " << file << ": " << why << "\n";
  return exit_usage;
}

int check(const std::string& file, bool json) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened || opened.peek() == std::ifstream::traits_type::eof())
      return unusable(file, opened ? "is empty" : "cannot be read");
  }
  std::istream& history = file == "-" ? std::cin : opened;
  const auto verdict = aether::chaos::judge(history);
  if (!verdict) return unusable(file, as_text(verdict.error()));
  if (history.bad()) return unusable(file, "cannot be read to its end");
  std::cout << (json ? as_json(*verdict) + "\n" : as_text(*verdict)) << std::flush;
  if (!std::cout) return unusable("stdout", "cannot be written");
  return verdict->good() ? exit_good : exit_bad;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::string file;
  bool json = false;
  CLI::App app{
      "Judges a history of lists to which unique numbers are appended: whether it is linearizable\n"
      "for each key, nothing acknowledged lost, nothing applied twice, nothing failed that "
      "happened.\n"
      "Exit status: 0 it is, 1 it is not, 2 wrong options or no such history.",
      "aether_check"};
  app.add_option("history", file, "one JSON object a line (docs/chaos.md); - is standard input")
      ->type_name("FILE")
      ->required();
  app.add_flag("--json", json, "one JSON object instead of text");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? exit_good : exit_usage;
  }
  return check(file, json);
}
