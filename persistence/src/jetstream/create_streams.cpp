#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/log.hpp>
#include "server_features.hpp"
#include "stream_config.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace aether {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds request_timeout = 5s;
constexpr int tries_max = 20;
constexpr std::chrono::milliseconds between_tries = 250ms;
/// All snapshots of an actor are looked through when the newest will not do.
constexpr std::uint32_t snapshots_kept_max = 64;

/// What `$JS.API.STREAM.CREATE` or `.INFO` said.
struct answer {
  json config;
  int error_code = 0;
  int status = 0;
  std::string text;
};

result<answer> ask(nats_connection& connection, const std::string& subject, const json& body) {
  const std::string payload = body.is_null() ? std::string{} : body.dump();
  auto got = connection.request_wait({subject, as_bytes_view(payload)}, request_timeout);
  if (!got) return std::unexpected(std::move(got).error());
  const json document = json::parse(as_text(got->payload()), nullptr, false);
  if (!document.is_object()) return fail(errc::store_failed, subject + " answered no JSON");
  answer heard;
  if (const auto refusal = document.find("error"); refusal != document.end()) {
    heard.error_code = refusal->value("err_code", 0);
    heard.status = refusal->value("code", 0);
    heard.text = refusal->value("description", std::string{"refused"}) + " (" +
                 std::to_string(heard.error_code) + ")";
  } else {
    heard.config = document.value("config", json::object());
  }
  return heard;
}

/// @returns the replicas that the stream has.
/// @errors `incompatible_cluster`, `unsupported_server`
result<std::uint32_t> check_existing(const nats_connection& connection, const json& wanted,
                                     const json& existing) {
  const std::string place = "stream " + wanted.value("name", std::string{}) + ": ";
  if (const auto difference = harmful_difference(wanted, existing); !difference.empty())
    return fail(errc::incompatible_cluster, place + difference);
  const auto replicas = replicas_of(existing);
  if (auto safe = check_replicas(connection.server(), replicas); !safe)
    return fail(safe.error().code(), place + safe.error().text());
  return replicas;
}

/// Another node may be creating the same stream right now: whatever `CREATE` says, what counts is
/// what the stream is afterwards.
/// @errors `unavailable`, `timed_out`: try again.
result<std::uint32_t> create_or_check(nats_connection& connection, const json& wanted) {
  const std::string name = wanted.value("name", std::string{});
  const auto created = ask(connection, "$JS.API.STREAM.CREATE." + name, wanted);
  // Who may not create it may still use one that an operator made.
  const bool forbidden = !created && created.error().code() == errc::not_permitted;
  if (!created && !forbidden) return std::unexpected(created.error());
  if (created && created->error_code == 0)
    return check_existing(connection, wanted, created->config);
  const auto info = ask(connection, "$JS.API.STREAM.INFO." + name, nullptr);
  if (!info) return std::unexpected(info.error());
  if (info->error_code == 0) return check_existing(connection, wanted, info->config);
  if (forbidden) return std::unexpected(created.error());
  const bool later = created->status == 503 || info->status == 503;
  return fail(later ? errc::unavailable : errc::store_failed,
              "stream " + name + " cannot be created: " + created->text);
}

result<std::uint32_t> create_with_patience(nats_connection& connection, const json& wanted) {
  for (int tries = 1;; ++tries) {
    auto done = create_or_check(connection, wanted);
    if (done || tries == tries_max) return done;
    if (done.error().code() != errc::unavailable && done.error().code() != errc::timed_out)
      return done;
    std::this_thread::sleep_for(between_tries);
  }
}

result<void> check_layout(const nats_connection& connection, const jetstream_layout& layout) {
  if (layout.streams == 0 || layout.streams > layout.shards || layout.replicas == 0)
    return fail(errc::invalid_argument,
                "a layout needs 1 <= streams <= shards and replicas >= 1; this one has " +
                    std::to_string(layout.streams) + " streams, " + std::to_string(layout.shards) +
                    " shards, " + std::to_string(layout.replicas) + " replicas");
  if (layout.snapshots_kept == 0 || layout.snapshots_kept > snapshots_kept_max)
    return fail(errc::invalid_argument, "snapshots_kept is 1.." +
                                            std::to_string(snapshots_kept_max) + ", not " +
                                            std::to_string(layout.snapshots_kept));
  return check_replicas(connection.server(), layout.replicas);
}

void report_server(const nats_server_info& server) {
  for (const auto& lacking : missing_in(features_of(server)))
    log::info("store", "server_lacks",
              {{"server", server.version},
               {"feature", lacking.name},
               {"since", lacking.since},
               {"cost", lacking.cost}});
}

}  // namespace

result<jetstream_layout> create_streams(nats_connection& connection, const subjects& names,
                                        const jetstream_layout& layout) {
  if (auto sound = check_layout(connection, layout); !sound)
    return std::unexpected(std::move(sound).error());
  report_server(connection.server());
  std::vector<json> wanted;
  for (std::uint32_t k = 0; k < layout.streams; ++k)
    wanted.push_back(event_stream_config(names, layout, k));
  wanted.push_back(snapshot_stream_config(names, layout));
  jetstream_layout found = layout;
  for (const auto& one : wanted) {
    const auto replicas = create_with_patience(connection, one);
    if (!replicas) return std::unexpected(replicas.error());
    found.replicas = std::max(found.replicas, *replicas);
  }
  return found;
}

}  // namespace aether
