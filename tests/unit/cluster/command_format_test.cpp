#include "cluster/src/command_format.hpp"

#include "support/bank.hpp"
#include "support/received_message.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

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

/// What a node reads of what another sends.
nats_message received(const nats_outgoing& sent) {
  header_list headers;
  for (const auto& [name, value] : sent.headers) headers.emplace_back(name, value);
  return testing::received_message(headers, as_text(sent.payload));
}

result<incoming_command> passed_on(const envelope& command, std::chrono::milliseconds within = {}) {
  const subjects names{namespace_name::parse("aether").value(),
                       namespace_name::parse("bank").value()};
  const actor_address to{actor_type::parse("account").value(), actor_id::parse("alice").value()};
  outgoing_command out{names, 256, to, command};
  return parse_command(
      received(out.message(command.repeated, within)),
      [](const actor_type&) { return &model<bank::account>::traits(); }, now);
}

envelope some_deposit() {
  envelope made;
  made.id = command_id::make();
  made.command = any_message::of(bank::deposit{5});
  return made;
}

header_list answer_with(const header_list& others) {
  header_list all{{"Aether-Format", "1"}, {"Aether-Error", "20"}};
  all.insert(all.end(), others.begin(), others.end());
  return all;
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

TEST_CASE("command format: whoever sends a command is known to who gets it") {
  auto command = some_deposit();
  CHECK(passed_on(command).value().command.sender == nullptr);
  const actor_address till{actor_type::parse("till").value(), actor_id::parse("no. 1 *>").value()};
  command.sender = std::make_shared<const actor_address>(till);
  const auto read = passed_on(command);
  REQUIRE(read.has_value());
  REQUIRE(read->command.sender != nullptr);
  CHECK(*read->command.sender == till);
}

TEST_CASE("command format: half a sender, or one that is none, is refused") {
  const auto with = [](const header_list& sender) {
    auto all = deposit_with_id("01932f3a5b7c7d3e8f90a1b2c3d4e5f6");
    all.insert(all.end(), sender.begin(), sender.end());
    return parsed(all);
  };
  CHECK(with({{"Aether-Sender-Type", "till"}, {"Aether-Sender-Id", "1"}}).has_value());
  CHECK(with({{"Aether-Sender-Id", "1"}}).value().command.sender == nullptr);
  for (const header_list& bad :
       {header_list{{"Aether-Sender-Type", "till"}},
        header_list{{"Aether-Sender-Type", "no type"}, {"Aether-Sender-Id", "1"}},
        header_list{{"Aether-Sender-Type", "till"}, {"Aether-Sender-Id", "=61"}},
        header_list{{"Aether-Sender-Type", "till"}, {"Aether-Sender-Id", "a.b"}}}) {
    const auto read = with(bad);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code() == errc::decode_failed);
  }
}

TEST_CASE("command format: that a read may be stale travels, and nothing else is said of reads") {
  auto command = some_deposit();
  CHECK(!passed_on(command).value().command.stale_read);
  command.stale_read = true;
  CHECK(passed_on(command).value().command.stale_read);
  auto headers = deposit_with_id("01932f3a5b7c7d3e8f90a1b2c3d4e5f6");
  headers.emplace_back("Aether-Read", "newest");
  const auto read = parsed(headers);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code() == errc::decode_failed);
}

TEST_CASE("command format: a tell's deadline travels as an ask's") {
  const auto command = some_deposit();
  CHECK(passed_on(command).value().command.deadline == envelope{}.deadline);
  CHECK(passed_on(command, std::chrono::milliseconds{250}).value().command.deadline ==
        now + std::chrono::milliseconds{250});
}

TEST_CASE("command format: an answer is read as it was given, its typed reason too") {
  const bank::balance reason{42};
  const result<any_reply> rows[] = {
      any_reply{encode(reason)},
      any_reply{bytes{}},
      fail(errc::unavailable, "nobody"),
      fail(errc::rejected, ""),
      std::unexpected(error{errc::rejected, "no", {"bank.balance", encode(reason)}}),
  };
  for (const auto& given : rows) {
    const outgoing_answer out{given};
    const auto message = out.message("reply");
    CHECK(message.subject == "reply");
    const auto read = parse_answer(received(message));
    REQUIRE(read.has_value() == given.has_value());
    if (given)
      CHECK(std::get<bytes>(*read) == std::get<bytes>(*given));
    else
      CHECK(read.error() == given.error());
  }
  const auto typed = parse_answer(received(outgoing_answer{rows[4]}.message("reply")));
  const auto why = reason_of<bank::balance>(typed.error());
  REQUIRE(why.has_value());
  CHECK(why->cents == 42);
}

TEST_CASE("command format: a reply is encoded on its way, and none is no bytes") {
  const result<any_reply> typed{any_message::of(bank::balance{7})};
  auto read = parse_answer(received(outgoing_answer{typed}.message("reply")));
  CHECK(take_reply<bank::balance>(std::move(read)).value().cents == 7);
  const result<any_reply> none{any_reply{}};
  CHECK(outgoing_answer{none}.message("reply").payload.empty());
}

TEST_CASE("command format: an answer says where its actor's history ended, if it knows") {
  any_reply given{encode(bank::balance{7})};
  given.mark = {.version = event_version{3}, .sequence = stream_sequence{70}};
  result<any_reply> known{std::in_place, std::move(given)};
  const outgoing_answer out{known};
  const auto message = out.message("reply");
  CHECK(received(message).header("Aether-Position") == "70 3");
  const auto read = parse_answer(received(message));
  REQUIRE(read.has_value());
  CHECK(read->mark.sequence.value() == 70);
  CHECK(read->mark.version.value() == 3);
  known->mark = {};
  const outgoing_answer silent{known};
  CHECK(!received(silent.message("reply")).header("Aether-Position"));
  for (const char* damaged : {"", "70", "70 ", "x 3", "70 3 1", "-1 3"}) {
    CAPTURE(damaged);
    const auto heard = parse_answer(
        testing::received_message({{"Aether-Format", "1"}, {"Aether-Position", damaged}}, "\x80"));
    CHECK((!heard || heard->mark.sequence.value() == 0));
  }
}

TEST_CASE("command format: a reason whose data is damaged is no answer") {
  for (const char* bad : {"Z", "Zg=", "Zm9*", "Zh=="}) {
    CAPTURE(bad);
    const auto read = parse_answer(testing::received_message(
        answer_with({{"Aether-Reason", "bank.poor"}, {"Aether-Reason-Data", bad}}), "no"));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code() == errc::decode_failed);
  }
  const auto alone =
      parse_answer(testing::received_message(answer_with({{"Aether-Reason-Data", "Zh=="}}), "no"));
  CHECK(alone.error() == error{errc::rejected, "no"});
}
