#include "cluster/src/core/lease_machine.hpp"
#include "support/cluster_samples.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <random>

/// Five candidates with clocks and leases of their own, a register behind a bad network, and pauses
/// at any place; in virtual time, from one seed.
namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using real_time = std::chrono::nanoseconds;  // since the beginning, as an observer has it

/// Not all of them were configured alike.
constexpr std::array<std::chrono::milliseconds, 5> ttls{2000ms, 1500ms, 2000ms, 3000ms, 2000ms};
constexpr auto longest_ttl = 3s;
constexpr int margin_divisor = 8;
constexpr auto request_timeout = 500ms;

struct faults {
  double drift_max = 0.02;  // how much faster or slower than real time a clock runs
  double lost = 0.15;       // of requests, and as many of replies
  double late = 0.15;       // requests that arrive after their sender gave up
  double pause_per_tick = 0.004;
  double resign_per_tick = 0.002;
};

class lease_world {
 public:
  lease_world(std::uint64_t seed, faults with) : random_{seed}, faults_{with} {
    for (int i = 0; i < 5; ++i) candidates_.push_back(std::make_unique<candidate>(*this, i));
    for (auto& one : candidates_) one->start();
  }

  void run_until(real_time end) {
    while (!events_.empty() && events_.begin()->first <= end) {
      auto event = events_.extract(events_.begin());
      now_ = event.key();
      event.mapped()();
      check_one_leader();
    }
    now_ = end;
  }

  /// From now on every request arrives and is answered, nobody pauses and nobody resigns.
  void heal() {
    faults_ = {.drift_max = 0, .lost = 0, .late = 0, .pause_per_tick = 0, .resign_per_tick = 0};
  }

  [[nodiscard]] int leaders() const {
    return static_cast<int>(std::ranges::count_if(
        candidates_, [](const auto& one) { return one->machine.leading(one->clock()); }));
  }
  [[nodiscard]] std::size_t terms() const { return leader_of_term_.size(); }

 private:
  struct candidate {
    candidate(lease_world& in, int index)
        : world{in},
          name{"n" + std::to_string(index)},
          rate{1 + in.fraction(-1, 1) * in.faults_.drift_max},
          offset{in.between(0s, 100s)},
          machine{{samples::node(name), samples::process(1 + static_cast<unsigned>(index)),
                   ttls.at(static_cast<std::size_t>(index)),
                   ttls.at(static_cast<std::size_t>(index)) / margin_divisor}} {}

    [[nodiscard]] time_point clock() const {
      return samples::at(offset + real_time{std::int64_t(double(world.now_.count()) * rate)});
    }
    void start() {
      world.after(world.between(0ms, 50ms), [this] { tick(); });
    }
    /// Runs `what` when this process runs again.
    void when_running(std::function<void()> what) {
      if (world.now_ >= paused_until) return what();
      world.after(paused_until - world.now_, [this, what] { when_running(what); });
    }
    void tick() {
      if (world.chance(world.faults_.pause_per_tick))
        paused_until = world.now_ + world.between(0ms, 6s);
      when_running([this] {
        if (world.chance(world.faults_.resign_per_tick)) carry_out(machine.resign(clock()));
        carry_out(machine.tick(clock(), world.between(0ms, 100ms), true));
        world.after(50ms, [this] { tick(); });
      });
    }
    void carry_out(const lease_machine::effects& effects) {
      for (const auto& one : effects) {
        if (std::holds_alternative<lease_machine::read>(one)) world.read(*this);
        if (const auto* write = std::get_if<lease_machine::write>(&one)) {
          // A process may also stop between deciding to write and writing.
          if (world.chance(world.faults_.pause_per_tick))
            paused_until = world.now_ + world.between(0ms, 6s);
          when_running([this, what = *write] { world.write(*this, what); });
        }
        if (const auto* won = std::get_if<lease_machine::elected>(&one))
          world.elected(*this, won->term);
      }
    }

    lease_world& world;
    std::string name;
    double rate;
    real_time offset;
    lease_machine machine;
    real_time paused_until{};
  };

  double fraction(double from, double to) {
    return std::uniform_real_distribution{from, to}(random_);
  }
  bool chance(double probability) { return fraction(0, 1) < probability; }
  real_time between(real_time from, real_time to) {
    return real_time{std::int64_t(fraction(double(from.count()), double(to.count())))};
  }
  void after(real_time delay, std::function<void()> what) {
    events_.emplace(now_ + delay, std::move(what));
  }

  /// Sends `at_server`, whose result `answer` feeds to the candidate, over the bad network. Exactly
  /// one answer: nothing within the timeout is `no_answer`.
  template <class Answer>
  void request(candidate& from, std::function<Answer()> at_server, Answer no_answer,
               std::function<void(const Answer&)> feed) {
    auto answered = std::make_shared<bool>(false);
    const auto reply = [this, &from, answered, feed](const Answer& what) {
      if (std::exchange(*answered, true)) return;
      from.when_running([feed, what] { feed(what); });
    };
    after(request_timeout, [reply, no_answer] { reply(no_answer); });
    if (chance(faults_.lost)) return;
    const auto way = chance(faults_.late) ? between(request_timeout, 8s) : between(0ms, 40ms);
    const bool reply_lost = chance(faults_.lost);
    after(way, [this, at_server, reply, reply_lost] {
      const Answer what = at_server();
      if (!reply_lost) after(between(0ms, 40ms), [reply, what] { reply(what); });
    });
  }

  void read(candidate& from) {
    request<std::optional<lease_state>>(
        from, [this] { return std::optional{key_}; }, std::nullopt,
        [&from](const auto& found) {
          from.carry_out(from.machine.read_done(found, from.clock()));
        });
  }

  void write(candidate& from, const lease_machine::write& what) {
    request<write_result>(
        from,
        [this, what] {
          if (key_.revision != what.expected)
            return write_result{.outcome = write_outcome::conflict, .revision = 0};
          key_ = {++sequence_, what.record};
          return write_result{.outcome = write_outcome::stored, .revision = sequence_};
        },
        {.outcome = write_outcome::unknown, .revision = 0},
        [&from](const auto& result) {
          from.carry_out(from.machine.write_done(result, from.clock()));
        });
  }

  void elected(const candidate& who, std::uint64_t term) {
    const auto [known, fresh] = leader_of_term_.emplace(term, who.name);
    REQUIRE(fresh);                                            // one leader per term
    REQUIRE(known->first == leader_of_term_.rbegin()->first);  // terms increase
  }

  void check_one_leader() {
    if (leaders() > 1) FAIL("two leaders at one instant");
  }

  std::mt19937_64 random_;
  faults faults_;
  real_time now_{};
  std::multimap<real_time, std::function<void()>> events_;
  std::vector<std::unique_ptr<candidate>> candidates_;
  lease_state key_;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, std::string> leader_of_term_;
};

}  // namespace

TEST_CASE(
    "lease: at most one candidate leads at any instant, whatever clocks, network, pauses "
    "and resignations do, and when they stop somebody leads soon") {
  std::size_t terms = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    lease_world world{seed, {}};
    world.run_until(120s);
    world.heal();
    // The longest pause or late request, then one ttl, one look and a little.
    world.run_until(120s + 8s + 3 * longest_ttl);
    REQUIRE(world.leaders() == 1);
    world.run_until(160s);
    REQUIRE(world.leaders() == 1);
    terms += world.terms();
  }
  MESSAGE("terms: " << terms);
  CHECK(terms > 500);  // else the faults were too kind
}

TEST_CASE("lease: with a good network a leader is there within a second and stays") {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto seed = samples::seed() + round;
    CAPTURE(seed);
    lease_world world{
        seed, {.drift_max = 0.02, .lost = 0, .late = 0, .pause_per_tick = 0, .resign_per_tick = 0}};
    world.run_until(1s);
    REQUIRE(world.leaders() == 1);
    world.run_until(60s);
    REQUIRE(world.terms() == 1);
  }
}

}  // namespace aether::cluster
