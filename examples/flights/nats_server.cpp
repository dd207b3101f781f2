#include "nats_server.hpp"

#include "stop_request.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace flights {

namespace {

using namespace std::chrono_literals;

bool executable(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

or_error<std::filesystem::path> find_program(std::filesystem::path wanted) {
  if (wanted.empty()) wanted = from_environment("AETHER_NATS_SERVER");
  if (!wanted.empty()) {
    if (executable(wanted)) return wanted;
    return std::unexpected("no nats-server at " + wanted.string());
  }
  std::istringstream folders{from_environment("PATH") + ":/usr/sbin:/usr/local/sbin"};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto file = std::filesystem::path{folder} / "nats-server"; executable(file))
      return file;
  return std::unexpected(
      "nats-server is not installed; on Debian and Ubuntu: apt install nats-server, or give "
      "--nats-server PATH or --nats URL");
}

/// The URL in the file that the server writes once it listens; empty while there is none.
std::string listening_url(const std::filesystem::path& directory, pid_t pid) {
  std::ifstream in{directory / ("nats-server_" + std::to_string(pid) + ".ports")};
  const auto ports = nlohmann::json::parse(in, nullptr, false);
  if (!ports.is_object() || !ports.contains("nats") || !ports["nats"].is_array()) return {};
  return ports["nats"].empty() ? std::string{} : ports["nats"][0].get<std::string>();
}

std::string failed_start(const nats_server_options& options, const std::filesystem::path& log,
                         const std::string& why) {
  const std::string lines = tail_of(log);
  if (lines.contains("address already in use"))
    return "port " + std::to_string(options.port) + " is taken; give another --nats-port, or " +
           "none for one that is free";
  return "nats-server did not start: " + why + lines;
}

}  // namespace

or_error<nats_server> nats_server::start(const nats_server_options& options) {
  const auto program = find_program(options.program);
  if (!program) return std::unexpected(program.error());
  const auto log = options.directory / "nats-server.log";
  const auto data = options.directory / "jetstream";
  // Port -1: the server takes a free one and tells by file which, so nobody can come in between.
  const std::string port = options.port == 0 ? "-1" : std::to_string(options.port);
  auto process =
      child_process::start({*program,
                            {"--addr", "127.0.0.1", "--port", port, "--jetstream", "--store_dir",
                             data.string(), "--ports_file_dir", options.directory.string()},
                            log});
  if (!process) return std::unexpected(process.error());

  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline && stop_requested() == 0) {
    if (process->ended(std::chrono::steady_clock::now() + 20ms))
      return std::unexpected(failed_start(options, log, process->ending()));
    if (std::string url = listening_url(options.directory, process->pid()); !url.empty())
      return nats_server{std::move(*process), std::move(url)};
  }
  if (stop_requested() != 0) return std::unexpected("interrupted");
  return std::unexpected(failed_start(options, log, "it does not listen after 10 s"));
}

nats_server::~nats_server() {
  process_.signal(SIGTERM);
  process_.ended(std::chrono::steady_clock::now() + 5s);
}

}  // namespace flights
