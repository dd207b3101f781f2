// Events of old days, read as those of today.

#include <aether/actors/event_reader.hpp>
#include <aether/actors/testing.hpp>
#include "persistence/src/commit_format.hpp"
#include "support/entity_script.hpp"
#include "support/golden.hpp"
#include "support/old_ledger.hpp"

#include <doctest/doctest.h>

using namespace aether;
using namespace old_ledger;
using aether::testing::entity_script;
using aether::testing::error_to;
using aether::testing::given;
using aether::testing::reply_to;

namespace {

template <message Event>
event_record stored(const Event& event) {
  return {std::string{Event::aether_wire_name}, encode(event)};
}

const actor_address self{model<ledger>::traits().type, *actor_id::parse("it")};

/// What a stored event is read as: "ledger.moved{cents: 5, note: \"\"}, ...".
std::string words(const event_record& record) {
  const model<ledger> it{ledger{}, self};
  const auto read = it.read(record);
  REQUIRE_MESSAGE(read.has_value(), read.error().message());
  std::string text;
  for (const auto& event : *read) {
    bytes data;
    event.encode_to(data);
    text += (text.empty() ? "" : ", ") + testing::describe(event.type().wire_name, data);
  }
  return text.empty() ? "none" : text;
}

/// Reading and replaying fail alike.
error refusal(const event_record& record) {
  model<ledger> it{ledger{}, self};
  const auto read = it.read(record);
  const auto replayed = it.replay(record);
  REQUIRE(!read.has_value());
  REQUIRE(!replayed.has_value());
  CHECK(read.error() == replayed.error());
  return read.error();
}

commit commit_of(std::uint64_t first, std::vector<event_record> events) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{first};
  made.events = std::move(events);
  return made;
}

}  // namespace

TEST_CASE("event reader: an event of today is read as itself") {
  CHECK(words(stored(moved{5, "x"})) == "ledger.moved{cents: 5, note: \"x\"}");
}

TEST_CASE("event reader: a retired one is read as what its upcast makes of it") {
  struct row {
    const char* what;
    event_record record;
    const char* read;
  };
  const row rows[] = {
      {"one", stored(deposited{7, "gift"}), "ledger.moved{cents: 7, note: \"gift\"}"},
      {"a chain", stored(salary_paid{3}), "ledger.moved{cents: 300, note: \"salary\"}"},
      {"several, one of them retired itself", stored(transferred{5, 1}),
       "ledger.moved{cents: -5, note: \"out\"}, ledger.charged{cents: 1}, "
       "ledger.moved{cents: 5, note: \"back\"}"},
      {"optionally one: yes", stored(adjusted{2}), "ledger.moved{cents: 2, note: \"adjusted\"}"},
      {"optionally one: no", stored(adjusted{0}), "none"},
      {"a list", stored(deposited_many{{1, 2}}),
       "ledger.moved{cents: 1, note: \"one of many\"}, "
       "ledger.moved{cents: 2, note: \"one of many\"}"},
      {"an empty list", stored(deposited_many{}), "none"},
      {"nothing", stored(viewed{}), "none"},
  };
  for (const auto& [what, record, read] : rows) {
    CAPTURE(what);
    CHECK(words(record) == read);
  }
}

TEST_CASE("event reader: the runtime's own marks are no events, and change nothing") {
  for (const auto name : {skipped_event, skip_marker}) {
    const event_record mark{std::string{name}, {std::byte{0xc1}}};
    CHECK(words(mark) == "none");
    model<ledger> it{ledger{}, self};
    CHECK(it.replay(mark).has_value());
  }
  CHECK(refusal({"aether.unheard_of", {}}).code() == errc::unknown_message);
}

TEST_CASE("event reader: what cannot be read says which event and why") {
  const auto unknown = refusal({"ledger.unheard_of", {}});
  CHECK(unknown.code() == errc::unknown_message);
  CHECK(unknown.text().find("'ledger.unheard_of'") != std::string::npos);

  const auto thrown = refusal(stored(undated{}));
  CHECK(thrown.code() == errc::handler_failed);
  CHECK(thrown.text() == "the upcast of 'ledger.undated' threw: boom in upcast");

  CHECK(refusal({"bank.deposited", {std::byte{0xc1}}}).code() == errc::decode_failed);
}

TEST_CASE("event reader: a stored commit of old days is still understood") {
  const auto old = decode_commit(testing::golden("commit-v1.hex"), "1");
  REQUIRE(old.has_value());
  CHECK(words(old->events.at(0)) == "ledger.moved{cents: 10000, note: \"salary\"}");
  CHECK(words(old->events.at(1)) == "ledger.moved{cents: -2500, note: \"\"}");
}

TEST_CASE("behaviour: its traits list the events that it only reads") {
  const auto& traits = model<ledger>::traits();
  CHECK(traits.events.size() == 2);
  REQUIRE(traits.retired_events.size() == 8);
  CHECK(traits.retired_events[0] == &message_type_of<deposited>());
}

TEST_CASE("entity: a history of old and new events is replayed in order, and goes on with new") {
  entity_script<ledger> it;
  it.put(commit_of(1, {stored(salary_paid{3}), stored(viewed{}), stored(transferred{5, 1})}));
  it.put(commit_of(4, {{std::string{skipped_event}, {}}, stored(moved{2, "new"})}));
  it.recover();
  auto& sent = it.send(move_money{10});
  it.append_succeeds();
  const auto now = reply_to<totals>(sent);
  CHECK(now.cents == 312);
  CHECK(now.fees == 1);
  CHECK(now.notes == std::vector<std::string>{"salary", "out", "back", "new", "today"});
  CHECK(it.log.back().commit.first == event_version{6});
  CHECK(it.log.back().commit.events == std::vector{stored(moved{10, "today"})});
}

TEST_CASE("entity: an upcast that throws quarantines it, and every answer says which event") {
  entity_script<ledger> it;
  it.put(commit_of(1, {stored(moved{2, "new"}), stored(undated{})}));
  auto& sent = it.send(get_totals{});
  it.recover();
  CHECK(error_to(sent) == errc::quarantined);
  const auto& text = sent.answers[0].error().text();
  CHECK(text.find("version 2") != std::string::npos);
  CHECK(text.find("'ledger.undated' threw: boom in upcast") != std::string::npos);
}

TEST_CASE("fixture: a history may have retired events") {
  given<ledger>(salary_paid{1}, moved{5, "x"})
      .when(get_totals{})
      .then_replied(totals{105, 0, {"salary", "x"}});
}
