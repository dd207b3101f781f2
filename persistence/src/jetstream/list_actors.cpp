#include "list_actors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aether {

namespace {

using json = nlohmann::json;

}  // namespace

void actor_names::take(std::string_view subject) {
  auto whose = names_.parse_commits(subject);
  if (!whose || whose->shard != shard_ || shard_of(whose->address, shards_) != shard_) return;
  found_.push_back(std::move(whose->address.id));
}

std::vector<actor_id> actor_names::sorted() && {
  std::ranges::sort(found_);
  const auto repeated = std::ranges::unique(found_);
  found_.erase(repeated.begin(), repeated.end());
  return std::move(found_);
}

void list_actors::ask() {
  const std::string subject = "$JS.API.STREAM.INFO." + stream_;
  const std::string body = json{{"subjects_filter", filter_}, {"offset", subjects_seen_}}.dump();
  connection_->request(
      {subject, as_bytes_view(body)}, timeout_,
      [self = shared_from_this()](result<nats_message> answer) { self->answered(answer); });
}

void list_actors::answered(const result<nats_message>& answer) {
  if (!answer) return handler_(std::unexpected(answer.error()));
  const json document = json::parse(as_text(answer->payload()), nullptr, false);
  const auto state = document.is_object() ? document.value("state", json::object()) : json{};
  if (!state.is_object() || document.contains("error"))
    return handler_(fail(errc::unavailable, "stream " + stream_ + " gave no list of subjects"));
  const auto found = state.value("subjects", json::object());
  for (const auto& [subject, count] : found.items()) found_.take(subject);
  subjects_seen_ += found.size();
  const auto total = document.value("total", std::size_t{0});
  if (found.empty() || subjects_seen_ >= total) return handler_(std::move(found_).sorted());
  ask();
}

}  // namespace aether
