#include "pull_consumer.hpp"

#include "jetstream_answer.hpp"

#include <utility>

namespace aether::cluster {

namespace {

using json = nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr int nobody = 503;
constexpr int conflict = 409;
/// A message that is under way for so long is delivered again; it does no harm.
constexpr std::chrono::hours ack_wait{1};

std::string fresh_inbox(const std::string& below) {
  return below + ".pump." + commit_id::make().hex() + ".";
}

std::unexpected<error> closed() { return fail(errc::unavailable, "closed meanwhile"); }

}  // namespace

pull_consumer::pull_consumer(std::shared_ptr<nats_connection> over, timers& clock, options how)
    : over_{std::move(over)},
      clock_{clock},
      how_{std::move(how)},
      inbox_{fresh_inbox(how_.inbox)} {}

std::string pull_consumer::config() const {
  return json{{"stream_name", how_.stream},
              {"config",
               {{"durable_name", name_},
                {"ack_policy", "explicit"},
                {"ack_wait", std::chrono::nanoseconds{ack_wait}.count()},
                {"deliver_policy", "all"},
                {"replay_policy", "instant"},
                {"filter_subject", how_.filter},
                {"max_ack_pending", how_.unacknowledged_max},
                {"max_waiting", 16}}}}
      .dump();
}

void pull_consumer::open(handlers what, done_handler done) {
  std::uint64_t turn = 0;
  {
    const std::lock_guard lock{mutex_};
    what_ = std::move(what);
    open_ = false;
    turn = ++turn_;
    losses_ = over_->losses();
  }
  const std::string names = "$JS.API.CONSUMER.NAMES." + how_.stream;
  over_->request({names}, how_.request_timeout,
                 [self = shared_from_this(), turn,
                  done = std::move(done)](const result<nats_message>& answer) mutable {
                   self->found(turn, answer, std::move(done));
                 });
}

void pull_consumer::found(std::uint64_t turn, const result<nats_message>& names,
                          done_handler done) {
  const auto heard = parse_jetstream(names);
  if (!heard) return done(std::unexpected(heard.error()));
  if (heard->error_code == jetstream_answer::stream_not_found)
    return done(fail(errc::unavailable, "there is no stream " + how_.stream));
  if (heard->error_code != 0) return done(std::unexpected(heard->as_error("consumers")));
  std::vector<std::string> those;
  const auto all = heard->document.find("consumers");
  if (all != heard->document.end() && all->is_array())
    for (const auto& one : *all)
      if (one.is_string() && one.get_ref<const std::string&>().starts_with(how_.kind + "-"))
        those.push_back(one.get<std::string>());
  remove(turn, std::move(those), std::move(done));
}

void pull_consumer::remove(std::uint64_t turn, std::vector<std::string> those, done_handler done) {
  if (those.empty()) return create(turn, std::move(done));
  {
    const std::lock_guard lock{mutex_};
    if (turn != turn_) return done(closed());
  }
  const std::string subject = "$JS.API.CONSUMER.DELETE." + how_.stream + "." + those.back();
  those.pop_back();
  over_->request({subject}, how_.request_timeout,
                 [self = shared_from_this(), turn, those = std::move(those),
                  done = std::move(done)](const result<nats_message>& answer) mutable {
                   // Not there any more is as good; still there, the next request says so.
                   if (!answer) return done(std::unexpected(answer.error()));
                   self->remove(turn, std::move(those), std::move(done));
                 });
}

void pull_consumer::create(std::uint64_t turn, done_handler done) {
  std::string subject, body;
  {
    const std::lock_guard lock{mutex_};
    if (turn == turn_) {
      name_ = how_.kind + "-" + commit_id::make().hex();
      subject = "$JS.API.CONSUMER.DURABLE.CREATE." + how_.stream + "." + name_;
      body = config();
    }
  }
  if (subject.empty()) return done(closed());
  over_->request({subject, as_bytes_view(body)}, how_.request_timeout,
                 [self = shared_from_this(), turn,
                  done = std::move(done)](const result<nats_message>& answer) mutable {
                   self->made(turn, answer, std::move(done));
                 });
}

void pull_consumer::made(std::uint64_t turn, const result<nats_message>& answer,
                         done_handler done) {
  const auto heard = parse_jetstream(answer);
  if (!heard) return done(std::unexpected(heard.error()));
  if (heard->error_code != 0) return done(std::unexpected(heard->as_error("consumer")));
  auto listening = over_->subscribe(inbox_ + "*", [weak = weak_from_this()](nats_message message) {
    if (const auto self = weak.lock()) self->on_message(std::move(message));
  });
  if (!listening) return done(std::unexpected(std::move(listening).error()));
  bool current = false;
  {
    const std::lock_guard lock{mutex_};
    current = turn == turn_;
    if (current) {
      std::swap(listening_, *listening);
      open_ = true;
      awaited_ = 0;
      last_ = 0;
    }
  }
  if (!current) return done(closed());
  done({});
  watch(turn);
}

void pull_consumer::pull(std::size_t count) {
  std::string subject, reply;
  {
    const std::lock_guard lock{mutex_};
    if (!open_) return;
    awaited_ = count;
    pulled_at_ = clock::now();
    subject = "$JS.API.CONSUMER.MSG.NEXT." + how_.stream + "." + name_;
    reply = inbox_ + std::to_string(++pull_);
  }
  const std::string body = "{\"batch\":" + std::to_string(count) + ",\"expires\":" +
                           std::to_string(std::chrono::nanoseconds{how_.expires}.count()) + "}";
  // Not sent, it is as one that brought nothing.
  (void)over_->publish({subject, as_bytes_view(body)}, reply, nats_flush::now);
}

/// What is not the next was missed on the way: the order of an actor's commands hangs on it.
void pull_consumer::on_message(nats_message message) {
  const auto where = nats_delivery::parse(message.reply_to());
  if (message.status() != 0 || !where) return on_status(message);
  std::function<void(nats_message, nats_delivery)> take;
  bool last = false;
  {
    const std::lock_guard lock{mutex_};
    if (!open_) return;
    if (where->number == last_ + 1) {
      last_ = where->number;
      take = what_.delivered;
      last = awaited_ > 0 && --awaited_ == 0;
    }
  }
  if (!take) return lose({errc::unavailable, "a delivery was missed"});
  take(std::move(message), *where);
  if (last) end_pull();
}

/// The end of a pull: it expired, there is nothing, or the consumer is gone.
void pull_consumer::on_status(const nats_message& message) {
  const int status = message.status();
  {
    const std::lock_guard lock{mutex_};
    if (!open_ || message.subject() != inbox_ + std::to_string(pull_)) return;
  }
  if (status == nobody || status == conflict)
    return lose({errc::unavailable, "the consumer is another's now, or gone"});
  end_pull();
}

void pull_consumer::end_pull() {
  std::function<void()> ended;
  {
    const std::lock_guard lock{mutex_};
    if (!open_) return;
    awaited_ = 0;
    ended = what_.pull_ended;
  }
  ended();
}

void pull_consumer::lose(const error& why) {
  std::function<void(const error&)> lost;
  {
    const std::lock_guard lock{mutex_};
    if (!std::exchange(open_, false)) return;
    lost = what_.lost;
  }
  lost(why);
}

/// What was acknowledged when the connection broke may never have arrived, and a pull neither.
void pull_consumer::watch(std::uint64_t turn) {
  bool overdue = false;
  std::uint64_t losses = 0;
  {
    const std::lock_guard lock{mutex_};
    if (!open_ || turn != turn_) return;
    losses = losses_;
    overdue = awaited_ > 0 && clock::now() > pulled_at_ + how_.expires + how_.grace;
  }
  if (over_->connected() && over_->losses() != losses)
    return lose({errc::unavailable, "the connection was lost for a while"});
  // A server without such a consumer says so, but for old ones (2.9), which say nothing.
  if (overdue) return lose({errc::unavailable, "a pull was not answered"});
  clock_.after(how_.look, [weak = weak_from_this(), turn] {
    if (const auto self = weak.lock()) self->watch(turn);
  });
}

void pull_consumer::close() {
  nats_connection::subscription ended;
  const std::lock_guard lock{mutex_};
  open_ = false;
  ++turn_;
  std::swap(ended, listening_);
}

}  // namespace aether::cluster
