#include "connection.hpp"

#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t unsent_max = 1'000;
constexpr real_time reconnect_min = 1ms;
constexpr real_time reconnect_max = 150ms;

}  // namespace

void connection::open() {
  owner_.inbox_is_listened_on();
  try_to_connect();
}

void connection::close() {
  closed_ = true;
  requests_.clear();
  unsent_.clear();
  if (current_ != nullptr) in_.nats.abandon(*std::exchange(current_, nullptr));
}

void connection::try_to_connect() {
  if (closed_ || current_ != nullptr || std::exchange(seeking_, true)) return;
  in_.time.after(in_.chance.between(reconnect_min, reconnect_max), [this] {
    owner_.when_running([this] {
      seeking_ = false;
      if (closed_) return;
      const auto server = static_cast<std::uint32_t>(in_.chance.below(in_.nats.servers()));
      if (owner_.cut_off || !in_.nats.up(server)) return try_to_connect();
      current_ = &in_.nats.connect(owner_, server);
      in_.note(happening::connection_made, owner_.number, server);
      for (const auto& one : listens_) in_.nats.listen(*current_, one);
      for (auto& one : std::exchange(unsent_, {})) send(std::move(one));
      owner_.connection_changed(true);
    });
  });
}

void connection::lost(broker::session& which) {
  if (current_ != &which) return;
  in_.note(happening::connection_lost, owner_.number);
  in_.nats.abandon(*std::exchange(current_, nullptr));
  auto open = std::exchange(requests_, {});
  for (auto& [token, handler] : open) handler(answer{answer::kind::timed_out, nullptr});
  owner_.connection_changed(false);
  try_to_connect();
}

void connection::listen(subject to) {
  listens_.push_back(to);
  if (current_ == nullptr) return;
  owner_.send([this, session = current_, to] { in_.nats.listen(*session, to); });
}

void connection::ignore(subject to) {
  std::erase_if(listens_, [&](const subject& one) { return one.key() == to.key(); });
  if (current_ == nullptr) return;
  owner_.send([this, session = current_, to] { in_.nats.ignore(*session, to); });
}

void connection::send(message what) {
  if (closed_) return;
  if (current_ == nullptr) {
    if (unsent_.size() < unsent_max) unsent_.push_back(std::move(what));
    return;
  }
  owner_.send([this, session = current_, what = std::move(what)]() mutable {
    in_.nats.publish(*session, std::move(what));
  });
}

void connection::publish(subject to, content_ptr what) {
  message made;
  made.to = to;
  made.what = std::move(what);
  send(std::move(made));
}

void connection::reply(const message& asked, content_ptr what) {
  message made;
  made.to = {subject::kind::inbox, asked.asker};
  made.token = asked.token;
  made.what = std::move(what);
  send(std::move(made));
}

std::uint64_t connection::open_request(std::chrono::nanoseconds timeout, answer_handler handler) {
  const auto token = ++tokens_;
  requests_.emplace(token, std::move(handler));
  owner_.after(timeout, [this, token] {
    end_request(token, answer{answer::kind::timed_out, nullptr});
  });
  return token;
}

void connection::end_request(std::uint64_t token, answer with) {
  const auto found = requests_.find(token);
  if (found == requests_.end()) return;
  auto handler = std::move(found->second);
  requests_.erase(found);
  handler(std::move(with));
}

void connection::request(subject to, content_ptr what, std::chrono::nanoseconds timeout,
                         answer_handler handler) {
  if (current_ == nullptr) return handler(answer{answer::kind::not_sent, nullptr});
  message made;
  made.to = to;
  made.asker = owner_.number;
  made.token = open_request(timeout, std::move(handler));
  made.what = std::move(what);
  send(std::move(made));
}

void connection::call(broker::service run, std::chrono::nanoseconds timeout,
                      answer_handler handler) {
  if (current_ == nullptr) return handler(answer{answer::kind::not_sent, nullptr});
  const auto token = open_request(timeout, std::move(handler));
  owner_.send([this, session = current_, token, run = std::move(run)]() mutable {
    in_.nats.call(*session, token, std::move(run));
  });
}

void connection::flush(std::chrono::nanoseconds timeout, callback<bool> done) {
  if (current_ == nullptr) return done(false);
  const auto token = open_request(timeout, [done = std::move(done)](answer got) mutable {
    done(got.how == answer::kind::answered);
  });
  owner_.send([this, session = current_, token] {
    in_.nats.ping(*session, [this, token] {
      end_request(token, answer{answer::kind::answered, nullptr});
    });
  });
}

void connection::answered(const message& from) {
  end_request(from.token, from.nobody ? answer{answer::kind::nobody, nullptr}
                                      : answer{answer::kind::answered, from.what});
}

}  // namespace aether::sim
