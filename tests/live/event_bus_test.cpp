#include <aether/persistence/jetstream_bus.hpp>
#include "support/commits.hpp"
#include "support/nats_server.hpp"
#include "support/nats_talk.hpp"
#include "support/store_calls.hpp"
#include "support/stream_tool.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;
using testing_support::nats_server;

namespace_name ns(std::string_view name) { return namespace_name::parse(name).value(); }

const jetstream_layout layout{.shards = 8, .streams = 2};
const subjects names{ns("aether"), ns("bus")};

/// A bus and a store on connections of their own, so that the bus can lose its alone.
struct bench {
  explicit bench(const nats_server& server)
      : connection{testing_support::connect(server)}, writing{testing_support::connect(server)} {
    const auto created = create_streams(*writing, names, layout);
    REQUIRE_MESSAGE(created.has_value(), created.error().message());
    log = std::make_shared<jetstream_event_store>(writing, names, layout);
    bus = std::make_unique<jetstream_event_bus>(connection, names, layout, log);
  }
  ~bench() {
    bus.reset();
    connection->close();
    writing->close();
  }

  std::shared_ptr<nats_connection> connection, writing;
  std::shared_ptr<event_store> log;
  std::unique_ptr<jetstream_event_bus> bus;
};

/// Notes each position of which it is told, and how.
class told {
 public:
  event_handlers handlers() {
    return {.event =
                [this](const bus_event& one) {
                  const std::lock_guard lock{mutex_};
                  if (one.recorded.id.index == 0)
                    ++seen_[one.place.stream->name][one.place.sequence.value()];
                },
            .gap =
                [this](const event_gap& gap) {
                  const std::lock_guard lock{mutex_};
                  gaps_.push_back(gap);
                  for (auto at = gap.first.value(); at <= gap.last.value(); ++at)
                    ++missed_[gap.stream->name][at];
                }};
  }
  [[nodiscard]] bool has(const std::string& stream, std::uint64_t at) const {
    const std::lock_guard lock{mutex_};
    return count(seen_, stream, at) + count(missed_, stream, at) > 0;
  }
  [[nodiscard]] bool seen(const std::string& stream, std::uint64_t at) const {
    const std::lock_guard lock{mutex_};
    return count(seen_, stream, at) == 1 && count(missed_, stream, at) == 0;
  }
  /// Exactly one of seen and missed, once.
  [[nodiscard]] bool once(const std::string& stream, std::uint64_t at) const {
    const std::lock_guard lock{mutex_};
    return count(seen_, stream, at) + count(missed_, stream, at) == 1;
  }
  [[nodiscard]] std::vector<event_gap> gaps() const {
    const std::lock_guard lock{mutex_};
    return gaps_;
  }

 private:
  using positions = std::map<std::string, std::map<std::uint64_t, int>>;
  static int count(const positions& in, const std::string& stream, std::uint64_t at) {
    const auto found = in.find(stream);
    if (found == in.end()) return 0;
    const auto times = found->second.find(at);
    return times == found->second.end() ? 0 : times->second;
  }
  mutable std::mutex mutex_;
  positions seen_, missed_;
  std::vector<event_gap> gaps_;
};

std::string stream_of_actor(const actor_address& who) {
  return names.event_stream(stream_of(shard_of(who, layout.shards), layout.shards, layout.streams));
}

/// One commit more of `who`; asked again where the server is away.
log_position write(event_store& log, const actor_address& who, const log_position& end) {
  const commit next = testing::commit_after(end);
  for (;;) {
    auto stored = testing::append(log, who, end, next);
    if (stored) return *stored;
    REQUIRE_MESSAGE(stored.error().code() == errc::unavailable, stored.error().message());
  }
}

}  // namespace

TEST_CASE("event bus: what is stored while a server restarts is seen or reported, once") {
  nats_server server;
  bench with{server};
  told all, one, repaired;
  const auto who = testing::address("t", "restarted");
  auto wide = with.bus->subscribe({}, {}, all.handlers());
  auto narrow = with.bus->subscribe({.type = who.type, .id = who.id}, {}, one.handlers());
  auto catches = with.bus->subscribe({}, {.on_gap = subscription_options::gaps::catch_up},
                                     repaired.handlers());
  REQUIRE(wide);
  REQUIRE(narrow);
  REQUIRE(catches);
  const auto stream = stream_of_actor(who);
  log_position end;
  std::vector<std::uint64_t> stored;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      end = write(*with.log, who, end);
      stored.push_back(end.sequence.value());
    }
    server.kill();
    server.restart();
  }
  REQUIRE(await([&] { return with.connection->connected() && with.writing->connected(); }));
  // The store's connection may be back before the bus's: then these reach nobody.
  for (int i = 0; i < 20; ++i) {
    end = write(*with.log, who, end);
    stored.push_back(end.sequence.value());
  }
  for (const auto at : stored) {
    CAPTURE(at);
    CHECK(await([&] { return all.has(stream, at) && one.has(stream, at); }));
    CHECK(await([&] { return repaired.seen(stream, at); }));
  }
  for (const auto at : stored) {
    CHECK(all.once(stream, at));
    CHECK(one.once(stream, at));
  }
}

TEST_CASE("event bus: what no later message shows to be lost is found all the same") {
  nats_server server;
  bench with{server};
  const auto who = testing::address("t", "lost");
  const auto stream = stream_of_actor(who);
  // A stream that republishes nothing: as if the network lost it all.
  auto config = testing_support::stream_request(*with.writing, "INFO." + stream, nullptr);
  REQUIRE(config.has_value());
  auto silent = (*config)["config"];
  silent.erase("republish");
  REQUIRE(testing_support::stream_request(*with.writing, "DELETE." + stream, nullptr));
  const auto made = testing_support::stream_request(*with.writing, "CREATE." + stream, silent);
  REQUIRE_MESSAGE(!made->contains("error"), made->dump());
  auto end = write(*with.log, who, {});  // before the subscriptions: not theirs to miss
  told all, one, repaired;
  auto wide = with.bus->subscribe({}, {}, all.handlers());
  auto narrow = with.bus->subscribe({.type = who.type, .id = who.id}, {}, one.handlers());
  auto catches = with.bus->subscribe({}, {.on_gap = subscription_options::gaps::catch_up},
                                     repaired.handlers());
  REQUIRE(wide);
  REQUIRE(narrow);
  REQUIRE(catches);
  for (int i = 0; i < 3; ++i) end = write(*with.log, who, end);
  for (const std::uint64_t at : {2U, 3U, 4U}) {
    CHECK(await([&] { return all.has(stream, at) && one.has(stream, at); }));
    CHECK(await([&] { return repaired.seen(stream, at); }));
    CHECK(all.once(stream, at));
    CHECK(one.once(stream, at));
  }
  for (const auto* each : {&all, &one, &repaired}) CHECK_FALSE(each->has(stream, 1));
  REQUIRE_FALSE(all.gaps().empty());
  CHECK(all.gaps()[0].reason == gap_reason::lost);
  CHECK(repaired.gaps().empty());
  CHECK(one.gaps()[0].only == who);
}

TEST_CASE("event bus: a stream that was created anew is reported as another one") {
  nats_server server;
  bench with{server};
  const auto who = testing::address("t", "anew");
  told all;
  auto wide = with.bus->subscribe({}, {}, all.handlers());
  REQUIRE(wide);
  (void)write(*with.log, who, {});
  const auto stream = stream_of_actor(who);
  REQUIRE(await([&] { return all.seen(stream, 1); }));
  REQUIRE(testing_support::stream_request(*with.writing, "DELETE." + stream, nullptr));
  REQUIRE(create_streams(*with.writing, names, layout).has_value());
  REQUIRE(await([&] {
    const auto gaps = all.gaps();
    return !gaps.empty() && gaps[0].reason == gap_reason::another_stream;
  }));
  CHECK(all.gaps()[0].stream->name == stream);
}

TEST_CASE("event bus: what is published to the bus by hand is not seen") {
  nats_server server;
  bench with{server};
  const auto who = testing::address("t", "forged");
  told all;
  auto wide = with.bus->subscribe({}, {}, all.handlers());
  REQUIRE(wide);
  testing_support::say(with.writing, names.stored_events(shard_of(who, layout.shards), who),
                       "not stored");
  const auto end = write(*with.log, who, {});
  CHECK(await([&] { return all.seen(stream_of_actor(who), end.sequence.value()); }));
  CHECK(wide->stats().seen == 1);
  CHECK(wide->stats().unreadable == 0);
}

TEST_CASE("event bus: a stored message that is no commit is shown as unreadable, with its place") {
  nats_server server;
  bench with{server};
  const auto who = testing::address("t", "damaged");
  std::mutex mutex;
  std::vector<std::uint64_t> unreadable;
  told all;
  auto handlers = all.handlers();
  handlers.unreadable = [&](const event_place& place, const error& why) {
    const std::lock_guard lock{mutex};
    CHECK(why.code() == errc::corrupt_history);
    CHECK(place.address == who);
    unreadable.push_back(place.sequence.value());
  };
  auto wide = with.bus->subscribe({.type = who.type}, {}, std::move(handlers));
  REQUIRE(wide);
  const auto at = testing_support::store_by_hand(
      *with.writing, names.commits(shard_of(who, layout.shards), who), as_bytes_view("damage"));
  CHECK(await([&] {
    const std::lock_guard lock{mutex};
    return unreadable == std::vector{at};
  }));
}
