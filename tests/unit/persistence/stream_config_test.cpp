#include "persistence/src/jetstream/stream_config.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace aether;
using json = nlohmann::json;

namespace {

const subjects names{*namespace_name::parse("aether"), *namespace_name::parse("bank")};
const jetstream_layout layout{.shards = 16, .streams = 4};

std::string events_with(const json& change, const jetstream_layout& wanted = layout) {
  json existing = event_stream_config(names, layout, 1);
  existing.merge_patch(change);
  return harmful_difference(event_stream_config(names, wanted, 1), existing);
}

std::string snapshots_with(const json& change) {
  json existing = snapshot_stream_config(names, layout);
  existing.merge_patch(change);
  return harmful_difference(snapshot_stream_config(names, layout), existing);
}

}  // namespace

TEST_CASE("stream config: what would lose, hide or misplace an event is named") {
  const std::pair<json, const char*> rows[]{
      {{{"max_age", 60'000'000'000}}, "max_age is 60000000000, must be 0"},
      {{{"max_msgs_per_subject", 1}}, "max_msgs_per_subject is 1, must be -1"},
      {{{"discard", "old"}}, "discard is \"old\", must be \"new\""},
      {{{"retention", "workqueue"}}, "retention is"},
      {{{"storage", "memory"}}, "storage is"},
      {{{"allow_direct", false}}, "allow_direct is false, must be true"},
      {{{"deny_delete", false}}, "deny_delete is false"},
      {{{"deny_purge", nullptr}}, "deny_purge is false"},
      {{{"allow_rollup_hdrs", true}}, "allow_rollup_hdrs is true"},
      {{{"republish", nullptr}}, "republish is {}, must be {\"dest\":\"aether.bank.bus.>\""},
      {{{"republish", {{"dest", "elsewhere.>"}}}}, "republish is"},
      {{{"republish", {{"headers_only", true}}}}, "\"headers_only\":true"},
      {{{"persist_mode", "async"}}, "persist_mode is \"async\", must be \"default\""},
      {{{"no_ack", true}}, "no_ack is true, must be false"},
      {{{"sealed", true}}, "sealed is true, must be false"},
      {{{"mirror", {{"name", "other"}}}}, "mirror is {\"name\":\"other\"}, must be {}"},
      {{{"sources", {{{"name", "other"}}}}}, "sources is [{\"name\":\"other\"}], must be []"},
      {{{"subject_transform", {{"src", "a.>"}, {"dest", "b.>"}}}}, "subject_transform is"},
  };
  for (const auto& [change, words] : rows) {
    CAPTURE(change.dump());
    const auto said = events_with(change);
    CHECK_MESSAGE(said.find(words) != std::string::npos, said);
  }
}

TEST_CASE("stream config: another number of shards or streams is told in shards") {
  const json mine = event_stream_config(names, layout, 1);
  const json more = event_stream_config(names, {.shards = 32, .streams = 4}, 1);
  const json fewer = event_stream_config(names, {.shards = 16, .streams = 2}, 1);
  CHECK(harmful_difference(mine, more) ==
        "subjects is shards 8-15, must be shards 4-7 (the numbers of shards and streams are for "
        "ever)");
  CHECK(harmful_difference(mine, fewer).starts_with("subjects is shards 8-15, must be shards 4-7"));
  json odd = mine;
  odd["subjects"] = {"everything.>"};
  CHECK(
      harmful_difference(mine, odd).starts_with("subjects is [\"everything.>\"], must be shards"));
}

TEST_CASE("stream config: a harmless difference is left alone") {
  for (const json& change :
       {json{{"max_bytes", 1'000'000}}, json{{"max_msgs", 5}}, json{{"num_replicas", 3}},
        json{{"duplicate_window", 120}}, json{{"description", "ours"}}, json{{"compression", "s2"}},
        json{{"metadata", {{"owner", "us"}}}}, json{{"max_age", nullptr}},
        json{{"max_msgs_per_subject", 0}}, json{{"allow_rollup_hdrs", nullptr}},
        json{{"persist_mode", "default"}}, json{{"no_ack", false}}, json{{"sealed", false}},
        json{{"mirror", nullptr}}, json{{"sources", nullptr}}, json{{"sources", json::array()}},
        json{{"subject_transform", nullptr}}, json{{"republish", {{"headers_only", false}}}}})
    CHECK_MESSAGE(events_with(change).empty(), change.dump());
  for (const json& change : {json{{"max_msgs_per_subject", 5}}, json{{"storage", "memory"}},
                             json{{"persist_mode", "async"}}})
    CHECK_MESSAGE(snapshots_with(change).empty(), change.dump());
  for (const json& change :
       {json{{"max_age", 1}}, json{{"no_ack", true}}, json{{"mirror", {{"name", "other"}}}}})
    CHECK_MESSAGE(!snapshots_with(change).empty(), change.dump());
}

TEST_CASE("stream config: replicas count as the stream has them, and need a server that is safe") {
  CHECK(replicas_of(json::object()) == 1);
  CHECK(replicas_of(json{{"num_replicas", 0U}}) == 1);
  CHECK(replicas_of(json{{"num_replicas", 3U}}) == 3);
  const nats_server_info before{"2.9.20", 2, 9, 20}, since{"2.9.21", 2, 9, 21};
  CHECK(check_replicas(before, 1).has_value());
  CHECK(check_replicas(since, 3).has_value());
  const auto refused = check_replicas(before, 3);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code() == errc::unsupported_server);
  CHECK(refused.error().text().find("acknowledges both writers") != std::string::npos);
}

TEST_CASE("stream config: events are kept for ever unless one says otherwise") {
  CHECK(event_stream_config(names, layout, 0)["max_age"] == 0);
  jetstream_layout a_day = layout;
  a_day.events_max_age = std::chrono::hours{24};
  CHECK(event_stream_config(names, a_day, 0)["max_age"] == 86'400'000'000'000);
  CHECK_FALSE(events_with({}, a_day).empty());
  CHECK(events_with({{"max_age", 86'400'000'000'000}}, a_day).empty());
  CHECK(snapshot_stream_config(names, a_day)["max_age"] == 0);
  jetstream_layout three = layout;
  three.snapshots_kept = 3;
  CHECK(snapshot_stream_config(names, three)["max_msgs_per_subject"] == 3);
}
