#pragma once

#include <aether/runtime/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace aether::nats {

/// One server address, taken apart.
struct address {
  std::string host;
  std::string port;
  /// `host:port` without user and password: fit for texts and logs.
  [[nodiscard]] std::string shown() const;
};

/// Takes `[nats://][user:password@]host[:port]` apart; the port is 4222 when absent;
/// `tls://` is as good as `nats://`.
/// @errors `invalid_options`: not such an address; the text never has the password.
[[nodiscard]] result<address> parse_address(std::string_view url);

/// The same for one or more addresses, separated by commas.
[[nodiscard]] result<std::vector<address>> parse_addresses(std::string_view urls);

/// The addresses for a text: `"a:4222, b:4222"`.
[[nodiscard]] std::string shown(const std::vector<address>& addresses);

}  // namespace aether::nats
