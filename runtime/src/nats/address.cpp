#include "address.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace aether::nats {
namespace {

constexpr std::string_view default_port = "4222";

std::unexpected<error> not_an_address(std::string_view host_port) {
  return fail(errc::invalid_options, "\"" + std::string{host_port} +
                                         "\" is not an address of a NATS server; want "
                                         "nats://[user:password@]host[:port]");
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

bool is_host(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '@' || c == '?' || c == '#';
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '/')) text.remove_suffix(1);
  return text;
}

// A literal IPv6 address stands in brackets: `[::1]:4222`.
address split_host_port(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view host = text.substr(0, colon);
  if (bracket != std::string_view::npos) host = text.substr(1, bracket - 1);
  const std::string_view port =
      colon == std::string_view::npos ? default_port : text.substr(colon + 1);
  return {std::string{host}, std::string{port}};
}

}  // namespace

std::string address::shown() const {
  return (host.contains(':') ? "[" + host + "]" : host) + ":" + port;
}

result<address> parse_address(std::string_view url) {
  std::string_view rest = trimmed(url);
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = rest.substr(0, scheme);
    rest.remove_prefix(scheme + 3);
    if (name != "nats" && name != "tls" && name != "tcp")
      return not_an_address(rest.substr(rest.rfind('@') + 1));
  }
  rest.remove_prefix(rest.rfind('@') + 1);
  address parsed = split_host_port(rest);
  if (!is_host(parsed.host) || !is_port(parsed.port)) return not_an_address(rest);
  return parsed;
}

result<std::vector<address>> parse_addresses(std::string_view urls) {
  std::vector<address> all;
  while (true) {
    const std::size_t comma = urls.find(',');
    auto one = parse_address(urls.substr(0, comma));
    if (!one) return std::unexpected(std::move(one).error());
    all.push_back(*std::move(one));
    if (comma == std::string_view::npos) return all;
    urls.remove_prefix(comma + 1);
  }
}

std::string shown(const std::vector<address>& addresses) {
  std::string text;
  for (const address& each : addresses) text += (text.empty() ? "" : ", ") + each.shown();
  return text;
}

}  // namespace aether::nats
