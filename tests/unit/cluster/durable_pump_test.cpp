#include "cluster/src/core/durable_pump.hpp"

#include "support/cluster_samples.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using samples::at;
using verdict = durable_pump::verdict;

actor_address actor(const std::string& id) {
  return {*actor_type::parse("account"), *actor_id::parse(id)};
}
stream_sequence seq(std::uint64_t value) { return stream_sequence{value}; }

template <class Kind>
std::vector<Kind> all(const durable_pump::effects& from) {
  std::vector<Kind> found;
  for (const auto& one : from)
    if (const auto* is = std::get_if<Kind>(&one)) found.push_back(*is);
  return found;
}

std::vector<std::uint64_t> asked(const durable_pump::effects& from) {
  std::vector<std::uint64_t> found;
  for (const auto& one : all<durable_pump::ask>(from)) found.push_back(one.which.value());
  return found;
}
std::vector<std::uint64_t> acknowledged(const durable_pump::effects& from) {
  std::vector<std::uint64_t> found;
  for (const auto& one : all<durable_pump::acknowledge>(from)) found.push_back(one.which.value());
  return found;
}

using numbers = std::vector<std::uint64_t>;
const error sick{errc::handler_failed, "sick"};

durable_pump running(durable_pump::options how = {}) {
  durable_pump made{how};
  (void)made.start(seq(1'000'000), false, at(0ms));
  return made;
}

}  // namespace

TEST_CASE("durable pump: the commands of one actor are asked one after another, in order") {
  auto pump = running();
  CHECK(asked(pump.delivered(seq(1), actor("a"), at(0ms))) == numbers{1});
  CHECK(asked(pump.delivered(seq(2), actor("a"), at(0ms))).empty());
  CHECK(asked(pump.delivered(seq(3), actor("b"), at(0ms))) == numbers{3});
  auto next = pump.answered(seq(1), verdict::done, sick, at(1ms));
  CHECK(acknowledged(next) == numbers{1});
  CHECK(asked(next) == numbers{2});
  CHECK(asked(pump.answered(seq(2), verdict::done, sick, at(1ms))).empty());
  CHECK(pump.held() == 1);
}

TEST_CASE("durable pump: nothing leaves the queue before it is decided, or parked") {
  auto pump = running();
  (void)pump.delivered(seq(1), actor("a"), at(0ms));
  for (const auto how : {verdict::again, verdict::unknown, verdict::failed}) {
    auto tried = pump.answered(seq(1), how, sick, at(1ms));
    CHECK(acknowledged(tried).empty());
    const auto pause = all<durable_pump::wake>(tried);
    REQUIRE(pause.size() == 1);
    CHECK(asked(pump.tick(pause[0].at)) == numbers{1});
  }
  pump.stop();
  CHECK(acknowledged(pump.answered(seq(1), verdict::done, sick, at(1ms))) == numbers{1});
}

TEST_CASE("durable pump: what fails for no fault of its own is tried for ever, ever more slowly") {
  durable_pump::options how;
  auto pump = running(how);
  (void)pump.delivered(seq(1), actor("a"), at(0ms));
  time_point now = at(0ms);
  duration last{};
  for (int i = 0; i < 1'000; ++i) {
    auto tried = pump.answered(seq(1), verdict::again, sick, now);
    CHECK(all<durable_pump::park>(tried).empty());
    const auto pause = all<durable_pump::wake>(tried).at(0).at - now;
    CHECK(pause >= last);
    CHECK(pause <= how.backoff_max);
    last = pause;
    now += pause;
    REQUIRE(asked(pump.tick(now)) == numbers{1});
  }
  CHECK(last == how.backoff_max);
}

TEST_CASE(
    "durable pump: a definite failure is parked after bounded deliveries, and the next goes on") {
  auto pump = running();
  (void)pump.delivered(seq(1), actor("a"), at(0ms));
  (void)pump.delivered(seq(2), actor("a"), at(0ms));
  time_point now = at(0ms);
  durable_pump::effects tried;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    tried = pump.answered(seq(1), verdict::failed, sick, now);
    if (i == 5) break;
    REQUIRE(all<durable_pump::park>(tried).empty());
    now = all<durable_pump::wake>(tried).at(0).at;
    REQUIRE(asked(pump.tick(now)) == numbers{1});
  }
  const auto parks = all<durable_pump::park>(tried);
  REQUIRE(parks.size() == 1);
  CHECK(parks[0].deliveries == 5);
  CHECK(parks[0].why.text() == "sick");
  CHECK(acknowledged(tried).empty());
  CHECK(asked(tried).empty());
  SUBCASE("stored, it leaves the queue") {
    const auto done = pump.parked(seq(1), true, now);
    CHECK(acknowledged(done) == numbers{1});
    CHECK(asked(done) == numbers{2});
  }
  SUBCASE("not stored, it stays and is tried once more") {
    const auto kept = pump.parked(seq(1), false, now);
    CHECK(acknowledged(kept).empty());
    now = all<durable_pump::wake>(kept).at(0).at;
    CHECK(asked(pump.tick(now)) == numbers{1});
    CHECK(all<durable_pump::park>(pump.answered(seq(1), verdict::failed, sick, now)).size() == 1);
  }
}

TEST_CASE("durable pump: of what nothing is known for very long is parked as well") {
  durable_pump::options how;
  how.unknowns_max = 3;
  auto pump = running(how);
  (void)pump.delivered(seq(1), actor("a"), at(0ms));
  time_point now = at(0ms);
  const auto once = [&](verdict which) {
    auto tried = pump.answered(seq(1), which, sick, now);
    if (!all<durable_pump::park>(tried).empty()) return true;
    now = all<durable_pump::wake>(tried).at(0).at;
    (void)pump.tick(now);
    return false;
  };
  CHECK(!once(verdict::unknown));
  CHECK(!once(verdict::unknown));
  CHECK(!once(verdict::again));
  CHECK(!once(verdict::unknown));
  CHECK(!once(verdict::unwell));
  CHECK(once(verdict::unknown));
}

TEST_CASE("durable pump: an actor that is held up holds up no other") {
  auto pump = running();
  (void)pump.delivered(seq(1), actor("a"), at(0ms));
  (void)pump.answered(seq(1), verdict::again, sick, at(0ms));
  for (std::uint64_t i = 2; i < 50; ++i) {
    CHECK(asked(pump.delivered(seq(i), actor("b"), at(1ms))) == numbers{i});
    (void)pump.answered(seq(i), verdict::done, sick, at(1ms));
  }
}

TEST_CASE("durable pump: actors under way and messages held are bounded") {
  durable_pump::options how;
  how.window = 3;
  how.held_max = 8;
  durable_pump pump{how};
  auto pulls = all<durable_pump::pull>(pump.start(seq(1'000'000), false, at(0ms)));
  REQUIRE(pulls.size() == 1);
  CHECK(pulls[0].count == 8);
  std::size_t under_way = 0;
  for (std::uint64_t i = 1; i <= 8; ++i)
    under_way += asked(pump.delivered(seq(i), actor(std::to_string(i)), at(0ms))).size();
  CHECK(under_way == 3);
  CHECK(all<durable_pump::pull>(pump.pull_ended(at(0ms))).empty());
  std::size_t more = 0;
  for (std::uint64_t i = 1; i <= 3; ++i)
    for (const auto& one :
         all<durable_pump::pull>(pump.answered(seq(i), verdict::done, sick, at(0ms))))
      more += one.count;
  CHECK(more == 2);
  CHECK(pump.under_way() == 3);
}

TEST_CASE("durable pump: nothing is asked beyond the mark before the next mark is stored") {
  durable_pump pump{durable_pump::options{}};
  const auto marks = all<durable_pump::reserve>(pump.start(seq(10), false, at(0ms)));
  REQUIRE(marks.size() == 1);
  CHECK(asked(pump.delivered(seq(10), actor("a"), at(0ms))) == numbers{10});
  CHECK(asked(pump.delivered(seq(11), actor("b"), at(0ms))).empty());
  CHECK(asked(pump.reserved(marks[0].mark, at(0ms))) == numbers{11});
}

TEST_CASE("durable pump: one that may have taken nodes down is handled alone") {
  durable_pump pump{durable_pump::options{}};
  const auto begun = all<durable_pump::pull>(pump.start(seq(1'000), true, at(0ms)));
  REQUIRE(begun.size() == 1);
  CHECK(begun[0].count == 1);
  CHECK(asked(pump.delivered(seq(1), actor("a"), at(0ms))) == numbers{1});
  CHECK(all<durable_pump::pull>(pump.pull_ended(at(0ms))).empty());
  const auto done = pump.answered(seq(1), verdict::done, sick, at(0ms));
  REQUIRE(all<durable_pump::pull>(done).size() == 1);
  CHECK(all<durable_pump::pull>(done)[0].count == 4'096);
}

TEST_CASE("durable pump: what is delivered again while it is held is taken once") {
  auto pump = running();
  bool taken = false;
  (void)pump.delivered(seq(1), actor("a"), at(0ms), &taken);
  CHECK(taken);
  CHECK(asked(pump.delivered(seq(1), actor("a"), at(0ms), &taken)).empty());
  CHECK(!taken);
  CHECK(pump.held() == 1);
}

TEST_CASE("durable pump: whatever fails, each message ends once, and in the order of its actor") {
  auto dice = testing::seeded_random();
  const auto below = [&](std::uint64_t limit) {
    return testing::random_between(dice, 0, limit - 1);
  };
  durable_pump::options how;
  how.window = 3;
  how.held_max = 16;
  durable_pump pump{how};
  std::map<std::uint64_t, std::string> queue;
  for (std::uint64_t i = 1; i <= 300; ++i) queue[i] = "a" + std::to_string(below(7));
  std::uint64_t next = 1;
  time_point now = at(0ms);
  std::set<std::uint64_t> open, gone, parking;
  std::map<std::string, std::uint64_t> newest;
  std::size_t wanted = 0;
  std::optional<stream_sequence> mark;
  const auto take = [&](const durable_pump::effects& from) {
    for (const auto& one : from) {
      if (const auto* is = std::get_if<durable_pump::ask>(&one)) {
        REQUIRE(open.insert(is->which.value()).second);
        REQUIRE(open.size() <= how.window);
        auto& last = newest[queue.at(is->which.value())];
        REQUIRE(last <= is->which.value());
        last = is->which.value();
      }
      if (const auto* is = std::get_if<durable_pump::acknowledge>(&one))
        REQUIRE(gone.insert(is->which.value()).second);
      if (const auto* is = std::get_if<durable_pump::park>(&one)) parking.insert(is->which.value());
      if (const auto* is = std::get_if<durable_pump::pull>(&one)) wanted = is->count;
      if (const auto* is = std::get_if<durable_pump::reserve>(&one)) mark = is->mark;
    }
  };
  take(pump.start(seq(0), false, now));
  for (int step = 0; step < 200'000 && gone.size() < queue.size(); ++step) {
    now += 10ms;
    take(pump.tick(now));
    if (mark && below(2) == 0) take(pump.reserved(*std::exchange(mark, {}), now));
    if (wanted > 0 && next <= queue.size()) {
      const auto which = next++;
      --wanted;
      take(pump.delivered(seq(which), actor(queue[which]), now));
      if (wanted == 0) take(pump.pull_ended(now));
    }
    if (!parking.empty()) {
      const auto which = *parking.begin();
      parking.erase(which);
      take(pump.parked(seq(which), below(3) > 0, now));
    }
    if (open.empty()) continue;
    auto one = std::next(open.begin(), static_cast<std::ptrdiff_t>(below(open.size())));
    const auto which = *one;
    open.erase(one);
    const auto result = static_cast<verdict>(below(4));
    take(pump.answered(seq(which), result, sick, now));
  }
  CHECK(gone.size() == queue.size());
  CHECK(pump.held() == 0);
}

}  // namespace aether::cluster
