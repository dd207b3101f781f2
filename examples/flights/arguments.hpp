#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace flights {

struct arguments {
  std::filesystem::path input;
  std::uint32_t nodes = 3;
  bool kill_one = false;
  /// Empty: a nats-server of our own.
  std::string nats;
  std::filesystem::path nats_server;
  std::uint16_t nats_port = 0;
  std::string name_space = "flights";
  std::uint32_t in_flight = 512;
  bool json = false;
  bool keep = false;

  /// How the program starts itself: `node`, with the id of the node. Not for users.
  std::string role;
  std::string node_id;
};

/// That the program is to end now: with help on stdout, or an error (code 2) on stderr, both
/// already printed.
struct exit_now {
  int code;
};

[[nodiscard]] std::expected<arguments, exit_now> parse_arguments(int argc, const char* const* argv);

}  // namespace flights
