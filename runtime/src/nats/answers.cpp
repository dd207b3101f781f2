#include "session.hpp"

#include <charconv>
#include <condition_variable>

namespace aether::nats {
namespace {

constexpr int no_responders = 503;

std::string to_token(request_table::token key) {
  char text[16];
  return {text, std::to_chars(text, text + sizeof text, key, 36).ptr};
}

std::optional<request_table::token> from_token(std::string_view text) {
  request_table::token key = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), key, 36);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return key;
}

// Ends a subscription with the request that it was made for.
class listening {
 public:
  explicit listening(std::shared_ptr<listener> which) : which_{std::move(which)} {}
  listening(listening&&) noexcept = default;
  ~listening() {
    if (which_) session::drain(*which_);
  }

 private:
  std::shared_ptr<listener> which_;
};

bool nobody_listens(const nats_message& answer) { return answer.status() == no_responders; }

error no_one_on(const std::string& subject) {
  return {errc::unavailable, "no one listens on " + subject};
}

// What `request_wait` waits for; shared, because its thread could give up waiting only if the
// handler were never called, but must not leave before the handler has.
struct awaited_answer {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<result<nats_message>> answer;
};

}  // namespace

void session::request(const nats_outgoing& message, open_request request, nats_flush flush) {
  start(message, std::move(request), flush, nullptr);
}

void session::start(const nats_outgoing& message, open_request request, nats_flush flush,
                    const apart* place) {
  if (auto sound = check(message, payload_bytes_max_); !sound) {
    return request.give_up(std::move(sound).error());
  }
  if (!connected_ && !closing_) {
    return request.give_up({errc::unavailable, "not connected to NATS; nothing was sent"});
  }
  const auto now = clock::now();
  const auto deadline = now + request.timeout;
  request.subject = message.subject;
  const auto key = requests_.add(request, now);
  if (!key) return request.give_up({errc::not_running, "the connection to NATS is closed"});
  if (place != nullptr) *place->key = *key;
  const std::string reply_to = place != nullptr ? place->inbox : inbox_ + to_token(*key);
  if (auto sent = send(message, reply_to, flush); !sent) {
    if (auto unsent = requests_.take(*key)) unsent->give_up(std::move(sent).error());
    return;
  }
  loop_.wake_by(deadline);
}

void session::pull(const nats_outgoing& message, open_request request) {
  const apart place{inbox_ + "pull." + to_token(++pulls_)};
  auto heard = subscribe(
      place.inbox,
      [this, key = place.key](nats_message answer) { on_answer(*key, std::move(answer)); }, {});
  if (!heard) return request.give_up(std::move(heard).error());
  auto& handler = std::get<nats_connection::stream_handler>(request.handler);
  handler = [inner = std::move(handler), ends = listening{*std::move(heard)}](
                result<nats_message> answer) mutable { return inner(std::move(answer)); };
  start(message, std::move(request), nats_flush::now, &place);
}

result<nats_message> session::request_wait(const nats_outgoing& message,
                                           std::chrono::milliseconds timeout) {
  awaited_answer awaited;
  const auto keep = [&](result<nats_message> answer) {
    const std::lock_guard guard{awaited.mutex};
    awaited.answer.emplace(std::move(answer));
    awaited.changed.notify_one();
  };
  request(message,
          {.handler = nats_connection::reply_handler{keep}, .timeout = timeout, .subject = {}},
          nats_flush::now);
  std::unique_lock lock{awaited.mutex};
  awaited.changed.wait(lock, [&] { return awaited.answer.has_value(); });
  return *std::move(awaited.answer);
}

// In the gate, as a subscription's handler.
void session::on_answer(nats_message answer) {
  // A server may deliver a stored message here, with a subject of its own: no answer to anyone.
  if (!answer.subject().starts_with(inbox_)) return;
  if (const auto key = from_token(answer.subject().substr(inbox_.size())))
    on_answer(*key, std::move(answer));
}

void session::on_answer(request_table::token key, nats_message answer) {
  // None: it is late, or one more than was asked for.
  auto open = requests_.for_answer(key);
  if (!open) return;
  if (auto* once = std::get_if<nats_connection::reply_handler>(&open->handler)) {
    if (nobody_listens(answer)) return open->give_up(no_one_on(open->subject));
    return (*once)(std::move(answer));
  }
  on_part(key, *std::move(open), std::move(answer));
}

void session::on_part(request_table::token key, open_request lent, nats_message answer) {
  auto& handler = std::get<nats_connection::stream_handler>(lent.handler);
  if (nobody_listens(answer)) {
    requests_.end(key);
    return lent.give_up(no_one_on(lent.subject));
  }
  if (!handler(std::move(answer))) return requests_.end(key);
  const auto now = clock::now();
  const auto deadline = now + lent.timeout;
  if (!requests_.put_back(key, lent, now))
    return lent.give_up({errc::not_running, "the connection to NATS is closed"});
  loop_.wake_by(deadline);
}

// On the loop's thread. A handler that is running now may itself wait for the loop, so this does
// not wait for it.
session::clock::time_point session::expire(clock::time_point now) {
  const bool ran = gate_.try_run([&] {
    for (open_request& each : requests_.take_expired(now)) each.give_up(timed_out(each));
  });
  return ran ? requests_.next_deadline() : now + std::chrono::milliseconds{1};
}

error session::timed_out(const open_request& request) const {
  std::string text = "no answer on " + request.subject + " within " +
                     std::to_string(request.timeout.count()) + " ms";
  // A refused permission, for one, is told only here.
  if (const std::string said = last_error(); !said.empty()) {
    text += "; the last error the connection reported: " + said;
  }
  return {errc::timed_out, std::move(text)};
}

}  // namespace aether::nats
