// Both ends of a hand-over, over a broker that keeps the order of each connection and of nothing
// else, and over requests that are lost, late, doubled and overtake each other.

#include "cluster/src/core/slot_gate.hpp"
#include "cluster/src/core/slot_intake.hpp"
#include "cluster/src/core/slot_release.hpp"
#include "support/cluster_samples.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <tuple>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;

/// Senders and nodes are numbered alike: 0 is the giver, 1 the taker, 2 and 3 live elsewhere.
constexpr std::size_t giver = 0, taker = 1, everybody = 4;
constexpr int portion = 40;

struct command {
  std::size_t sender = 0;
  std::uint64_t number = 0;
  /// Sent on by the giver.
  bool again = false;
  friend auto operator<=>(const command& a, const command& b) {
    return std::tie(a.sender, a.number) <=> std::tie(b.sender, b.number);
  }
  friend bool operator==(const command& a, const command& b) { return a <=> b == 0; }
};

command_id id_of(const command& from) {
  std::array<std::uint8_t, command_id::size> raw{};
  raw[0] = static_cast<std::uint8_t>(from.sender + 1);
  for (std::size_t i = 0; i < 8; ++i) raw[8 + i] = static_cast<std::uint8_t>(from.number >> 8 * i);
  return command_id{raw};
}

/// How the giver and the network behave.
struct faults {
  const char* name = "none";
  unsigned lost_percent = 20;
  std::chrono::milliseconds late_max = 100ms;
  /// Its actors do nothing once they are told to finish.
  bool giver_hangs = false;
  /// It is killed so long after the slot was given away.
  std::optional<std::chrono::milliseconds> giver_dies{};
};

class world {
 public:
  explicit world(const faults& how, std::mt19937_64& random) : how_{how}, random_{random} {
    auto& first = nodes_[giver];
    first.gate.keep();
    (void)first.gate.take_kept();
    first.gate.wait();
    (void)first.gate.take_waiting();
    first.accepts = true;
    subscribed_.insert(giver);
  }

  void run() {
    for (int i = 0; i < 3 * portion; ++i) step(true);
    given_at_ = now_;
    carry_out(intake_.assign(1, true, at(now_)));
    while (!served() && now_ - given_at_ < 1s) step(true);
    for (int i = 0; i < 3 * portion; ++i) step(true);
    while (!quiet()) {
      step(false);
      if (now_ - given_at_ >= 60s) FAIL("it is stuck");
    }
  }

  [[nodiscard]] std::chrono::milliseconds took() const { return served_at_ - given_at_; }
  [[nodiscard]] bool served() const { return intake_.current() == slot_intake::phase::serving; }
  [[nodiscard]] bool forced() const { return intake_.forced() || release_.forced(); }
  [[nodiscard]] bool handled_twice() const { return handled_twice_; }
  /// What took effect, in order, of one sender.
  [[nodiscard]] std::vector<std::uint64_t> effects_of(std::size_t sender) const {
    std::vector<std::uint64_t> numbers;
    for (const auto& one : log_)
      if (one.sender == sender) numbers.push_back(one.number);
    return numbers;
  }
  [[nodiscard]] std::uint64_t sent_by(std::size_t sender) const { return sent_.at(sender); }

 private:
  struct to_broker {
    enum { publish, subscribe, unsubscribe, echo } what;
    command which{};
    std::function<void()> back{};
  };
  struct from_broker {
    command which{};
    std::function<void()> echo{};
  };
  struct node {
    std::deque<to_broker> out;
    std::deque<from_broker> in;
    slot_gate<command, command> gate;
    std::deque<command> inbox;
    bool accepts = false;
  };

  [[nodiscard]] bool chance(unsigned percent) {
    return testing::random_between(random_, 1, 100) <= percent;
  }

  void step(bool sending) {
    switch (testing::random_between(random_, 0, 5)) {
      case 0:
        if (sending) send(testing::random_between(random_, 0, everybody - 1));
        break;
      case 1:
        serve_broker(testing::random_between(random_, 0, everybody - 1));
        break;
      case 2:
        receive(testing::random_between(random_, 0, 1));
        break;
      case 3:
        handle(testing::random_between(random_, 0, 1));
        break;
      case 4:
        pass_time(std::chrono::milliseconds{testing::random_between(random_, 0, 4)});
        break;
      default:
        deliver_requests();
    }
  }

  [[nodiscard]] bool quiet() const {
    const auto idle = [](const node& one) {
      return one.out.empty() && one.in.empty() && one.inbox.empty();
    };
    const bool let_go = dead_ || release_.current() == slot_release::phase::released;
    return served() && let_go && requests_.empty() && std::ranges::all_of(nodes_, idle);
  }

  // Senders

  void send(std::size_t sender) {
    if (sender == giver && dead_) return;
    const command next{sender, ++sent_[sender], false};
    auto& home = nodes_[sender];
    using passage = slot_gate<command, command>::passage;
    const auto way = sender <= taker ? home.gate.local() : passage::shut;
    if (way == passage::through && home.accepts)
      home.inbox.push_back(next);
    else if (way == passage::kept)
      home.gate.add_waiting(next);
    else
      publish(sender, next);
  }

  void publish(std::size_t from, const command& which) {
    nodes_[from].out.push_back({to_broker::publish, which, {}});
  }

  // The broker

  void serve_broker(std::size_t from) {
    auto& out = nodes_[from].out;
    if (out.empty()) return;
    const auto next = std::move(out.front());
    out.pop_front();
    switch (next.what) {
      case to_broker::publish:
        for (const auto listener : subscribed_) nodes_[listener].in.push_back({next.which, {}});
        break;
      case to_broker::subscribe:
        subscribed_.insert(from);
        break;
      case to_broker::unsubscribe:
        subscribed_.erase(from);
        break;
      case to_broker::echo:
        nodes_[from].in.push_back({{}, next.back});
        break;
    }
  }

  void receive(std::size_t where) {
    auto& here = nodes_[where];
    if (here.in.empty()) return;
    auto next = std::move(here.in.front());
    here.in.pop_front();
    if (next.echo) return next.echo();
    using passage = slot_gate<command, command>::passage;
    const auto copy = next.which.again ? command_copy::told_again : command_copy::told;
    const auto way = here.gate.arrive(id_of(next.which), copy, next.which);
    if (way == passage::full) FAIL("too many were kept");
    if (way == passage::through) here.inbox.push_back(next.which);
    if (way == passage::shut) publish(where, next.which);
  }

  /// What was sent before has come back when `back` is called.
  void echo(std::size_t from, std::function<void()> back) {
    nodes_[from].out.push_back({to_broker::echo, {}, std::move(back)});
  }

  // The actors

  void handle(std::size_t where) {
    auto& here = nodes_[where];
    const bool draining = where == giver && release_.current() == slot_release::phase::draining;
    if (draining && here.inbox.empty()) return carry_out(release_.drained());
    if (here.inbox.empty() || (draining && how_.giver_hangs)) return;
    const auto next = here.inbox.front();
    here.inbox.pop_front();
    // The log tells an id that it has.
    if (!seen_.insert(next).second) {
      handled_twice_ = true;
      return;
    }
    log_.push_back(next);
  }

  /// What could not be worked off in time goes out again.
  void drain_by_force() {
    auto& here = nodes_[giver];
    for (auto left : std::exchange(here.inbox, {})) {
      left.again = here.gate.recorded().strike(id_of(left));
      publish(giver, left);
    }
  }

  // Time and requests

  void pass_time(std::chrono::milliseconds by) {
    // Where nothing else can happen, time goes on to the next thing that will.
    now_ += by;
    if (!dead_ && how_.giver_dies && given_at_ > 0s && now_ - given_at_ >= *how_.giver_dies)
      kill_giver();
    if (release_.current() == slot_release::phase::draining && at(now_) >= drain_until_) {
      // What is left goes out again at once, or a moment after that is said.
      const bool first = chance(50);
      if (first) drain_by_force();
      carry_out(release_.drained());
      drain_by_force();
    }
    carry_out(intake_.tick(at(now_)));
    if (dead_) return;
    carry_out(release_.tick(at(now_)));
    // The leader clears the giver once the taker has settled.
    if (intake_.settled()) carry_out(release_.lost(at(now_)));
  }

  void kill_giver() {
    dead_ = true;
    subscribed_.erase(giver);
    nodes_[giver] = {};
  }

  void request(std::function<void()> what) {
    const bool twice = chance(10);
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
      if (chance(how_.lost_percent)) continue;
      const auto late = testing::random_between(random_, 0, how_.late_max.count());
      requests_.emplace(now_ + std::chrono::milliseconds{late}, what);
    }
  }

  void deliver_requests() {
    while (!requests_.empty() && requests_.begin()->first <= now_) {
      const auto next = std::move(requests_.begin()->second);
      requests_.erase(requests_.begin());
      next();
    }
    if (!requests_.empty()) pass_time(1ms);
  }

  void ask_giver(std::function<void()> what) {
    request([this, what = std::move(what)] {
      if (!dead_) return what();
      request([this] { carry_out(intake_.unreachable(1, at(now_))); });
    });
  }

  // Effects

  void carry_out(const slot_intake::effects& effects) {
    const auto before = served_at_;
    for (const auto& effect : effects) std::visit([this](const auto& one) { act(one); }, effect);
    if (served() && before == 0s) served_at_ = now_;
  }
  void carry_out(const slot_release::effects& effects) {
    for (const auto& effect : effects) std::visit([this](const auto& one) { act(one); }, effect);
  }

  void act(const slot_intake::ask_record&) {
    ask_giver([this] { carry_out(release_.record(taker_process_)); });
  }
  void act(const slot_intake::ask_release&) {
    ask_giver([this] {
      asked_ = true;
      carry_out(release_.release(at(now_)));
    });
  }
  void act(const slot_intake::listen&) {
    nodes_[taker].gate.keep();
    nodes_[taker].out.push_back({to_broker::subscribe, {}, {}});
    echo(taker, [this] { carry_out(intake_.listening(1, at(now_))); });
  }
  void act(const slot_intake::open&) {
    auto& here = nodes_[taker];
    here.accepts = true;
    (void)here.gate.drop(got_);
    for (auto next = here.gate.take_kept(); !next.empty(); next = here.gate.take_kept()) {
      for (const auto& one : next) here.inbox.push_back(one);
      if (chance(50)) receive(taker);
    }
  }
  void act(const slot_intake::fence&) {
    nodes_[taker].gate.wait();
    echo(taker, [this] { carry_out(intake_.fenced(1)); });
  }
  void act(const slot_intake::serve&) {
    auto& here = nodes_[taker];
    for (auto next = here.gate.take_waiting(); !next.empty(); next = here.gate.take_waiting()) {
      for (const auto& one : next) here.inbox.push_back(one);
      if (chance(50)) send(taker);
    }
  }
  void act(const slot_intake::give_up&) { FAIL("nobody withdraws it"); }

  void act(const slot_release::start_recording&) { nodes_[giver].gate.start_recording(); }
  void act(const slot_release::stop_recording&) { nodes_[giver].gate.stop_recording(); }
  void act(const slot_release::tell_recorded&) {
    request([this] { carry_out(intake_.recorded(1, at(now_))); });
  }
  void act(const slot_release::close&) {
    nodes_[giver].out.push_back({to_broker::unsubscribe, {}, {}});
    echo(giver, [this] { carry_out(release_.closed(at(now_))); });
  }
  void act(const slot_release::cut_short&) { drain_by_force(); }

  void act(const slot_release::drain& how) {
    nodes_[giver].accepts = false;
    (void)nodes_[giver].gate.shut();
    drain_until_ = how.deadline;
  }
  void act(const slot_release::tell_released&) {
    if (!asked_) return;
    // Behind what went out again, as on one connection.
    echo(giver, [this, ids = nodes_[giver].gate.recorded().all()] {
      request([this, ids] {
        if (intake_.current() != slot_intake::phase::awaiting) return;
        got_ = ids;
        carry_out(intake_.released(1, true, at(now_)));
      });
    });
  }

  const faults how_;
  std::mt19937_64& random_;
  std::chrono::milliseconds now_{0}, given_at_{0}, served_at_{0};
  std::array<node, everybody> nodes_;
  std::set<std::size_t> subscribed_;
  std::multimap<std::chrono::milliseconds, std::function<void()>> requests_;
  slot_intake intake_{slot_intake::options{}};
  slot_release release_{slot_release::options{}};
  const process taker_process_{samples::node("b"), samples::process(2)};
  time_point drain_until_ = time_point::max();
  std::vector<command_id> got_;
  bool asked_ = false, dead_ = false, handled_twice_ = false;
  std::map<std::size_t, std::uint64_t> sent_;
  std::set<command> seen_;
  std::vector<command> log_;
};

std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= last; ++i) all.push_back(i);
  return all;
}

}  // namespace

TEST_CASE(
    "hand-over: a planned move loses no tell, handles none twice, and keeps each sender's order") {
  auto random = testing::seeded_random();
  int unforced = 0;
  for (int run = 0; run < 100; ++run) {
    CAPTURE(run);
    world all{{.lost_percent = static_cast<unsigned>(run % 4 * 10)}, random};
    all.run();
    CHECK(all.took() < 20s);
    for (std::size_t sender = 0; sender < everybody; ++sender) {
      CAPTURE(sender);
      auto effects = all.effects_of(sender);
      // A giver that is asked too late, as often as all requests are lost, is a forced move.
      if (all.forced()) std::ranges::sort(effects);
      CHECK(effects == up_to(all.sent_by(sender)));
    }
    if (all.forced()) continue;
    CHECK(!all.handled_twice());
    ++unforced;
  }
  CHECK(unforced > 60);
}

TEST_CASE("hand-over: whatever fails, it ends in 20 s, and each tell has its effect once") {
  const faults rows[] = {
      {.name = "no request arrives", .lost_percent = 100},
      {.name = "most are lost", .lost_percent = 80},
      {.name = "all are late", .lost_percent = 0, .late_max = 3'000ms},
      {.name = "the giver's actors hang", .giver_hangs = true},
      {.name = "they hang, and requests are lost", .lost_percent = 60, .giver_hangs = true},
  };
  auto random = testing::seeded_random();
  for (const auto& how : rows) {
    for (int run = 0; run < 5; ++run) {
      CAPTURE(how.name);
      CAPTURE(run);
      world all{how, random};
      all.run();
      CHECK(all.took() < 20s);
      for (std::size_t sender = 0; sender < everybody; ++sender) {
        auto effects = all.effects_of(sender);
        std::ranges::sort(effects);
        CHECK(effects == up_to(all.sent_by(sender)));
      }
    }
  }
}

TEST_CASE(
    "hand-over: a giver that is killed in the middle does not stop it, and nothing is doubled") {
  auto random = testing::seeded_random();
  for (int run = 0; run < 40; ++run) {
    CAPTURE(run);
    const std::chrono::milliseconds dies{testing::random_between(random, 1, 400)};
    world all{{.giver_dies = dies}, random};
    all.run();
    CHECK(all.served());
    CHECK(all.took() < 20s);
    for (std::size_t sender = 0; sender < everybody; ++sender) {
      auto effects = all.effects_of(sender);
      std::ranges::sort(effects);
      CHECK(std::ranges::adjacent_find(effects) == effects.end());
      CHECK((effects.empty() || effects.back() <= all.sent_by(sender)));
    }
  }
}

}  // namespace aether::cluster
