#include "support/append_writers.hpp"

#include "support/commits.hpp"
#include "support/random.hpp"
#include "support/store_calls.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

namespace aether::testing {

using namespace std::chrono_literals;

struct append_writers::client {
  client(const options& chosen, std::chrono::milliseconds deadline)
      : connection{opened(chosen.url)},
        store{connection,
              chosen.names,
              chosen.layout,
              {.request_timeout = 500ms, .append_deadline = deadline}} {}

  static std::shared_ptr<nats_connection> opened(const std::string& url) {
    // The pings notice a server that holds its connections and answers nothing.
    auto made = nats_connection::open({.url = url, .ping_interval = 500ms, .reconnect_wait = 20ms});
    if (!made) throw std::runtime_error(made.error().message());
    return *std::move(made);
  }

  std::shared_ptr<nats_connection> connection;
  jetstream_event_store store;
};

struct append_writers::lane {
  client& with;
  std::mt19937_64 random;
  /// The ends of the histories as this lane knows them.
  std::vector<log_position> known;
  /// The actor to write to next, where another writer came first; else any.
  std::optional<std::size_t> once_more = {};
  std::vector<append_attempt> attempts = {};
  std::jthread thread = {};
};

append_writers::append_writers(options chosen) : options_{std::move(chosen)} {
  for (const auto deadline : options_.deadlines)
    clients_.push_back(std::make_unique<client>(options_, deadline));
  for (std::size_t i = 0; i < options_.lanes * clients_.size(); ++i)
    lanes_.push_back(std::make_unique<lane>(*clients_[i % clients_.size()],
                                            std::mt19937_64{options_.seed + i},
                                            std::vector<log_position>(options_.actors)));
  for (auto& one : lanes_) one->thread = std::jthread{[this, &one] { run(*one); }};
}

append_writers::~append_writers() { end(); }

std::vector<actor_address> append_writers::actors() const {
  std::vector<actor_address> all;
  for (std::size_t i = 0; i < options_.actors; ++i)
    all.push_back(address("account", "contended-" + std::to_string(i)));
  return all;
}

void append_writers::run(lane& mine) {
  while (think(mine)) step(mine);
}

bool append_writers::think(lane& mine) {
  const std::chrono::microseconds pause{random_between(mine.random, 0, 6'000)};
  std::unique_lock lock{mutex_};
  return !ended_.wait_for(lock, pause, [this] { return ending_; });
}

void append_writers::step(lane& mine) {
  const std::size_t any = random_between(mine.random, 0, options_.actors - 1);
  const std::size_t i = std::exchange(mine.once_more, std::nullopt).value_or(any);
  log_position& end = mine.known[i];
  auto next = commit_after(end, random_between(mine.random, 1, 3));
  append_attempt attempt{address("account", "contended-" + std::to_string(i)), std::move(next),
                         log_position{}};
  attempt.outcome = append(mine.with.store, attempt.to, end, attempt.commit);
  if (!attempt.outcome && attempt.outcome.error().code() != errc::version_conflict) ++given_up_;
  if (!attempt.outcome && attempt.outcome.error().code() == errc::outcome_unknown)
    append_again_perhaps(mine, end, attempt);
  if (attempt.outcome) {
    ++stored_;
    end = *attempt.outcome;
  } else if (const auto now = latest(mine.with.store, attempt.to)) {
    end = *now ? (*now)->position() : log_position{};
    if (attempt.outcome.error().code() == errc::version_conflict) mine.once_more = i;
  }
  mine.attempts.push_back(std::move(attempt));
}

void append_writers::append_again_perhaps(lane& mine, const log_position& expected,
                                          append_attempt& attempt) {
  if (random_between(mine.random, 0, 1) == 0) return;
  auto again = append(mine.with.store, attempt.to, expected, attempt.commit);
  // "Not stored by this call" says nothing of the call before.
  const bool silent = !again && (again.error().code() == errc::unavailable ||
                                 again.error().code() == errc::store_failed);
  if (!silent) attempt.outcome = std::move(again);
}

std::vector<append_attempt> append_writers::finish() {
  end();
  std::vector<append_attempt> all;
  for (auto& one : lanes_) std::ranges::move(one->attempts, std::back_inserter(all));
  return all;
}

void append_writers::end() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  ended_.notify_all();
  for (auto& one : lanes_)
    if (one->thread.joinable()) one->thread.join();
}

}  // namespace aether::testing
