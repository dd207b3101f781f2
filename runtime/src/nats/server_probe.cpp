#include "server_probe.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace aether::nats {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t greeting_bytes_max = 64 * 1024;
/// The server's codes for "not here at all", for ever.
constexpr int err_not_enabled = 10076;
constexpr int err_not_enabled_for_account = 10039;

struct unique_fd {
  explicit unique_fd(int owned) noexcept : fd{owned} {}
  unique_fd(const unique_fd&) = delete;
  unique_fd& operator=(const unique_fd&) = delete;
  ~unique_fd() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

bool await(int fd, short events, steady_clock::time_point deadline) {
  pollfd polled{fd, events, 0};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    const int ready = ::poll(&polled, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool connect_to(int fd, const addrinfo& where, steady_clock::time_point deadline) {
  if (::connect(fd, where.ai_addr, where.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !await(fd, POLLOUT, deadline)) return false;
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

// Up to the first line end; empty when it does not come.
std::string read_line(int fd, steady_clock::time_point deadline) {
  std::string line;
  char buffer[4096];
  while (line.size() < greeting_bytes_max && await(fd, POLLIN, deadline)) {
    const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (count < 0) continue;
    line.append(buffer, static_cast<std::size_t>(count));
    if (const std::size_t end = line.find("\r\n"); end != std::string::npos) {
      return line.substr(0, end);
    }
  }
  return {};
}

// "2.10.27-RC.1" -> 2, 10, 27
void split_version(nats_server_info& info) {
  const char* at = info.version.data();
  const char* const end = at + info.version.size();
  for (int* part : {&info.major, &info.minor, &info.patch}) {
    const auto [next, failure] = std::from_chars(at, end, *part);
    if (failure != std::errc{} || next == end || *next != '.') return;
    at = next + 1;
  }
}

// Of a cluster whose servers have no leader just now it is another than where JetStream is off.
error why_no_jetstream(const nlohmann::json& refused) {
  const auto code = refused.is_object() ? refused.value("err_code", 0) : 0;
  if (code == err_not_enabled || code == err_not_enabled_for_account || code == 0)
    return jetstream_missing("the server");
  return {errc::unavailable, "JetStream is not available at the server at the moment (" +
                                 refused.value("description", "error " + std::to_string(code)) +
                                 "); try again"};
}

}  // namespace

result<std::string> read_server_greeting(const address& server, std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found) != 0) {
    return fail(errc::unavailable, "cannot resolve " + server.shown());
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const unique_fd socket{
        ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol)};
    if (socket.fd < 0 || !connect_to(socket.fd, *each, deadline)) continue;
    const std::string line = read_line(socket.fd, deadline);
    if (line.starts_with("INFO ")) return line.substr(5);
  }
  return fail(errc::unavailable, "no NATS server greets at " + server.shown());
}

result<nats_server_info> parse_server_greeting(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) return fail(errc::decode_failed, "the server's INFO is not JSON");
  const auto version = parsed.find("version");
  const auto limit = parsed.find("max_payload");
  if (version == parsed.end() || !version->is_string() || limit == parsed.end() ||
      !limit->is_number_unsigned()) {
    return fail(errc::decode_failed, "the server's INFO lacks version or max_payload");
  }
  nats_server_info info;
  info.version = version->get<std::string>();
  info.payload_bytes_max = limit->get<std::size_t>();
  split_version(info);
  return info;
}

result<int> parse_jetstream_level(bytes_view answer) {
  const auto parsed = nlohmann::json::parse(as_text(answer), nullptr, false);
  if (!parsed.is_object()) return fail(errc::decode_failed, "$JS.API.INFO answers no JSON");
  if (const auto refused = parsed.find("error"); refused != parsed.end())
    return std::unexpected(why_no_jetstream(*refused));
  const auto api = parsed.find("api");
  if (api == parsed.end() || !api->is_object()) return 0;
  const auto level = api->find("level");
  return level != api->end() && level->is_number_integer() ? level->get<int>() : 0;
}

error jetstream_missing(std::string_view server) {
  return {errc::unsupported_server,
          "JetStream is not enabled at " + std::string{server} +
              "; start nats-server with -js, or enable JetStream for this account"};
}

}  // namespace aether::nats
