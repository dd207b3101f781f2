#include "scan_operation.hpp"

#include <aether/runtime/nats_delivery.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aether {

namespace {

using json = nlohmann::json;

constexpr int no_messages = 404;
constexpr int request_over = 408;
/// The page's byte limit was reached before its message limit.
constexpr int limit_reached = 409;

json consumer_config(const scan_request& what) {
  json config{
      {"ack_policy", "none"},
      {"replay_policy", "instant"},
      {"mem_storage", true},
      {"num_replicas", 1},
      {"max_waiting", 1},
      {"inactive_threshold", std::chrono::nanoseconds{scan_operation::abandoned_after}.count()}};
  if (what.filters.size() == 1)
    config["filter_subject"] = what.filters.front();
  else if (!what.filters.empty())
    config["filter_subjects"] = what.filters;
  if (what.newest_only) {
    config["deliver_policy"] = "last_per_subject";
  } else if (what.after.value() == 0) {
    config["deliver_policy"] = "all";
  } else {
    config["deliver_policy"] = "by_start_sequence";
    config["opt_start_seq"] = what.after.value() + 1;
  }
  return config;
}

std::string page_query() {
  return "{\"batch\":" + std::to_string(scan_operation::page_messages) +
         ",\"max_bytes\":" + std::to_string(scan_operation::page_bytes) + ",\"no_wait\":true}";
}

}  // namespace

void scan_operation::start() {
  const std::string subject = "$JS.API.CONSUMER.CREATE." + what_.stream;
  const std::string body =
      json{{"stream_name", what_.stream}, {"config", consumer_config(what_)}}.dump();
  connection_->request(
      {subject, as_bytes_view(body)}, timeout_,
      [self = shared_from_this()](result<nats_message> answer) { self->created(answer); });
}

void scan_operation::created(const result<nats_message>& answer) {
  if (!answer) return sink_->failed(answer.error());
  const json document = json::parse(as_text(answer->payload()), nullptr, false);
  if (document.is_object() && document.contains("name") && document["name"].is_string()) {
    consumer_ = document["name"].get<std::string>();
    return pull();
  }
  const std::string why = document.is_object() && document.contains("error")
                              ? document["error"].value("description", std::string{"refused"})
                              : std::string{"an answer without a name"};
  (void)fail_with(errc::unavailable, "the server made no consumer: " + why);
}

void scan_operation::pull() {
  in_page_ = 0;
  const std::string subject = "$JS.API.CONSUMER.MSG.NEXT." + what_.stream + "." + consumer_;
  const std::string query = page_query();
  connection_->pull(
      {subject, as_bytes_view(query)}, timeout_,
      [self = shared_from_this()](result<nats_message> part) { return self->page_part(part); });
}

bool scan_operation::page_part(const result<nats_message>& part) {
  if (!part) {
    forget_consumer();
    return fail_with(part.error().code(), part.error().text());
  }
  const int status = part->status();
  if (status == no_messages || status == request_over) {
    end_page(true);
    return false;
  }
  if (status == limit_reached && in_page_ > 0) {
    end_page(false);
    return false;
  }
  if (status != 0) return fail_with(errc::unavailable, "status " + std::to_string(status));
  const auto place = nats_delivery::parse(part->reply_to());
  if (!place) return fail_with(errc::unavailable, "a message without its place in the stream");
  if (in_page_ == 0)
    sink_->page_begins(std::min<std::size_t>(place->pending, page_messages - 1) + 1);
  const header_lookup header{*part};
  sink_->take({place->sequence, format_of(header), part->subject(), part->payload(), header});
  ++in_page_;
  behind_ = place->pending;
  if (place->pending > 0 && in_page_ < page_messages) return true;
  end_page(place->pending == 0);
  return false;
}

void scan_operation::end_page(bool last) {
  if (sink_->page_ended(last, last ? 0 : behind_) && !last) return pull();
  forget_consumer();
}

void scan_operation::forget_consumer() {
  (void)connection_->publish({"$JS.API.CONSUMER.DELETE." + what_.stream + "." + consumer_, {}});
}

bool scan_operation::fail_with(errc code, const std::string& why) {
  const std::string part = what_.filters.empty() ? std::string{} : what_.filters.front() + " in ";
  sink_->failed({code, part + "stream " + what_.stream + ": " + why});
  return false;
}

}  // namespace aether
