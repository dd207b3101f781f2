#include "stream_config.hpp"

#include "json_number.hpp"
#include "server_features.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace aether {

namespace {

using json = nlohmann::json;

json common_config(std::string name, const jetstream_layout& layout) {
  // We compare commit ids instead of message ids: the shortest window costs the least memory.
  constexpr std::chrono::nanoseconds duplicate_window = std::chrono::seconds{1};
  return {{"name", std::move(name)},
          {"retention", "limits"},
          {"storage", "file"},
          {"max_consumers", -1},
          {"max_msgs", -1},
          {"max_bytes", -1},
          {"max_age", 0},
          {"max_msg_size", -1},
          {"num_replicas", layout.replicas},
          {"duplicate_window", duplicate_window.count()},
          {"allow_direct", true},
          {"allow_rollup_hdrs", false}};
}

json sorted(json list) {
  if (list.is_array()) std::sort(list.begin(), list.end());
  return list;
}

/// What a server that leaves a field out means by that; of fields that are not named here, false.
json default_of(std::string_view field) {
  if (field == "max_msgs_per_subject") return -1;
  if (field == "max_age") return 0;
  if (field == "persist_mode") return "default";
  if (field == "sources") return json::array();
  if (field == "republish" || field == "mirror" || field == "subject_transform")
    return json::object();
  return false;
}

json value_of(const json& config, const char* field) {
  const auto found = config.find(field);
  return found != config.end() && !found->is_null() ? sorted(*found) : default_of(field);
}

bool same(const json& wanted, const json& existing, const char* field) {
  const json want = value_of(wanted, field), have = value_of(existing, field);
  if (std::string_view{field} == "max_msgs_per_subject" && want == -1) return have <= 0;
  if (std::string_view{field} == "republish" && want.is_object())
    return want.value("src", "") == have.value("src", "") &&
           want.value("dest", "") == have.value("dest", "") &&
           want.value("headers_only", false) == have.value("headers_only", false);
  return want == have;
}

std::string brief(const json& value) {
  std::string text = value.dump();
  constexpr std::size_t most = 200;
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

}  // namespace

json event_stream_config(const subjects& names, const jetstream_layout& layout, std::uint32_t k) {
  json config = common_config(names.event_stream(k), layout);
  json mine = json::array();
  const auto held = shards_of_stream(k, layout.shards, layout.streams);
  for (std::uint32_t i = 0; i < held.count; ++i)
    mine.push_back(names.shard_commits(shard_id{held.first.value() + i}));
  config["subjects"] = std::move(mine);
  config["max_msgs_per_subject"] = -1;
  config["discard"] = "new";
  config["deny_delete"] = true;
  config["deny_purge"] = true;
  config["max_age"] = std::chrono::nanoseconds{layout.events_max_age}.count();
  config["republish"] = {{"src", names.all_commits()}, {"dest", names.all_stored_events()}};
  return config;
}

json snapshot_stream_config(const subjects& names, const jetstream_layout& layout) {
  json config = common_config(names.snapshot_stream(), layout);
  config["subjects"] = json::array({names.all_snapshots()});
  config["max_msgs_per_subject"] = layout.snapshots_kept;
  config["discard"] = "old";
  return config;
}

namespace {

/// Which shards a list of `<...>.<shard>.>` subjects stands for, in words; empty for another list.
std::string shard_range(const json& subjects_list) {
  std::vector<std::uint64_t> numbers;
  for (const auto& subject : subjects_list) {
    const auto text = subject.is_string() ? subject.get<std::string>() : std::string{};
    if (!text.ends_with(".>")) return {};
    const auto base = text.substr(0, text.size() - 2);
    const auto digits = base.substr(base.rfind('.') + 1);
    if (digits.empty() || digits.size() > 9 ||
        digits.find_first_not_of("0123456789") != digits.npos)
      return {};
    numbers.push_back(std::stoull(digits));
  }
  if (numbers.empty()) return {};
  const auto [least, most] = std::ranges::minmax(numbers);
  return "shards " + std::to_string(least) + "-" + std::to_string(most);
}

std::string shown(const json& config, const char* field) {
  const json value = value_of(config, field);
  if (std::string_view{field} == "subjects")
    if (auto range = shard_range(value); !range.empty()) return range;
  return brief(value);
}

}  // namespace

std::string harmful_difference(const json& wanted, const json& existing) {
  std::string text;
  const auto compare = [&](const char* field) {
    if (same(wanted, existing, field)) return;
    if (!text.empty()) text += "; ";
    text +=
        std::string{field} + " is " + shown(existing, field) + ", must be " + shown(wanted, field);
    if (std::string_view{field} == "subjects")
      text += " (the numbers of shards and streams are for ever)";
  };
  for (const char* field : {"subjects", "retention", "max_age", "allow_direct", "discard", "no_ack",
                            "sealed", "mirror", "sources", "subject_transform"})
    compare(field);
  if (wanted.value("discard", "") != "new") return text;
  for (const char* field : {"storage", "max_msgs_per_subject", "deny_delete", "deny_purge",
                            "allow_rollup_hdrs", "republish", "persist_mode"})
    compare(field);
  return text;
}

std::uint32_t replicas_of(const json& existing) {
  return static_cast<std::uint32_t>(
      std::max(std::uint64_t{1}, number_of(existing, "num_replicas")));
}

result<void> check_replicas(const nats_server_info& server, std::uint32_t replicas) {
  if (replicas <= 1 || features_of(server).replicated_conditions) return {};
  return fail(errc::unsupported_server,
              "nats-server " + server.version +
                  " acknowledges both writers of a race on a replicated stream (fixed in 2.9.21): "
                  "upgrade it, or use one replica");
}

}  // namespace aether
