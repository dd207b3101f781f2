#include <aether/runtime/nats_options.hpp>
#include <aether/runtime/options.hpp>
#include "options_file.hpp"
#include "options_table.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <ranges>
#include <unistd.h>

#ifndef AETHER_VERSION
#define AETHER_VERSION "unknown"
#endif

namespace aether {
namespace {

using detail::option_row;

constexpr int heartbeats_missed_min = 3;
constexpr std::chrono::milliseconds lease_min{100};

/// A text as given, and where.
struct given {
  std::string text;
  std::string where;
};
using given_by_name = std::map<std::string, given, std::less<>>;

std::unexpected<error> refuse(std::string text) {
  return fail(errc::invalid_options, std::move(text));
}

std::string describe(const option_row& row) {
  std::string text = row.about;
  if (const std::string value = row.show(options{}); !value.empty()) text += " (" + value + ")";
  return text + " [" + row.variable() + "]";
}

result<void> apply(options& to, const option_row& row, const given& value) {
  if (row.set(to, value.text)) return {};
  const std::string shown = row.secret ? "its value" : "'" + value.text + "'";
  return refuse(row.name + ": " + shown + (value.where.empty() ? "" : " from " + value.where) +
                " is not allowed; use " + row.domain);
}

result<void> check_together(const options& value) {
  if (value.streams > value.shards)
    return refuse("streams: " + std::to_string(value.streams) + " is more than shards, " +
                  std::to_string(value.shards));
  const auto least = heartbeats_missed_min * value.heartbeat;
  const auto short_of = [&](const char* name, std::chrono::milliseconds is) {
    return refuse(std::string{name} + ": " + std::to_string(is.count()) +
                  "ms is less than 3 heartbeats, " + std::to_string(least.count()) + "ms");
  };
  if (value.failure_timeout < least) return short_of("failure-timeout", value.failure_timeout);
  if (value.lease < lease_min)
    return refuse("lease: " + std::to_string(value.lease.count()) + "ms is less than " +
                  std::to_string(lease_min.count()) + "ms");
  return nats_options::of(value).check();
}

/// The lowest layer; the layers above overwrite it.
result<given_by_name> read_file(const std::string& path) {
  given_by_name all;
  auto entries = detail::read_option_file(path);
  if (!entries) return std::unexpected(std::move(entries).error());
  for (auto& [name, value, line] : *entries) {
    const std::string where = path + ":" + std::to_string(line);
    const auto& table = detail::option_table();
    if (std::ranges::find(table, name, &option_row::name) == table.end())
      return refuse(where + ": there is no option '" + name + "'; --help lists them");
    all[name] = {std::move(value), where};
  }
  return all;
}

void read_environment(given_by_name& all, const options::environment& lookup) {
  for (const auto& row : detail::option_table()) {
    auto value = lookup(row.variable().c_str());
    if (value && !value->empty()) all[row.name] = {std::move(*value), row.variable()};
  }
}

/// The command line as CLI11 understands it: texts by flag.
class command_line {
 public:
  explicit command_line(const std::string& program)
      : app_{
            "Every option is also an environment variable [NAME] and a line `name = value` of the "
            "option file; the command line wins, then the environment, then the file.",
            program} {
    app_.allow_extras();  // the program's own, or refused in our words
    app_.set_version_flag("--version", AETHER_VERSION, "show the version of Aether");
    app_.add_option("--config", config_, "option file [AETHER_CONFIG]")->type_name("FILE");
    for (const auto& row : detail::option_table())
      app_.add_option("--" + row.name, texts_[row.name], describe(row))->type_name(row.domain);
  }

  /// @returns help or version text, when that was asked for.
  result<std::optional<std::string>> parse(const std::vector<std::string>& arguments) {
    try {
      auto reversed = std::views::reverse(arguments);
      app_.parse(std::vector<std::string>(reversed.begin(), reversed.end()));
    } catch (const CLI::CallForHelp&) {
      return app_.help();
    } catch (const CLI::CallForVersion& version) {
      return std::string{version.what()} + "\n";
    } catch (const CLI::ArgumentMismatch& problem) {
      const std::string name{std::string_view{problem.what()}.substr(0, colon(problem.what()))};
      return refuse(name + " needs one value, once");
    } catch (const CLI::ParseError& problem) {
      return refuse(problem.what());
    }
    return std::nullopt;
  }

  /// What is no option of ours, in order.
  [[nodiscard]] std::vector<std::string> rest() const { return app_.remaining(); }

  [[nodiscard]] const std::string& config() const noexcept { return config_; }

  void add_to(given_by_name& all) const {
    for (const auto& [name, text] : texts_)
      if (app_.count("--" + name) > 0) all[name] = {text, "the command line"};
  }

 private:
  static std::size_t colon(std::string_view text) noexcept { return text.find(':'); }

  CLI::App app_;
  std::string config_;
  std::map<std::string, std::string> texts_;
};

/// Names the first only, and not what is behind its `=`: that might be a password.
std::unexpected<error> refuse_unknown(const std::vector<std::string>& rest) {
  const std::string first = rest.front().substr(0, rest.front().find('='));
  return refuse("there is no option '" + first + "'; --help lists them");
}

std::optional<std::string> process_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

std::string program_of(int argc, const char* const* argv) {
  const std::string_view path = argc > 0 ? argv[0] : "aether";
  return std::string{path.substr(path.find_last_of('/') + 1)};
}

std::vector<std::string> all_of(int argc, const char* const* argv) {
  return {argv + (argc > 0 ? 1 : 0), argv + argc};
}

/// Ends the process where there is nothing to go on with.
options taken(result<options::parsed> read, const std::string& program, std::string_view own_help) {
  if (!read) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), read.error().text().c_str());
    std::exit(2);
  }
  if (read->text) {
    std::fwrite(own_help.data(), 1, own_help.size(), stdout);
    std::fputs(read->text->c_str(), stdout);
    std::exit(0);
  }
  return std::move(read->value);
}

}  // namespace

result<void> options::check() const {
  options scratch;
  for (const auto& row : detail::option_table())
    if (auto ok = apply(scratch, row, {row.show(*this), {}}); !ok) return ok;
  return check_together(*this);
}

std::string options::generated_node() {
  constexpr std::size_t node_bytes_max = 64;
  char host[256] = "node";
  if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') host[0] = 'n';
  const std::string tail = "-" + std::to_string(::getpid());
  std::string text{host};
  for (char& c : text) {
    const bool stays = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!stays && c != '_') c = '-';
  }
  return text.substr(0, node_bytes_max - tail.size()) + tail;
}

result<options::parsed> options::parse(const std::vector<std::string>& arguments,
                                       const environment& lookup, const std::string& program) {
  auto read = parse_known(arguments, lookup, program);
  if (read && !read->text && !read->rest.empty()) return refuse_unknown(read->rest);
  return read;
}

result<options::parsed> options::parse_known(const std::vector<std::string>& arguments,
                                             const environment& lookup,
                                             const std::string& program) {
  command_line line{program};
  auto text = line.parse(arguments);
  if (!text) return std::unexpected(std::move(text).error());
  if (*text) return parsed{{}, std::move(*text), {}};

  given_by_name all;
  const std::string path =
      !line.config().empty() ? line.config() : lookup("AETHER_CONFIG").value_or("");
  if (!path.empty()) {
    auto from_file = read_file(path);
    if (!from_file) return std::unexpected(std::move(from_file).error());
    all = std::move(*from_file);
  }
  read_environment(all, lookup);
  line.add_to(all);

  parsed out;
  out.rest = line.rest();
  for (const auto& row : detail::option_table())
    if (const auto found = all.find(row.name); found != all.end())
      if (auto ok = apply(out.value, row, found->second); !ok)
        return std::unexpected(std::move(ok).error());
  if (auto ok = check_together(out.value); !ok) return std::unexpected(std::move(ok).error());
  if (out.value.node.empty()) out.value.node = generated_node();
  return out;
}

options options::from(int argc, const char* const* argv) {
  auto read = parse(all_of(argc, argv), process_variable, program_of(argc, argv));
  return taken(std::move(read), program_of(argc, argv), {});
}

options options::from(int argc, const char* const* argv, std::vector<std::string>& rest,
                      std::string_view own_help) {
  auto read = parse_known(all_of(argc, argv), process_variable, program_of(argc, argv));
  if (read) rest = std::move(read->rest);
  return taken(std::move(read), program_of(argc, argv), own_help);
}

}  // namespace aether
