#include "cluster/src/stored_command.hpp"

#include "support/bank.hpp"
#include "support/received_message.hpp"

#include <doctest/doctest.h>

#include <string>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;

const actor_address alice{*actor_type::parse("account"), *actor_id::parse("a.b *")};

envelope sample() {
  envelope made;
  made.id = command_id::make();
  made.correlation = command_id::make();
  made.repeated = true;
  made.sender = std::make_shared<const actor_address>(alice);
  made.command = any_message::of(bank::deposit{5});
  return made;
}

nats_message received(const nats_outgoing& sent) {
  testing::header_list headers;
  for (const auto& [name, value] : sent.headers) headers.emplace_back(name, value);
  return testing::received_message(headers, as_text(sent.payload));
}

std::chrono::system_clock::time_point at_ms(std::int64_t ms) {
  return std::chrono::system_clock::time_point{std::chrono::milliseconds{ms}};
}

}  // namespace

TEST_CASE("stored command: what is written is read again, all of it") {
  const auto sent = sample();
  auto made = to_stored(alice, sent, {.outcome = "mine", .after = 5ms, .every = 1s}, at_ms(1'000));
  REQUIRE(made);
  outgoing_stored written{*made};
  add_parked(written, {errc::handler_failed, "it\nthrew "}, 5, at_ms(2'000));
  const auto message = received(written.message("a.b", "once"));
  const auto read = parse_stored(message);
  REQUIRE(read);
  CHECK(read->to == alice);
  CHECK(read->id == made->id);
  CHECK(read->id.made_at_ms() == 1'005);
  CHECK(receipt_id(*read) == sent.id);
  CHECK(read->correlation == sent.correlation);
  CHECK(read->repeated);
  CHECK(*read->sender == alice);
  CHECK(read->command == "bank.deposit");
  CHECK(read->payload == encode(bank::deposit{5}));
  CHECK(read->outcome == "mine");
  CHECK(read->due_ms == 1'005);
  CHECK(read->every_ms == 1'000);
  CHECK(read->series == sent.id);
  CHECK(read->number == 0);
  CHECK(message.header(parked_reason_header) == "it threw");
  CHECK(message.header(parked_at_header) == "2000");
  CHECK(message.header("Nats-Msg-Id") == "once");
}

TEST_CASE("stored command: it is in the queue as docs/formats.md has it") {
  constexpr const char* id = "01932f3a5b7c7d3e8f90a1b2c3d4e5f6";
  constexpr const char* correlation = "01932f3a5b7c7d3e8f90a1b2c3d4e5f7";
  auto sent = sample();
  sent.id = *command_id::from_hex(id);
  sent.correlation = *command_id::from_hex(correlation);
  const auto made =
      to_stored(alice, sent, {.outcome = "mine", .after = 5ms, .every = 1s}, at_ms(1'000));
  REQUIRE(made);
  outgoing_stored written{*made};
  add_parked(written, {errc::rejected, "no\n"}, 5, at_ms(2'000));
  const auto message = written.message("a.b", "once");
  testing::header_list headers;
  for (const auto& [name, value] : message.headers) headers.emplace_back(name, value);
  CHECK(headers == testing::header_list{{"Aether-Format", "1"},
                                        {"Aether-Actor-Type", "account"},
                                        {"Aether-Actor-Id", "a=2Eb=20=2A"},
                                        {"Aether-Command", "bank.deposit"},
                                        {"Aether-Command-Id", made->id.hex()},
                                        {"Aether-Correlation", correlation},
                                        {"Aether-Sender-Type", "account"},
                                        {"Aether-Sender-Id", "a=2Eb=20=2A"},
                                        {"Aether-Repeated", "1"},
                                        {"Aether-Outcome", "mine"},
                                        {"Aether-Due", "1005"},
                                        {"Aether-Every", "1000"},
                                        {"Aether-Series", id},
                                        {"Aether-Number", "0"},
                                        {"Aether-Parked-Code", "20"},
                                        {"Aether-Parked-Reason", "no"},
                                        {"Aether-Deliveries", "5"},
                                        {"Aether-Parked-At", "2000"},
                                        {"Nats-Msg-Id", "once"}});
  CHECK(bytes{message.payload.begin(), message.payload.end()} == encode(bank::deposit{5}));
}

TEST_CASE(
    "stored command: the next of a series is the same for all, and makes up for missed times by "
    "one") {
  stored_command first{.to = alice, .id = *command_id::from_hex(std::string(30, '1') + "01")};
  first.series = first.id;
  first.every_ms = 100;
  first.due_ms = 1'000;
  const auto next = successor(first, 1'000);
  CHECK(next.number == 1);
  CHECK(next.due_ms == 1'100);
  CHECK(next.id == successor(first, 1'099).id);
  CHECK(next.id != first.id);
  CHECK(next.id.made_at_ms() == 1'100);
  const auto late = successor(first, 1'950);
  CHECK(late.number == 10);
  CHECK(late.due_ms == 2'000);
  // However it was reached: the id depends on series and number alone.
  auto step = first;
  for (std::uint64_t i = 1; i <= 10; ++i) step = successor(step, step.due_ms);
  CHECK(step.id == late.id);
}

TEST_CASE("stored command: an outcome is read as it was written") {
  stored_command of{.to = alice, .id = command_id::make()};
  of.command = "bank.withdraw";
  const result<any_reply> refused = fail(errc::rejected, "no");
  const auto read = parse_outcome(received(outgoing_outcome{of, refused, true}.message("out.x")));
  REQUIRE(read);
  CHECK(read->to == alice);
  CHECK(read->id == of.id);
  CHECK(read->command == "bank.withdraw");
  CHECK(read->parked);
  CHECK(read->answer.error().code() == errc::rejected);
  CHECK(read->answer.error().text() == "no");
}

}  // namespace aether::cluster
