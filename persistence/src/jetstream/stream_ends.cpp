#include "stream_ends.hpp"

#include "json_number.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

namespace aether {

namespace {

using json = nlohmann::json;

/// The server's code.
constexpr int err_stream_not_found = 10059;

std::unexpected<error> odd_list(const std::string& what) {
  return fail(errc::decode_failed, "odd list of streams from the server: " + what);
}

/// One listing under way. Owned by the request it waits for.
class listing : public std::enable_shared_from_this<listing> {
 public:
  listing(std::shared_ptr<nats_connection> connection, std::string filter,
          std::chrono::milliseconds timeout, stream_ends_handler handler)
      : connection_{std::move(connection)},
        filter_{std::move(filter)},
        timeout_{timeout},
        handler_{std::move(handler)} {}

  void ask() {
    const std::string body =
        R"({"offset":)" + std::to_string(found_.size()) + R"(,"subject":")" + filter_ + R"("})";
    connection_->request(
        {.subject = "$JS.API.STREAM.LIST", .payload = as_bytes_view(body)}, timeout_,
        [self = shared_from_this()](result<nats_message> answer) { self->answered(answer); });
  }

 private:
  void answered(const result<nats_message>& answer) {
    if (!answer) return handler_(std::unexpected(answer.error()));
    auto page = parse_stream_ends(answer->payload());
    if (!page) return handler_(std::unexpected(std::move(page).error()));
    const bool more = !page->ends.empty();
    std::ranges::move(page->ends, std::back_inserter(found_));
    if (!more || found_.size() >= page->total) return handler_(std::move(found_));
    if (++pages_ == stream_pages_max)
      return handler_(fail(errc::unavailable, "there are too many streams under " + filter_));
    ask();
  }

  std::shared_ptr<nats_connection> connection_;
  std::string filter_;
  std::chrono::milliseconds timeout_;
  stream_ends_handler handler_;
  std::vector<stream_end> found_;
  std::size_t pages_ = 0;
};

stream_end end_in(const json& info) {
  return {.name = info.at("config").at("name").get<std::string>(),
          .created = info.at("created").dump(),
          .last = number_of(info.at("state"), "last_seq")};
}

/// One question for each of some streams, all at once. Owned by the requests it waits for.
class round_of_questions : public std::enable_shared_from_this<round_of_questions> {
 public:
  round_of_questions(std::size_t questions, stream_ends_handler handler)
      : open_{questions}, handler_{std::move(handler)} {}

  void answered(const result<nats_message>& answer) {
    auto end = answer ? parse_stream_end(answer->payload())
                      : result<std::optional<stream_end>>{std::unexpected(answer.error())};
    const std::unique_lock lock{mutex_};
    if (!end)
      failed_ = std::move(end).error();
    else if (*end)
      found_.push_back(*std::move(*end));
    if (--open_ > 0) return;
    if (failed_) return handler_(std::unexpected(*std::move(failed_)));
    handler_(std::move(found_));
  }

 private:
  std::mutex mutex_;
  std::size_t open_;
  std::vector<stream_end> found_;
  std::optional<error> failed_;
  stream_ends_handler handler_;
};

}  // namespace

result<std::optional<stream_end>> parse_stream_end(bytes_view payload) try {
  const json document = json::parse(as_text(payload), nullptr, false);
  if (!document.is_object()) return odd_list("no JSON object");
  const auto refusal = document.find("error");
  if (refusal == document.end()) return end_in(document);
  if (refusal->value("err_code", 0) == err_stream_not_found) return std::nullopt;
  return fail(errc::unavailable, "the server does not say how far a stream reaches: " +
                                     refusal->value("description", std::string{"refused"}));
} catch (const json::exception& odd) {
  return odd_list(odd.what());
}

void ask_stream_ends(const std::shared_ptr<nats_connection>& connection,
                     const std::vector<std::string>& streams, std::chrono::milliseconds timeout,
                     stream_ends_handler handler) {
  if (streams.empty()) return handler(std::vector<stream_end>{});
  const auto round = std::make_shared<round_of_questions>(streams.size(), std::move(handler));
  for (const auto& stream : streams)
    connection->request({.subject = "$JS.API.STREAM.INFO." + stream}, timeout,
                        [round](const result<nats_message>& answer) { round->answered(answer); });
}

result<stream_ends_page> parse_stream_ends(bytes_view payload) try {
  const json document = json::parse(as_text(payload), nullptr, false);
  if (!document.is_object()) return odd_list("no JSON object");
  if (const auto refusal = document.find("error"); refusal != document.end())
    return fail(errc::unavailable, "the server does not list its streams: " +
                                       refusal->value("description", std::string{"refused"}));
  if (const auto missing = document.find("missing");
      missing != document.end() && missing->is_array() && !missing->empty())
    return fail(errc::unavailable,
                "nobody could say how far " + std::to_string(missing->size()) + " streams reach");
  stream_ends_page page;
  page.total = number_of(document, "total");
  const auto streams = document.find("streams");
  if (streams == document.end() || streams->is_null()) return page;
  for (const json& one : *streams) page.ends.push_back(end_in(one));
  return page;
} catch (const json::exception& odd) {
  return odd_list(odd.what());
}

void find_stream_ends(std::shared_ptr<nats_connection> connection, std::string filter,
                      std::chrono::milliseconds timeout, stream_ends_handler handler) {
  std::make_shared<listing>(std::move(connection), std::move(filter), timeout, std::move(handler))
      ->ask();
}

}  // namespace aether
