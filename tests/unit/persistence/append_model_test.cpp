// Two writers append to one log over a network that loses, delays and repeats. Whatever an append
// says must be true of the log when everything that was under way has arrived.

#include "persistence/src/core/append_machine.hpp"
#include "support/commits.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using m = append_machine;
using ms = std::chrono::milliseconds;

/// Virtual time and what is to happen in it.
class world {
 public:
  explicit world(std::uint64_t seed) : random_{seed} {}
  void after(ms delay, std::function<void()> what) { due_.emplace(now_ + delay, std::move(what)); }
  [[nodiscard]] m::time_point now() const { return now_; }
  [[nodiscard]] bool chance(int percent) { return number(1, 100) <= percent; }
  [[nodiscard]] int number(int least, int most) {
    return std::uniform_int_distribution{least, most}(random_);
  }
  /// Usually some milliseconds, sometimes longer than any timeout.
  [[nodiscard]] ms delay() { return chance(85) ? ms{number(1, 30)} : ms{number(30, 6'000)}; }
  void run() {
    while (!due_.empty()) {
      auto next = due_.extract(due_.begin());
      now_ = next.key();
      next.mapped()();
    }
  }

 private:
  std::mt19937_64 random_;
  m::time_point now_{1h};
  std::multimap<m::time_point, std::function<void()>> due_;
};

struct stored_commit {
  commit_id id;
  std::uint64_t sequence;
};

/// One actor's subject in a stream that others write to as well.
class log_server {
 public:
  explicit log_server(world& in) : world_{in} {}

  m::input publish(commit_id id, std::uint64_t expected) {
    last_sequence_ += static_cast<std::uint64_t>(world_.number(0, 2));
    const auto end = commits.empty() ? 0 : commits.back().sequence;
    if (end != expected)
      return commits.back().id != id && world_.chance(10) ? m::input{m::not_taken{"10164"}}
                                                          : m::input{m::conflict{}};
    commits.push_back({id, ++last_sequence_});
    return m::stored{stream_sequence{last_sequence_}};
  }
  m::input next_after(std::uint64_t sequence) {
    for (const auto& one : commits)
      if (one.sequence > sequence) return m::found{one.id, stream_sequence{one.sequence}};
    return m::nothing_found{};
  }

  std::vector<stored_commit> commits;

 private:
  world& world_;
  std::uint64_t last_sequence_ = 0;
};

struct verdict {
  commit_id id;
  result<log_position> outcome;
  /// The same commit was appended before, with an unknown outcome.
  bool repeated;
};

/// One append as the JetStream shell runs it: one answer to each effect, the late ones dropped.
class append_run : public std::enable_shared_from_this<append_run> {
 public:
  using handler = std::function<void(result<log_position>)>;
  append_run(world& in, log_server& to, commit_id id, std::uint64_t expected, handler done)
      : world_{in},
        server_{to},
        id_{id},
        expected_{expected},
        done_{std::move(done)},
        machine_{
            id, position_of(expected), event_version{expected + 1}, {800ms, 5'000ms, 20ms, 500ms}} {
  }
  void start() { carry_out(machine_.start(world_.now())); }

 private:
  static log_position position_of(std::uint64_t sequence) {
    return {event_version{sequence}, stream_sequence{sequence}};
  }
  void hear(std::uint64_t exchange, const m::input& input) {
    if (exchange != exchange_ || machine_.current() == m::phase::done) return;
    ++exchange_;
    carry_out(machine_.step(input, world_.now()));
  }
  void ask(ms timeout, m::input silence, const std::function<m::input()>& at_server) {
    auto self = shared_from_this();
    const auto exchange = exchange_;
    const int copies = world_.chance(12) ? 0 : world_.chance(15) ? 2 : 1;
    for (int i = 0; i < copies; ++i)
      world_.after(world_.delay(), [self, exchange, at_server] {
        const auto answer = at_server();
        if (self->world_.chance(12)) return;
        self->world_.after(self->world_.delay(), [=] { self->hear(exchange, answer); });
      });
    world_.after(timeout,
                 [self, exchange, silence = std::move(silence)] { self->hear(exchange, silence); });
  }
  void carry_out(const m::effect& effect) {
    std::visit([this](const auto& one) { perform(one); }, effect);
  }
  void perform(const m::publish& what) {
    const m::silence silence{"timed out"};
    // Decided for all copies of an attempt: to be told "not taken" means that no copy is.
    if (world_.chance(5)) return ask(what.timeout, silence, [] { return m::not_taken{"503"}; });
    if (world_.chance(3)) return ask(what.timeout, silence, [] { return m::refused{"10023"}; });
    ask(what.timeout, silence,
        [self = shared_from_this()] { return self->server_.publish(self->id_, self->expected_); });
  }
  void perform(const m::read_next& what) {
    ask(what.timeout, m::read_failed{"timed out"},
        [self = shared_from_this()] { return self->server_.next_after(self->expected_); });
  }
  void perform(const m::wait& what) {
    world_.after(what.duration, [self = shared_from_this(), exchange = exchange_] {
      self->hear(exchange, m::elapsed{});
    });
  }
  void perform(const m::finish& what) { done_(what.outcome); }

  world& world_;
  log_server& server_;
  commit_id id_;
  std::uint64_t expected_;
  handler done_;
  m machine_;
  std::uint64_t exchange_ = 0;
};

/// Appends a number of commits, rehydrating after each, and notes every verdict.
class writer {
 public:
  writer(world& in, log_server& to, std::vector<verdict>& verdicts, std::uint8_t name)
      : world_{in}, server_{to}, verdicts_{verdicts}, name_{name} {}
  void go_on() {
    if (++made_ > 12) return;
    const auto& commits = server_.commits;
    append(fresh_id(), commits.empty() ? 0 : commits.back().sequence, false);
  }

 private:
  commit_id fresh_id() {
    auto raw = testing::id_of<commit_id>(name_).raw();
    raw[15] = static_cast<std::uint8_t>(made_);
    return commit_id{raw};
  }
  void append(commit_id id, std::uint64_t expected, bool repeated) {
    auto done = [this, id, expected, repeated](const result<log_position>& outcome) {
      verdicts_.push_back({id, outcome, repeated});
      const bool unknown = !outcome && outcome.error().code() == errc::outcome_unknown;
      if (unknown && !repeated && world_.chance(50)) return append(id, expected, true);
      world_.after(world_.delay(), [this] { go_on(); });
    };
    std::make_shared<append_run>(world_, server_, id, expected, std::move(done))->start();
  }

  world& world_;
  log_server& server_;
  std::vector<verdict>& verdicts_;
  std::uint8_t name_;
  int made_ = 0;
};

void check_verdict(const verdict& one, const log_server& server) {
  const auto found = std::ranges::find(server.commits, one.id, &stored_commit::id);
  const bool present = found != server.commits.end();
  if (one.outcome) {
    REQUIRE(present);
    CHECK(found->sequence == one.outcome->sequence.value());
    return;
  }
  const auto code = one.outcome.error().code();
  CHECK(code != errc::stream_regressed);
  // What a call says of itself when it sent nothing is not about the call before it.
  if (one.repeated && code != errc::version_conflict) return;
  if (code != errc::outcome_unknown) CHECK_FALSE(present);
}

std::size_t unknown_outcomes_of_run(std::uint64_t seed) {
  CAPTURE(seed);
  world simulated{seed};
  log_server server{simulated};
  std::vector<verdict> verdicts;
  writer first{simulated, server, verdicts, 1}, second{simulated, server, verdicts, 2};
  simulated.after(0ms, [&] { first.go_on(); });
  simulated.after(1ms, [&] { second.go_on(); });
  simulated.run();
  for (const auto& one : verdicts) check_verdict(one, server);
  auto ids = server.commits;
  std::ranges::sort(ids, {}, &stored_commit::id);
  CHECK(std::ranges::adjacent_find(ids, {}, &stored_commit::id) == ids.end());
  return static_cast<std::size_t>(std::ranges::count_if(verdicts, [](const verdict& one) {
    return !one.outcome && one.outcome.error().code() == errc::outcome_unknown;
  }));
}

}  // namespace

TEST_CASE("append: what it says is true of the log, over a network that loses and delays") {
  auto seeds = testing::seeded_random();
  std::size_t unknown = 0;
  for (int run = 0; run < 300; ++run) unknown += unknown_outcomes_of_run(seeds());
  MESSAGE("unknown outcomes of about 7200 appends: ", unknown);
}
