#include "arguments.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace aether::chaos {

namespace {

constexpr int exit_usage = 2;

std::string refuse_faults(const std::string& text) {
  const auto parsed = parse_faults(text);
  return parsed ? std::string{} : parsed.error();
}

void describe_run(CLI::App& app, arguments& into, std::string& faults) {
  app.add_option("--nodes", into.nodes, "node processes")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option("--seconds", into.seconds, "how long the clients are at work")
      ->check(CLI::Range(3, 86'400))
      ->capture_default_str();
  app.add_option("--seed", into.seed, "which faults happen when, and what clients do")
      ->capture_default_str();
  app.add_option("--faults", faults,
                 "some of kill, stop, leave, partition, server, servercluster, with commas; the "
                 "last makes it three nats-servers with replicas")
      ->type_name("LIST")
      ->check(CLI::Validator{refuse_faults, ""})
      ->capture_default_str();
  app.add_option("--history", into.history, "where what the clients saw is written")
      ->type_name("FILE");
  app.add_flag("--json", into.json, "the summary as one JSON object on stdout");
  app.add_flag("--plan", into.show_plan, "print the faults of this seed and do nothing");
  app.add_flag("--keep", into.keep, "leave logs and the servers' data behind and say where");
}

void describe_load(CLI::App& app, arguments& into) {
  app.add_option("--clients", into.clients, "clients, a thread each")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--durable", into.durable, "so many of them append by durable sends")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_option("--keys", into.keys, "lists in use at one time; 250 appends each, then a new one")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--rate", into.rate, "operations a second of all clients together, at most")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--shards", into.shards, "shards of the namespace")
      ->check(CLI::Range(4, 4'096))
      ->capture_default_str();
  app.add_option("--nats-server", into.nats_server,
                 "the nats-server to start; default: $AETHER_NATS_SERVER, or the newest of those "
                 "that tools/nats-server has fetched and the system's")
      ->type_name("PATH");
  app.add_option("--role", into.role)->group("")->check(CLI::IsMember({"node"}));
  app.add_option("--node-id", into.node_id)->group("");
  app.add_option("--nats", into.nats)->group("");
  app.add_option("--replicas", into.replicas)->group("");
}

/// What CLI11 cannot express; empty when all is well.
std::string contradiction(const arguments& given) {
  if (!given.role.empty())
    return given.node_id.empty() || given.nats.empty() ? "--role needs --node-id and --nats" : "";
  if (given.history.empty() && !given.show_plan) return "--history FILE is required";
  return {};
}

}  // namespace

std::expected<arguments, exit_now> parse_arguments(int argc, const char* const* argv) {
  arguments given;
  std::string faults = "kill,stop,partition,server";
  CLI::App app{
      "Runs real nats-servers and nodes, breaks them, has clients append unique numbers to lists\n"
      "and read them meanwhile, and judges what they saw as aether_check does. Exit status: 0 it "
      "is\nlinearizable and every shard is served at the end, 1 it is not or something failed, 2 "
      "wrong\noptions.",
      "aether_chaos"};
  describe_run(app, given, faults);
  describe_load(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return std::unexpected(exit_now{app.exit(problem) == 0 ? 0 : exit_usage});
  }
  given.faults = parse_faults(faults).value();
  if (const std::string wrong = contradiction(given); !wrong.empty()) {
    std::cerr << "aether_chaos: " << wrong << "\nRun with --help for more information.\n";
    return std::unexpected(exit_now{exit_usage});
  }
  return given;
}

}  // namespace aether::chaos
