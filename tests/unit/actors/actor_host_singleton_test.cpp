// Actors of which there is one, in memory wherever its slot is served.

#include "support/bank_node.hpp"

#include <doctest/doctest.h>

#include <atomic>

using namespace aether;
using namespace std::chrono_literals;
using aether::testing::bank_node;
using aether::testing::long_enough;
using aether::testing_support::await;

namespace {

struct ticks {
  std::int64_t count = 0;
  AETHER_MESSAGE("ward.ticks", count)
};
struct tick {
  bool last = false;
  using reply = ticks;
  AETHER_MESSAGE("ward.tick", last)
};
struct ticked {
  AETHER_MESSAGE("ward.ticked")
};

class warden : public event_sourced_actor<warden> {
 public:
  static constexpr std::string_view type_name = "warden";
  static constexpr bool singleton = true;
  using state = ticks;
  using commands = messages<tick>;
  using events = messages<ticked>;

  warden() { ++made; }
  static effect<ticks> on(const tick& command, const ticks&) {
    auto kept = persist(ticked{}).reply([](const ticks& now) { return now; });
    return command.last ? std::move(kept).stop() : std::move(kept);
  }
  static void apply(ticks& now, const ticked&) { ++now.count; }

  static inline std::atomic<int> made{0};
};

const actor_address address{*actor_type::parse(warden::type_name), *actor_id::parse(singleton_id)};
const shard_id shard = shard_of(address, 8);

std::unique_ptr<actor_host> start(bank_node& node, host_options options = {}) {
  options.shards = 8;
  auto made = node.start(std::move(options));
  made->host<warden>();
  return made;
}

bool is_here(actor_host& host) {
  return await([&] { return host.stats().resident == 1; });
}

}  // namespace

TEST_CASE("singleton: it comes to life when its slot is accepted, and not before") {
  bank_node node;
  SUBCASE("by a cluster") {
    const auto host = start(node, {.accepts_all = false});
    for (std::uint64_t other = 0; other < 8; ++other)
      if (shard_id{other} != shard) host->accept(address.type, shard_id{other});
    CHECK(host->stats().activations == 0);
    host->accept(address.type, shard);
    host->accept(address.type, shard);
    CHECK(is_here(*host));
    CHECK(host->stats().activations == 1);
  }
  SUBCASE("from the start") { CHECK(is_here(*start(node))); }
}

TEST_CASE("singleton: it stays in memory, idle or in the way, as long as its slot is served") {
  bank_node node;
  const auto host = start(node, {.resident_max = 1, .passivate_after = 1ms});
  REQUIRE(is_here(*host));
  // Others come and go meanwhile.
  for (int i = 0; i < 20; ++i) REQUIRE(aether::testing::balance_of(*host, std::to_string(i)) == 0);
  REQUIRE(await([&] { return host->stats().passivations >= 20; }));
  CHECK(is_here(*host));
  CHECK(host->actor<warden>(singleton_id).ask(tick{}, long_enough).get()->count == 1);
  host->release(address.type, shard);
  CHECK(await([&] { return host->stats().resident == 0; }));
  host->accept(address.type, shard);
  CHECK(is_here(*host));
}

TEST_CASE("singleton: one that stops itself comes back at once") {
  bank_node node;
  const auto host = start(node);
  CHECK(host->actor<warden>(singleton_id).ask(tick{.last = true}, long_enough).get()->count == 1);
  CHECK(await([&] { return host->stats().activations == 2; }));
  CHECK(is_here(*host));
  CHECK(host->actor<warden>(singleton_id).ask(tick{}, long_enough).get()->count == 2);
}

TEST_CASE("singleton: one that cannot be read back tries until it is there") {
  bank_node node;
  node.events->fail_reads(errc::unavailable, 2);
  const int before = warden::made;
  const auto host = start(node);
  CHECK(await([&] { return node.events->calls().latest >= 3; }));
  CHECK(host->stats().activations == 1);
  CHECK(host->stats().resident == 1);
  CHECK(host->actor<warden>(singleton_id).ask(tick{}, long_enough).get()->count == 1);
  CHECK(warden::made > before);
}

TEST_CASE("singleton: released and accepted again at once, there is one") {
  bank_node node;
  const auto host = start(node);
  for (int i = 0; i < 100; ++i) {
    host->release(address.type, shard);
    host->accept(address.type, shard);
  }
  const auto answer = host->actor<warden>(singleton_id).ask(tick{}, long_enough).get();
  CHECK((answer || answer.error().code() == errc::not_owner));
  CHECK(is_here(*host));
}

TEST_CASE("singleton: drained, it goes and stays away") {
  bank_node node;
  const auto host = start(node);
  REQUIRE(is_here(*host));
  std::atomic<int> clean{-1};
  host->drain({{address.type, shard}}, std::chrono::steady_clock::now() + long_enough,
              [&](bool was_clean) { clean = was_clean ? 1 : 0; });
  CHECK(await([&] { return clean == 1; }));
  CHECK(host->stats().resident == 0);
}

TEST_CASE("singleton: its type has no other id") {
  bank_node node;
  const auto host = start(node);
  CHECK(host->actor<warden>("another").tell(tick{}).error().code() == errc::invalid_argument);
}
