#include "kv_bucket.hpp"

#include <aether/runtime/base64.hpp>

#include <nlohmann/json.hpp>

#include <future>
#include <string>
#include <utility>

namespace aether::cluster {

namespace {

using json = nlohmann::json;

constexpr int no_message_found = 10037;
constexpr int wrong_last_sequence = 10071;
constexpr int conditional_write_in_flight = 10164;

/// The answer as JSON; null for anything else.
json document_of(const nats_message& answer) {
  json document = json::parse(as_text(answer.payload()), nullptr, false);
  return document.is_object() ? document : json{};
}

/// The whole number under `key`; 0 where there is none. The library's own conversion would wrap a
/// negative one and round a real one, where it can, into a revision that nobody gave.
std::uint64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

struct refusal {
  std::uint64_t status = 0;
  std::uint64_t code = 0;
  std::string text;
};

std::optional<refusal> refusal_of(const json& document) {
  const auto found = document.find("error");
  if (found == document.end() || !found->is_object()) return std::nullopt;
  const auto words = found->find("description");
  const bool said = words != found->end() && words->is_string();
  return refusal{number_of(*found, "code"), number_of(*found, "err_code"),
                 said ? words->get<std::string>() : "refused"};
}

json bucket_config(const subjects& names, std::uint32_t replicas) {
  constexpr std::chrono::nanoseconds duplicate_window = std::chrono::minutes{2};
  return {{"name", names.bucket_stream()},
          {"subjects", {names.bucket_key(">")}},
          {"retention", "limits"},
          {"storage", "file"},
          {"max_consumers", -1},
          {"max_msgs", -1},
          {"max_bytes", -1},
          {"max_age", 0},
          {"max_msg_size", -1},
          {"max_msgs_per_subject", 1},
          {"discard", "new"},
          {"duplicate_window", duplicate_window.count()},
          {"num_replicas", replicas},
          {"allow_rollup_hdrs", true},
          {"allow_direct", true},
          {"deny_delete", true}};
}

/// What `$JS.API.STREAM.CREATE` or `.INFO` says of the replicas there are.
std::uint64_t replicas_of(const json& document) {
  const auto config = document.find("config");
  return config == document.end() ? 0 : number_of(*config, "num_replicas");
}

/// A server that is alone names itself as the leader, but no cluster.
bool is_clustered(const json& document) {
  const auto cluster = document.find("cluster");
  return cluster != document.end() && cluster->is_object() && cluster->contains("name");
}

result<void> check_replicas(const nats_server_info& server, std::uint64_t replicas) {
  if (replicas <= 1 || server.at_least(2, 9, 21)) return {};
  return fail(errc::unsupported_server,
              "nats-server " + server.version +
                  " acknowledges both writers of a race on a replicated stream (fixed in 2.9.21): "
                  "upgrade it, or use one replica");
}

result<kv_entry> entry_of(const nats_message& answer) try {
  const json document = document_of(answer);
  if (const auto no = refusal_of(document)) {
    if (no->code == no_message_found) return kv_entry{};
    return fail(errc::store_failed, no->text + " (" + std::to_string(no->code) + ")");
  }
  const json& message = document.at("message");
  auto value = decode_base64(message.value("data", std::string{}));
  if (!value) return fail(errc::store_failed, "odd answer from the server: bad base64");
  const auto revision = number_of(message, "seq");
  if (revision == 0) return fail(errc::store_failed, "odd answer from the server: no sequence");
  return kv_entry{revision, std::move(*value)};
} catch (const json::exception& odd) {
  return fail(errc::store_failed, std::string{"odd answer from the server: "} + odd.what());
}

write_result outcome_of(const result<nats_message>& answer) try {
  if (!answer) {
    const bool sent =
        answer.error().code() != errc::unavailable && answer.error().code() != errc::not_permitted;
    return {.outcome = sent ? write_outcome::unknown : write_outcome::not_stored};
  }
  const json document = document_of(*answer);
  if (const auto no = refusal_of(document)) {
    const bool conflict =
        no->code == wrong_last_sequence || no->code == conditional_write_in_flight;
    // Of a refusal that we do not know we cannot say that nothing is stored.
    return {.outcome = conflict ? write_outcome::conflict : write_outcome::unknown};
  }
  const auto revision = number_of(document, "seq");
  return {.outcome = revision == 0 ? write_outcome::unknown : write_outcome::stored,
          .revision = revision};
} catch (const json::exception&) {
  return {.outcome = write_outcome::unknown};
}

error refused_bucket(const subjects& names, const refusal& no) {
  constexpr int try_later = 503;
  return {no.status == try_later ? errc::unavailable : errc::store_failed,
          "bucket " + names.bucket() + " cannot be created: " + no.text + " (" +
              std::to_string(no.code) + ")"};
}

/// Calls `start` with a handler and waits for what the handler is given.
template <class T, class Start>
T await(Start start) {
  std::promise<T> promise;
  auto future = promise.get_future();
  start([&](T value) { promise.set_value(std::move(value)); });
  return future.get();
}

}  // namespace

kv_bucket::kv_bucket(std::shared_ptr<nats_connection> connection, subjects names,
                     std::chrono::milliseconds request_timeout)
    : connection_{std::move(connection)},
      names_{std::move(names)},
      request_timeout_{request_timeout} {}

void kv_bucket::create(std::uint32_t replicas, create_handler handler, timeout patience) {
  if (auto safe = check_replicas(connection_->server(), replicas); !safe)
    return handler(std::move(safe));
  const std::string body = bucket_config(names_, replicas).dump();
  const std::string subject = "$JS.API.STREAM.CREATE." + names_.bucket_stream();
  const auto limit = patience.value_or(request_timeout_);
  auto created = [self = *this, limit,
                  handler = std::move(handler)](result<nats_message> answer) mutable {
    if (!answer) {
      const bool forbidden = answer.error().code() == errc::not_permitted;
      if (forbidden) return self.look_up(answer.error(), std::move(handler), limit);
      return handler(std::unexpected(std::move(answer).error()));
    }
    const json made = document_of(*answer);
    const auto no = refusal_of(made);
    if (!no) {
      *self.clustered_ = is_clustered(made);
      return handler(check_replicas(self.connection_->server(), replicas_of(made)));
    }
    self.look_up(refused_bucket(self.names_, *no), std::move(handler), limit);
  };
  connection_->request({subject, as_bytes_view(body)}, limit, std::move(created));
}

// It may be there already, made by an operator with other limits: what counts is that it is.
void kv_bucket::look_up(const error& refused, create_handler handler,
                        std::chrono::milliseconds patience) const {
  const std::string subject = "$JS.API.STREAM.INFO." + names_.bucket_stream();
  auto found = [connection = connection_, clustered = clustered_, refused,
                handler = std::move(handler)](result<nats_message> answer) mutable {
    if (!answer) return handler(std::unexpected(std::move(answer).error()));
    const json there = document_of(*answer);
    if (refusal_of(there)) return handler(std::unexpected(refused));
    *clustered = is_clustered(there);
    handler(check_replicas(connection->server(), replicas_of(there)));
  };
  connection_->request({subject}, patience, std::move(found));
}

void kv_bucket::read(std::string_view key, read_handler handler, timeout patience) {
  const std::string subject = "$JS.API.STREAM.MSG.GET." + names_.bucket_stream();
  const std::string query = json{{"last_by_subj", names_.bucket_key(key)}}.dump();
  connection_->request({subject, as_bytes_view(query)}, patience.value_or(request_timeout_),
                       [handler = std::move(handler)](result<nats_message> answer) mutable {
                         if (!answer) return handler(std::unexpected(std::move(answer).error()));
                         handler(entry_of(*answer));
                       });
}

void kv_bucket::write(std::string_view key, std::uint64_t expected, bytes_view value,
                      write_handler handler, timeout patience) {
  write_request(key, expected, value, patience.value_or(request_timeout_),
                [handler = std::move(handler)](const result<nats_message>& answer) mutable {
                  handler(outcome_of(answer));
                });
}

void kv_bucket::write_request(std::string_view key, std::uint64_t expected, bytes_view value,
                              std::chrono::milliseconds patience,
                              nats_connection::reply_handler handler) const {
  const std::string subject = names_.bucket_key(key);
  const std::string condition = std::to_string(expected);
  connection_->request({.subject = subject,
                        .payload = value,
                        .headers = {{"Nats-Expected-Last-Subject-Sequence", condition}}},
                       patience, std::move(handler));
}

result<void> kv_bucket::create_wait(std::uint32_t replicas) {
  return await<result<void>>([&](auto handler) { create(replicas, std::move(handler)); });
}

result<kv_entry> kv_bucket::read_wait(std::string_view key) {
  return await<result<kv_entry>>([&](auto handler) { read(key, std::move(handler)); });
}

result<write_result> kv_bucket::write_wait(std::string_view key, std::uint64_t expected,
                                           bytes_view value) {
  return await<result<write_result>>([&](auto handler) {
    write_request(key, expected, value, request_timeout_,
                  [handler](const result<nats_message>& answer) mutable {
                    if (!answer && answer.error().code() == errc::not_permitted)
                      return handler(std::unexpected(answer.error()));
                    handler(outcome_of(answer));
                  });
  });
}

}  // namespace aether::cluster
