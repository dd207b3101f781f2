#include "arguments.hpp"

#include <aether/runtime/ids.hpp>

#include <CLI/CLI.hpp>

#include <iostream>

namespace flights {

namespace {

constexpr int exit_usage = 2;

std::string refuse_namespace(const std::string& text) {
  const auto parsed = aether::namespace_name::parse(text);
  return parsed ? std::string{} : parsed.error().text();
}

void describe(CLI::App& app, arguments& into) {
  app.add_option("--input", into.input,
                 "CSV with the header date,delay,distance,origin,destination (LF line ends)")
      ->type_name("FILE");
  app.add_option("--nodes", into.nodes, "node processes to start")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app.add_flag("--kill-one", into.kill_one,
               "kill the first node, as a rule the leader, with SIGKILL half-way");
  auto* const nats = app.add_option("--nats", into.nats,
                                    "a running NATS with JetStream; default: an own nats-server")
                         ->type_name("URL");
  app.add_option("--nats-server", into.nats_server,
                 "the nats-server to start; default: $AETHER_NATS_SERVER, or that of PATH")
      ->type_name("PATH")
      ->excludes(nats);
  app.add_option("--nats-port", into.nats_port, "port of that server; default: one that is free")
      ->type_name("PORT")
      ->check(CLI::Range(1, 65'535))
      ->excludes(nats);
  app.add_option("--namespace", into.name_space, "where the airports live; has to be unused")
      ->type_name("NAME")
      ->check(CLI::Validator{refuse_namespace, ""})
      ->capture_default_str();
  // An airport queues up to 1,024 commands, and all that is under way may be for one airport.
  app.add_option("--in-flight", into.in_flight, "commands sent and not yet answered, at most")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  app.add_flag("--json", into.json, "the last line of stdout is one JSON object (see README.md)");
  app.add_flag("--keep", into.keep, "leave logs and the server's data behind and say where");
  app.add_option("--role", into.role)->group("")->check(CLI::IsMember({"node"}));
  app.add_option("--node-id", into.node_id)->group("");
}

/// What CLI11 cannot express; empty when all is well.
std::string contradiction(const arguments& given) {
  if (!given.role.empty())
    return given.node_id.empty() || given.nats.empty() ? "--role needs --node-id and --nats" : "";
  if (given.input.empty()) return "--input FILE is required";
  if (given.kill_one && given.nodes < 2)
    return "--kill-one needs at least 2 --nodes: somebody has to take over";
  return {};
}

}  // namespace

std::expected<arguments, exit_now> parse_arguments(int argc, const char* const* argv) {
  arguments given;
  CLI::App app{
      "Sends the departures and arrivals of a file of flights to one event-sourced actor for each\n"
      "airport, spread over several processes, and compares what they count with the file. Bad\n"
      "rows are listed and left out. Exit status: 0 both readings equal the file, 1 they do not "
      "or\n"
      "something failed, 2 wrong options.",
      "flights"};
  describe(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return std::unexpected(exit_now{app.exit(problem) == 0 ? 0 : exit_usage});
  }
  if (const std::string wrong = contradiction(given); !wrong.empty()) {
    std::cerr << "flights: " << wrong << "\nRun with --help for more information.\n";
    return std::unexpected(exit_now{exit_usage});
  }
  return given;
}

}  // namespace flights
