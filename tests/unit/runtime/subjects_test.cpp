#include <aether/runtime/subjects.hpp>
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace aether;

namespace {

const subjects names{namespace_name::parse("aether").value(),
                     namespace_name::parse("bank").value()};

actor_address address(std::string_view type, std::string_view id) {
  return {actor_type::parse(type).value(), actor_id::parse(id).value()};
}

bool is_one_token(std::string_view token) {
  if (token.empty() || token.size() > 765) return false;
  for (const char c : token)
    if (c <= ' ' || c >= '\x7f' || c == '.' || c == '*' || c == '>') return false;
  return true;
}

}  // namespace

TEST_CASE("an escaped id is one subject token, reversible, and no two ids share one") {
  auto random = testing::seeded_random();
  std::map<std::string, std::string> seen;
  for (int i = 0; i < 2'000; ++i) {
    const std::string id =
        i % 2 == 0 ? testing::random_id(random) : testing::random_bytes(random, 1 + i % 3);
    const std::string token = escape_token(id);
    CHECK(is_one_token(token));
    CHECK(unescape_token(token).value() == id);
    CHECK(seen.emplace(token, id).first->second == id);
  }
}

TEST_CASE("every byte escapes to itself or to an equals sign and two digits") {
  std::set<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string id(1, static_cast<char>(byte));
    const std::string token = escape_token(id);
    CHECK((token == id || (token.size() == 3 && token[0] == '=')));
    CHECK(is_one_token(token));
    tokens.insert(token);
  }
  CHECK(tokens.size() == 256);
  CHECK(escape_token("a.b") == "a=2Eb");
  CHECK(escape_token("=") == "=3D");
  CHECK(escape_token("\xC3\xA4") == "=C3=A4");
  CHECK(escape_token(std::string(255, '.')).size() == 765);
}

TEST_CASE("what escaping never writes is refused") {
  for (const char* bad :
       {"=", "=2", "a=", "=2e", "=GG", "=41", "=5F", "a.b", "*", ">", " ", "=-1"}) {
    const auto read = unescape_token(bad);
    REQUIRE(!read);
    CHECK(read.error().code() == errc::decode_failed);
  }
}

TEST_CASE("no id, type or namespace reaches the subject of another") {
  auto random = testing::seeded_random();
  std::map<std::string, actor_address> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto one = address(i % 2 == 0 ? "account" : "acc", testing::random_id(random));
    const std::string subject = names.commits(shard_of(one, 256), one);
    CHECK(std::ranges::count(subject, '.') == 5);
    CHECK(subject.find_first_of("*> \t\r\n") == std::string::npos);
    CHECK(seen.emplace(subject, one).first->second == one);
    const auto read = names.parse_commits(subject);
    REQUIRE(read.has_value());
    CHECK(read->shard == shard_of(one, 256));
    CHECK(read->address == one);
  }
}

TEST_CASE("the subject grammar is the documented one") {
  const auto alice = address("account", "alice.1");
  const auto n1 = node_id::parse("n1").value();
  CHECK(names.commits(shard_id{7}, alice) == "aether.bank.evt.7.account.alice=2E1");
  CHECK(names.shard_commits(shard_id{7}) == "aether.bank.evt.7.>");
  CHECK(names.all_commits() == "aether.bank.evt.>");
  CHECK(names.all_stored_events() == "aether.bank.bus.>");
  CHECK(names.snapshot(shard_id{65'535}, alice) == "aether.bank.snap.65535.account.alice=2E1");
  CHECK(names.all_snapshots() == "aether.bank.snap.>");
  CHECK(names.commands(shard_id{0}, alice.type) == "aether.bank.cmd.0.account");
  CHECK(names.heartbeat(n1) == "aether.bank.hb.n1");
  CHECK(names.all_heartbeats() == "aether.bank.hb.*");
  CHECK(names.node(n1) == "aether.bank.node.n1");
  CHECK(names.hand_over(n1, "01932f3a5b7c7d3e8f90a1b2c3d4e5f6") ==
        "aether.bank.hand.n1.01932f3a5b7c7d3e8f90a1b2c3d4e5f6");
  CHECK(names.election("payer") == "aether.bank.election.payer");
  CHECK(names.event_stream(3) == "aether_bank_EVT_3");
  CHECK(names.snapshot_stream() == "aether_bank_SNAP");
  CHECK(names.bucket() == "aether_bank");
  CHECK(names.bucket_stream() == "KV_aether_bank");
  CHECK(names.bucket_key("lease") == "$KV.aether_bank.lease");
}

TEST_CASE("only a commit subject of this namespace, spelled as we spell it, is read") {
  REQUIRE(names.parse_commits("aether.bank.evt.7.account.alice"));
  for (const char* other : {"",
                            "aether",
                            "aether.bank.evt",
                            "aether.bank.evt.7",
                            "aether.bank.evt.7.account",
                            "aether.bank.evt.7.account.",
                            "aether.bank.evt..account.alice",
                            "aether.bank.evt.07.account.alice",
                            "aether.bank.evt.+7.account.alice",
                            "aether.bank.evt.-1.account.alice",
                            "aether.bank.evt.7x.account.alice",
                            "aether.bank.evt.4294967296.account.alice",
                            "aether.bank.evt.7..alice",
                            "aether.bank.evt.7.acc=20.alice",
                            "aether.bank.evt.7.account.alice.more",
                            "aether.bank.evt.7.account.=FF",
                            "aether.bank.evt.7.account.*",
                            "aether.bank.evt.>",
                            "aether.bank.bus.7.account.alice",
                            "aether.bank2.evt.7.account.alice",
                            "other.bank.evt.7.account.alice"}) {
    CAPTURE(other);
    const auto read = names.parse_commits(other);
    REQUIRE(!read);
    CHECK(read.error().code() == errc::decode_failed);
  }
}

TEST_CASE("streams hold consecutive ranges of shards whose sizes differ by one at most") {
  struct row {
    std::uint32_t shards;
    std::uint32_t streams;
  };
  for (const auto [shards, streams] :
       {row{256, 8}, row{1, 1}, row{7, 7}, row{10, 3}, row{65'536, 64}, row{65'535, 64}}) {
    std::vector<std::uint32_t> sizes(streams);
    std::uint32_t last = 0;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const auto stream = stream_of(shard_id{shard}, shards, streams);
      REQUIRE(stream < streams);
      CHECK((stream == last || stream == last + 1));
      last = stream;
      ++sizes[stream];
    }
    const auto [least, most] = std::ranges::minmax(sizes);
    CHECK(least >= shards / streams);
    CHECK(most <= (shards + streams - 1) / streams);
    std::uint32_t begin = 0;
    for (std::uint32_t k = 0; k < streams; begin += sizes[k++])
      CHECK(shards_of_stream(k, shards, streams) == shard_range{shard_id{begin}, sizes[k]});
  }
  CHECK(stream_of(shard_id{31}, 256, 8) == 0);
  CHECK(stream_of(shard_id{32}, 256, 8) == 1);
  CHECK(stream_of(shard_id{255}, 256, 8) == 7);
}
