#include "persistence/src/jetstream/list_actors.hpp"
#include "persistence/src/jetstream/pub_ack.hpp"
#include "persistence/src/jetstream/stored_record.hpp"
#include "persistence/src/jetstream/stream_config.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace aether;
using kind = pub_ack::kind;

pub_ack ack_of(std::string_view text) { return parse_pub_ack(as_bytes_view(text)); }

result<std::optional<leader_answer>> answer_of(std::string_view text) {
  return leader_answer::parse(as_bytes_view(text));
}

const subjects names{namespace_name::parse("aether").value(), namespace_name::parse("ns").value()};

}  // namespace

TEST_CASE("pub ack: every answer a server gives is told apart") {
  struct row {
    const char* text;
    kind what;
    std::uint64_t sequence;
  };
  const row rows[]{
      {R"({"stream":"S", "seq":12})", kind::stored, 12},
      {R"({"stream":"S","seq":12})", kind::stored, 12},
      {R"({"stream":"S","domain":"hub", "seq":12})", kind::stored, 12},
      {R"({"stream":"S","seq":12,"domain":"hub"})", kind::stored, 12},
      {R"({ "seq" : 12, "stream" : "S" })", kind::stored, 12},
      {R"({"stream":"S", "seq":12,"duplicate": true})", kind::duplicate, 12},
      {R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"},"stream":"S","seq":0})",
       kind::conflict, 0},
      {R"({"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"S","seq":0})",
       kind::busy, 0},
      {R"({"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}})",
       kind::busy, 0},
      {R"({"error":{"code":400,"err_code":10077,"description":"maximum bytes exceeded"}})",
       kind::not_stored_here, 0},
      {R"({"error":{"code":400,"err_code":10054,"description":"message too large"}})",
       kind::refused, 0},
      {R"({"error":{}})", kind::refused, 0},
      {R"({"error":{"code":503,"description":"raft: not leader"},"stream":"S","seq":0})",
       kind::unreadable, 0},
      {R"({"stream":"S","seq":0})", kind::unreadable, 0},
      {R"({"stream":"S","seq":12)", kind::unreadable, 0},
      {R"({"stream":"S","seq":"12"})", kind::unreadable, 0},
      {R"({"stream":"S","seq":99999999999999999999})", kind::unreadable, 0},
      {R"({"seq":-5})", kind::unreadable, 0},
      {R"({"seq":1.5})", kind::unreadable, 0},
      {R"({"seq":1e300})", kind::unreadable, 0},
      {R"({"error":{"err_code":1e300}})", kind::refused, 0},
      {R"([])", kind::unreadable, 0},
      {"+OK", kind::unreadable, 0},
      {"", kind::unreadable, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto ack = ack_of(row.text);
    CHECK(ack.what == row.what);
    if (ack.what == kind::stored || ack.what == kind::duplicate)
      CHECK(ack.sequence.value() == row.sequence);
  }
  CHECK(ack_of(rows[9].text).text == "maximum bytes exceeded (10077)");
}

TEST_CASE("leader answer: message, none, trouble and nonsense are told apart") {
  const auto message = answer_of(
      R"({"message":{"subject":"s","seq":7,"hdrs":"TkFUUy8xLjANCkE6IGINCkFldGhlci1Gb3JtYXQ6IDENCg0K","data":"gaF4AQ=="}})");
  REQUIRE((message.has_value() && message->has_value()));
  const auto record = (*message)->record();
  CHECK(record.sequence == stream_sequence{7});
  CHECK(record.format == "1");
  CHECK(as_text(record.payload) == "\x81\xa1x\x01");
  const auto none = answer_of(R"({"error":{"code":404,"err_code":10037,"description":"none"}})");
  REQUIRE(none.has_value());
  CHECK_FALSE(none->has_value());
  CHECK(answer_of(R"({"error":{"code":503,"err_code":10008}})").error().code() ==
        errc::unavailable);
  for (const char* odd :
       {"", "[]", "{}", R"({"message":{}})", R"({"message":{"seq":"x"}})",
        R"({"message":{"seq":1,"data":"!"}})", R"({"message":{"seq":0}})",
        R"({"message":{"seq":-1}})", R"({"message":{"seq":1e300}})", R"({"error":5})"}) {
    CAPTURE(odd);
    const auto answer = answer_of(odd);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code() == errc::corrupt_history);
  }
}

TEST_CASE("actor names: those of the shard, each once and sorted") {
  const auto type = actor_type::parse("account").value();
  const auto actor = [&](const std::string& id) {
    return actor_address{type, actor_id::parse(id).value()};
  };
  constexpr std::uint32_t shards = 4;
  const shard_id mine{2};
  actor_names found{names, mine, shards};
  std::vector<actor_id> expected;
  for (int i = 0; i < 40; ++i) {
    const auto one = actor(std::to_string(i));
    found.take(names.commits(mine, one));  // on another's subject too, where it is not its own
    if (shard_of(one, shards) != mine) continue;
    expected.push_back(one.id);
    found.take(names.commits(mine, one));  // once more, on the next page
  }
  found.take(names.commits(shard_id{3}, {type, expected.front()}));
  found.take("aether.ns.evt.2.account.=61");
  found.take("elsewhere");
  std::ranges::sort(expected);
  CHECK_FALSE(expected.empty());
  CHECK(std::move(found).sorted() == expected);
}

TEST_CASE("stream config: every shard is in exactly one stream") {
  const jetstream_layout layout{.shards = 10, .streams = 3};
  std::size_t listed = 0;
  for (std::uint32_t k = 0; k < layout.streams; ++k)
    listed += event_stream_config(names, layout, k)["subjects"].size();
  CHECK(listed == layout.shards);
}

TEST_CASE(
    "stream config: what loses or hides messages is a difference, size and replicas are not") {
  const auto wanted = event_stream_config(names, {.shards = 4, .streams = 1}, 0);
  CHECK(harmful_difference(wanted, wanted).empty());
  auto harmless = wanted;
  harmless["num_replicas"] = 3;
  harmless["max_bytes"] = 1'000'000;
  harmless["allow_atomic"] = true;
  harmless.erase("max_age");
  CHECK(harmful_difference(wanted, harmless).empty());
  const std::pair<const char*, nlohmann::json> harms[]{
      {"subjects", nlohmann::json::array({"aether.ns.evt.0.>"})},
      {"retention", "workqueue"},
      {"max_age", 5},
      {"max_msgs_per_subject", 10},
      {"discard", "old"},
      {"deny_purge", false},
      {"republish", nullptr},
      {"allow_direct", false},
      {"allow_rollup_hdrs", true}};
  for (const auto& [field, value] : harms) {
    CAPTURE(field);
    auto other = wanted;
    other[field] = value;
    CHECK(harmful_difference(wanted, other).find(field) != std::string::npos);
  }
}
