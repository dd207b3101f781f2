#include <aether/cluster/leader_election.hpp>
#include <aether/cluster/node.hpp>
#include <aether/runtime/codec.hpp>
#include "cluster/src/core/lease_machine.hpp"
#include "cluster/src/kv_bucket.hpp"
#include "support/await.hpp"
#include "support/nats_server.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aether::cluster {

namespace {

using namespace std::chrono_literals;
using testing_support::await;
using testing_support::await_limit;
using testing_support::nats_server;
using clock = std::chrono::steady_clock;

/// A leader that is held up for three seconds still leads.
constexpr std::chrono::milliseconds lease{6'000};
/// Where none is to end by itself.
constexpr std::chrono::milliseconds long_lease{40'000};
/// What a busy machine may add to any time.
constexpr std::chrono::milliseconds slack{6'000};

std::chrono::milliseconds since(clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

/// A candidate with a connection of its own, as in a process of its own.
struct process {
  process(const nats_server& server, const std::string& id, const std::string& election = "payer",
          std::uint32_t replicas = 1, std::chrono::milliseconds leads_for = lease)
      : connection{nats_connection::open({.url = server.url(), .client_name = id}).value()},
        candidate{leader_election::enter(connection,
                                         {.name = election,
                                          .candidate = id,
                                          .ns = "bank",
                                          .lease = leads_for,
                                          .replicas = replicas},
                                         {.on_elected = [this](std::uint64_t) { ++elected; },
                                          .on_deposed =
                                              [this](std::uint64_t, std::string_view) {
                                                deposed_at = clock::now();
                                                ++deposed;
                                              }})
                      .value()} {}

  std::atomic<int> elected{0};
  std::atomic<int> deposed{0};
  std::atomic<clock::time_point> deposed_at{};
  std::shared_ptr<nats_connection> connection;
  leader_election candidate;
};

/// Three candidates of one election, one of which leads.
struct trio {
  explicit trio(const nats_server& server, std::chrono::milliseconds leads_for = lease) {
    for (const auto* id : {"n1", "n2", "n3"})
      all.push_back(std::make_unique<process>(server, id, "payer", 1, leads_for));
    REQUIRE(await([&] { return leader() != nullptr; }));
  }
  [[nodiscard]] process* leader() const {
    const auto found =
        std::ranges::find_if(all, [](auto& one) { return one->candidate.leading(); });
    return found == all.end() ? nullptr : found->get();
  }
  [[nodiscard]] std::ptrdiff_t leaders() const {
    return std::ranges::count_if(all, [](auto& one) { return one->candidate.leading(); });
  }
  /// Whether `one` led all the while that another was seen to lead: to look takes time.
  [[nodiscard]] bool led_beside_another(const process& one) const {
    const auto term = one.candidate.term();
    if (!one.candidate.leading()) return false;
    const bool another = std::ranges::any_of(
        all, [&](auto& other) { return other.get() != &one && other->candidate.leading(); });
    return another && one.candidate.leading() && one.candidate.term() == term;
  }
  /// Waits for another one than `before`; never sees two.
  process* next_after(const process* before) const {
    bool two = false;
    process* now = nullptr;
    REQUIRE(await([&] {
      two = two || std::ranges::any_of(all, [&](auto& one) { return led_beside_another(*one); });
      now = leader();
      return now != nullptr && now != before;
    }));
    CHECK(!two);
    return now;
  }
  std::vector<std::unique_ptr<process>> all;
};

/// Waits until `one` leads no more. @returns how long after `start` it last said that it does.
std::chrono::milliseconds led_until(const process& one, clock::time_point start) {
  auto last = start;
  REQUIRE(await([&] {
    const auto now = clock::now();
    if (!one.candidate.leading()) return true;
    last = now;
    return false;
  }));
  return std::chrono::duration_cast<std::chrono::milliseconds>(last - start);
}

options node_options(const nats_server& server, const std::string& id) {
  options made;
  made.nats = server.url();
  made.ns = "bank";
  made.node = id;
  made.log_level = log::level::warn;
  return made;
}

/// Something outside the cluster that only the leader may write: it knows the greatest term.
struct guarded_file {
  bool write(std::uint64_t term, std::string text) {
    if (term < newest) return false;
    newest = term;
    content = std::move(text);
    return true;
  }
  std::uint64_t newest = 0;
  std::string content;
};

}  // namespace

TEST_CASE("election: exactly one of three leads, and all learn which") {
  const nats_server server;
  const auto start = clock::now();
  const trio candidates{server, long_lease};
  MESSAGE("from nothing to a leader: " << since(start).count() << " ms");
  const auto* leader = candidates.leader();
  for (const auto& one : candidates.all) {
    CHECK(await([&] { return one->candidate.leader() == leader->candidate.candidate(); }));
    CHECK(!one->candidate.problem());
  }
  CHECK(candidates.leaders() == 1);
}

TEST_CASE("election: a leader that vanishes is replaced within the lease, under a greater term") {
  const nats_server server;
  const trio candidates{server};
  auto* gone = candidates.leader();
  const auto term = gone->candidate.term();
  const auto start = clock::now();
  gone->connection->close();  // as a kill does it: without a word
  const auto* next = candidates.next_after(gone);
  MESSAGE("leader gone until the next: " << since(start).count() << " ms");
  CHECK(since(start) < lease * 7 / 5 + slack);
  CHECK(next->candidate.term() > term);
  CHECK(!gone->candidate.leading());
  CHECK(await([&] { return gone->deposed == 1; }));
  CHECK(gone->candidate.problem());
}

TEST_CASE("election: while the server hangs the leader steps down in time, and nobody leads") {
  nats_server server;
  const trio candidates{server};
  const auto* before = candidates.leader();
  const auto term = before->candidate.term();
  server.pause();
  const auto start = clock::now();
  const auto led = led_until(*before, start);
  MESSAGE("server stopped until its leader is none: " << led.count() << " ms");
  CHECK(led < lease);  // before another could have it
  REQUIRE(await([&] { return before->deposed == 1; }));
  CHECK(before->deposed_at.load() - start < lease + slack);
  CHECK(candidates.leaders() == 0);
  for (const auto& one : candidates.all)
    CHECK(await([&] { return one->candidate.problem() && !one->candidate.leader(); }));
  server.resume();
  const auto back = clock::now();
  const auto* next = candidates.next_after(nullptr);
  MESSAGE("server back until a leader: " << since(back).count() << " ms");
  CHECK(next->candidate.term() > term);
}

TEST_CASE("election: a server that is killed and restarted ends a leadership, and no election") {
  nats_server server;
  const trio candidates{server};
  const auto* before = candidates.leader();
  const auto term = before->candidate.term();
  server.kill();
  const auto start = clock::now();
  CHECK(led_until(*before, start) < lease);
  for (const auto& one : candidates.all)
    CHECK(await([&] { return one->candidate.problem().has_value(); }));
  server.restart();
  const auto back = clock::now();
  const auto* next = candidates.next_after(nullptr);
  MESSAGE("server back until a leader: " << since(back).count() << " ms");
  CHECK(next->candidate.term() > term);
}

TEST_CASE("election: who resigns hands over at once, and who leaves too") {
  const nats_server server;
  const trio candidates{server, long_lease};
  auto* first = candidates.leader();
  auto start = clock::now();
  first->candidate.resign();
  CHECK(!first->candidate.leading());
  auto* second = candidates.next_after(nullptr);
  MESSAGE("resigned until the next: " << since(start).count() << " ms");
  CHECK(since(start) < long_lease / 4);  // nobody waited for the next look
  CHECK(second != first);
  CHECK(second->candidate.term() > first->candidate.term());
  start = clock::now();
  second->candidate.leave();
  const auto* third = candidates.next_after(second);
  MESSAGE("left until the next: " << since(start).count() << " ms");
  CHECK(second->deposed == 1);
  CHECK(third->candidate.term() > second->candidate.term());
}

TEST_CASE("election: two of different names are independent") {
  const nats_server server;
  const process payer{server, "n1", "payer"};
  process mailer{server, "n2", "mailer"};
  CHECK(await([&] { return payer.candidate.leading() && mailer.candidate.leading(); }));
  mailer.candidate.resign();
  CHECK(payer.candidate.leading());
  CHECK(!mailer.candidate.leader());
}

TEST_CASE("election: a write of an old leader can be told from one of the new") {
  const nats_server server;
  const trio candidates{server};
  guarded_file file;
  const auto* old = candidates.leader();
  const auto old_term = old->candidate.term();
  REQUIRE(file.write(old_term, "first"));
  old->connection->close();
  const auto* next = candidates.next_after(old);
  CHECK(file.write(next->candidate.term(), "second"));
  CHECK(!file.write(old_term, "too late"));  // it was under way all the time
  CHECK(file.content == "second");
}

TEST_CASE("election: a candidate may come before its server") {
  nats_server server;
  const auto connection = nats_connection::open({.url = server.url()}).value();
  server.kill();
  REQUIRE(await([&] { return !connection->connected(); }));
  const auto candidate = leader_election::enter(
      connection, {.name = "payer", .candidate = "n1", .ns = "bank", .lease = lease});
  REQUIRE(candidate);
  REQUIRE(await([&] { return candidate->problem().has_value(); }));
  CHECK(candidate->problem()->code() == errc::unavailable);
  CHECK(!candidate->leading());
  server.restart();
  CHECK(await([&] { return candidate->leading(); }));
  CHECK(!candidate->problem());
}

TEST_CASE("election: a bucket that the server does not make is a problem, and nobody leads") {
  const nats_server server;  // alone, it keeps no three copies
  const process one{server, "n1", "payer", 3};
  REQUIRE(await([&] { return one.candidate.problem().has_value(); }));
  const auto why = one.candidate.problem()->code();
  CHECK((why == errc::store_failed || why == errc::unsupported_server));
  CHECK(!one.candidate.leading());
}

TEST_CASE("election: the key is that of the format, in the namespace's bucket") {
  const nats_server server;
  process one{server, "n1"};
  REQUIRE(await([&] { return one.candidate.leading(); }));
  const subjects names{namespace_name::parse("aether").value(),
                       namespace_name::parse("bank").value()};
  kv_bucket bucket{one.connection, names, await_limit};
  const auto entry = bucket.read_wait("election.payer");
  REQUIRE(entry);
  CHECK(entry->revision >= one.candidate.term());
  const auto record = decode<lease_record>(entry->value);
  REQUIRE(record);
  CHECK(record->holder == "n1");
  one.candidate.leave();
  const auto after = bucket.read_wait("election.payer");
  REQUIRE(after);
  CHECK(decode<lease_record>(after->value)->holder.empty());
}

TEST_CASE("election: nodes compete under their own ids, and one that leaves lets go first") {
  const nats_server server;
  node first{node_options(server, "n1")};
  node second{node_options(server, "n2")};
  CHECK(first.election("payer").error().code() == errc::not_running);
  REQUIRE(first.join());
  REQUIRE(second.join());
  const auto one = first.election("payer");
  REQUIRE(one);
  REQUIRE(await([&] { return one->leading(); }));
  const process outside{server, "guest"};  // no node, but of the same election
  const auto other = second.election("payer");
  REQUIRE(other);
  REQUIRE(await([&] { return other->leader() == "n1"; }));
  REQUIRE(await([&] { return outside.candidate.leader() == "n1"; }));
  const auto start = clock::now();
  first.leave();
  CHECK(!one->leading());
  REQUIRE(await([&] { return other->leading() || outside.candidate.leading(); }));
  MESSAGE("node leaves until the next leader: " << since(start).count() << " ms");
  CHECK(first.election("payer").error().code() == errc::not_running);
  CHECK(second.election("a.b").error().code() == errc::invalid_argument);
}

}  // namespace aether::cluster
