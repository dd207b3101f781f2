#pragma once

#include "plan.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace aether::chaos {

struct arguments {
  std::uint32_t nodes = 3;
  std::uint32_t seconds = 60;
  std::uint64_t seed = 1;
  std::vector<fault_kind> faults{fault_kind::kill, fault_kind::stop, fault_kind::partition,
                                 fault_kind::server};
  std::filesystem::path history;
  std::uint32_t clients = 8;
  std::uint32_t durable = 2;
  std::uint32_t keys = 16;
  std::uint32_t rate = 400;
  std::uint32_t shards = 32;
  std::filesystem::path nats_server;
  bool json = false;
  bool keep = false;
  bool show_plan = false;

  /// How the program starts itself: `node`, with what a member is told. Not for users.
  std::string role;
  std::string node_id;
  std::string nats;
  std::uint32_t replicas = 1;
};

/// That the program is to end now: with help on stdout, or an error (code 2) on stderr, both
/// already printed.
struct exit_now {
  int code;
};

[[nodiscard]] std::expected<arguments, exit_now> parse_arguments(int argc, const char* const* argv);

}  // namespace aether::chaos
