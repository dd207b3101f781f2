#include "nats_servers.hpp"

#include "examples/flights/stop_request.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

namespace aether::chaos {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto start_limit = 20s;

bool executable(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::array<int, 3> as_numbers(const std::string& version) {
  std::array<int, 3> parts{};
  std::sscanf(version.c_str(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
  return parts;
}

/// All that are at hand.
std::vector<fs::path> candidates() {
  std::vector<fs::path> found;
  std::istringstream folders{from_environment("PATH") + ":/usr/sbin:/usr/local/sbin"};
  for (std::string folder; std::getline(folders, folder, ':');)
    found.push_back(fs::path{folder} / "nats-server");
  std::error_code none;
  for (const auto& version : fs::directory_iterator{AETHER_NATS_SERVER_STORE, none})
    found.push_back(version.path() / "usr/sbin/nats-server");
  return found;
}

/// Whether a server greets on this port: one that only listens may not serve yet.
bool greets(std::uint16_t port) {
  const auto connection = connect_to_port(port);
  if (connection.get() < 0) return false;
  pollfd polled{connection.get(), POLLIN, 0};
  char first = 0;
  return ::poll(&polled, 1, 200) == 1 && ::recv(connection.get(), &first, 1, 0) == 1 &&
         first == 'I';
}

std::string local(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

std::string version_of(const fs::path& nats_server) {
  const std::string command = "'" + nats_server.string() + "' --version 2>/dev/null";
  FILE* out = ::popen(command.c_str(), "re");
  if (out == nullptr) return {};
  std::array<char, 128> text{};
  const bool read = std::fgets(text.data(), text.size(), out) != nullptr;
  ::pclose(out);
  const std::string line = read ? text.data() : "";
  const auto begin = line.find(": v");
  if (begin == std::string::npos) return {};
  return line.substr(begin + 3, line.find_last_not_of("\r\n ") - begin - 2);
}

or_error<fs::path> find_nats_server(const fs::path& given) {
  const fs::path wanted = given.empty() ? fs::path{from_environment("AETHER_NATS_SERVER")} : given;
  if (!wanted.empty()) {
    if (executable(wanted) && !version_of(wanted).empty()) return wanted;
    return std::unexpected("no nats-server that runs at " + wanted.string());
  }
  fs::path newest;
  std::array<int, 3> its_version{};
  for (const fs::path& one : candidates()) {
    if (!executable(one)) continue;
    const auto version = as_numbers(version_of(one));
    if (version > its_version) std::tie(newest, its_version) = std::tie(one, version);
  }
  if (!newest.empty()) return newest;
  return std::unexpected(
      "no nats-server is installed; tools/nats-server all finds or fetches one, or give "
      "--nats-server PATH");
}

nats_servers::nats_servers(const options& how) : how_{how}, servers_(how.count) {
  for (std::uint32_t i = 0; i < how_.count; ++i) {
    server& one = servers_[i];
    one.name = "server" + std::to_string(i);
    one.config = how_.directory / (one.name + ".conf");
    one.log = how_.directory / (one.name + ".log");
  }
  for (std::uint32_t from = 0; from < how_.count; ++from)
    for (std::uint32_t to = 0; to < how_.count; ++to)
      if (from != to)
        routes_[{from, to}] = std::make_unique<tcp_proxy>(servers_[to].route_port.number());
  for (std::uint32_t i = 0; i < how_.count; ++i) write_config(i);
}

void nats_servers::write_config(std::uint32_t i) const {
  const server& one = servers_[i];
  std::ofstream out{one.config};
  out << "server_name: " << one.name << "\nlisten: " << local(one.port.number())
      << "\njetstream { store_dir: \"" << (how_.directory / one.name).string() << "\" }\n";
  if (how_.count == 1) return;
  // Nobody listens where they say that they do: so they know one another through the proxies alone,
  // and clients learn of no server that they were not told of.
  out << "cluster {\n  name: chaos\n  listen: " << local(one.route_port.number())
      << "\n  advertise: \"127.0.0.1:1\"\n  no_advertise: true\n  routes: [";
  for (std::uint32_t to = 0; to < how_.count; ++to)
    if (to != i) out << "\n    nats://" << local(routes_.at({i, to})->port());
  out << "\n  ]\n}\n";
}

or_error<std::unique_ptr<nats_servers>> nats_servers::start(const options& how) {
  auto made = std::unique_ptr<nats_servers>{new nats_servers{how}};
  for (std::uint32_t i = 0; i < how.count; ++i) made->restart(i);
  if (auto ready = made->await_greetings(clock::now() + start_limit); !ready)
    return std::unexpected(ready.error());
  return made;
}

std::vector<std::uint16_t> nats_servers::ports() const {
  std::vector<std::uint16_t> all;
  for (const server& one : servers_) all.push_back(one.port.number());
  return all;
}

void nats_servers::kill(std::uint32_t i) { servers_.at(i).process.reset(); }

void nats_servers::restart(std::uint32_t i) {
  server& one = servers_.at(i);
  if (one.process) return;
  auto started =
      flights::child_process::start({how_.program, {"-c", one.config.string()}, one.log});
  if (started)
    one.process.emplace(std::move(*started));
  else
    failed_start_ = started.error();
}

void nats_servers::pause(std::uint32_t i) {
  if (const auto& process = servers_.at(i).process) process->signal(SIGSTOP);
}

void nats_servers::resume(std::uint32_t i) {
  if (const auto& process = servers_.at(i).process) process->signal(SIGCONT);
}

void nats_servers::set_routes(std::uint32_t i, flow how) {
  for (const auto& [pair, proxy] : routes_)
    if (pair.first == i || pair.second == i) proxy->set(how);
}

or_error<void> nats_servers::await_greetings(clock::time_point deadline) {
  const auto greets_now = [](const server& one) { return greets(one.port.number()); };
  while (!std::ranges::all_of(servers_, greets_now)) {
    if (flights::stop_requested() != 0) return std::unexpected("interrupted");
    if (!failed_start_.empty()) return std::unexpected(failed_start_);
    for (const std::string& what : ended_by_themselves()) return std::unexpected(what + logs());
    if (clock::now() >= deadline)
      return std::unexpected("a nats-server does not get ready" + logs());
    ::usleep(10'000);
  }
  return {};
}

std::vector<std::string> nats_servers::ended_by_themselves() {
  std::vector<std::string> found;
  for (server& one : servers_)
    if (one.process && one.process->ended(clock::now()))
      found.push_back(one.name + " ended by itself, " + one.process->ending());
  return found;
}

std::string nats_servers::logs() const {
  std::string out;
  for (const server& one : servers_) out += "\n  " + one.name + flights::tail_of(one.log);
  return out;
}

}  // namespace aether::chaos
