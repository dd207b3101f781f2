#include "cluster/src/command_format.hpp"

#include "support/bank.hpp"
#include "support/received_message.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace {

using namespace aether;
using namespace aether::cluster;
using testing::header_list;

constexpr std::chrono::steady_clock::time_point now{};

header_list deposit_with_id(const char* id) {
  return {{"Aether-Format", "1"},
          {"Aether-Actor-Type", "account"},
          {"Aether-Actor-Id", "alice"},
          {"Aether-Command", "bank.deposit"},
          {"Aether-Command-Id", id}};
}

result<incoming_command> parsed(const header_list& headers) {
  return parse_command(
      testing::received_message(headers, "\x80"),
      [](const actor_type&) { return &model<bank::account>::traits(); }, now);
}

}  // namespace

TEST_CASE("command format: a command is read with the id that it came with") {
  constexpr const char* id = "01932f3a5b7c7d3e8f90a1b2c3d4e5f6";
  const auto command = parsed(deposit_with_id(id));
  REQUIRE(command.has_value());
  CHECK(command->command.id.hex() == id);
  CHECK(command->command.command.type().wire_name == "bank.deposit");
}

TEST_CASE("command format: no id, or the nil one, is no command id") {
  for (const char* id : {"", "x", "00000000000000000000000000000000"}) {
    CAPTURE(id);
    const auto command = parsed(deposit_with_id(id));
    REQUIRE_FALSE(command.has_value());
    CHECK(command.error().code() == errc::decode_failed);
  }
}
