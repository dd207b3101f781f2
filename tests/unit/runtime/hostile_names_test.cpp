// Names that mean harm: whatever a namespace, a type or an id holds, it reaches its own subjects
// alone, or is refused.

#include <aether/runtime/log.hpp>
#include <aether/runtime/subjects.hpp>
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <vector>

using namespace aether;
using namespace std::literals;

namespace {

constexpr std::uint32_t shards = 256;
constexpr std::uint32_t streams = 8;

/// What each of has broken something somewhere.
const std::vector<std::string>& hostile() {
  static const std::vector<std::string> all{
      ".",
      "..",
      "a.b",
      ".a",
      "a.",
      "*",
      ">",
      "a.*",
      "a.>",
      "aether",
      "$JS",
      "$JS.API.>",
      "$KV",
      "$KV.aether_a.table",
      "KV_aether_a",
      "_INBOX.x",
      " ",
      "a b",
      "\t",
      "\r\n",
      "a\r\nPUB x 0\r\n",
      "\0"s,
      "a\0b"s,
      "\x7f",
      "\x1b[31m",
      "\u0085",
      "\u2028",
      "\u202e",
      "\u200b",
      "=2E",
      "=",
      "a=2Eb",
      "%2E",
      "a/b",
      "../../etc/passwd",
      "evt",
      "bus",
      "a_EVT_0",
      "a_SNAP",
      "\u0430",  // Cyrillic a
      "\uff41",
      "A",
      "a\u0301",
      "\u00e1",
      "\u212a",
      "K",
      std::string(255, '.'),
      std::string(255, '*'),
      std::string(255, '\0'),
      std::string(85 * 3, '\0').replace(0, std::string::npos, [] {
        std::string wide;
        for (int i = 0; i < 85; ++i) wide += "\u65e5";
        return wide;
      }())};
  return all;
}

std::vector<std::string> many_names(std::mt19937_64& random) {
  std::vector<std::string> all = hostile();
  for (int i = 0; i < 500; ++i) all.push_back(testing::random_id(random));
  for (int i = 0; i < 500; ++i)
    all.push_back(testing::random_bytes(random, testing::random_between(random, 1, 12)));
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
  return all;
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

subjects names_of(std::string_view ns) {
  return {namespace_name::parse("aether").value(), namespace_name::parse(ns).value()};
}

/// `[^ .*>\x00-\x20\x7f-\xff]+`, `count` times.
bool has_tokens(std::string_view subject, std::size_t count) {
  std::size_t found = 1;
  bool empty = true;
  for (const char c : subject) {
    if (c == '.') {
      if (empty) return false;
      ++found;
    } else if (c <= ' ' || c > '~' || c == '*' || c == '>') {
      return false;
    }
    empty = c == '.';
  }
  return !empty && found == count;
}

/// Every subject, and prefix of subjects, that a node of this namespace uses.
std::set<std::string> all_names(const subjects& of) {
  const actor_address to{actor_type::parse("account").value(), actor_id::parse("alice").value()};
  const auto node = node_id::parse("n1").value();
  std::set<std::string> all{of.commits(shard_id{3}, to),
                            of.all_commits(),
                            of.all_stored_events(),
                            of.snapshot(shard_id{3}, to),
                            of.all_snapshots(),
                            of.commands(shard_id{3}, to.type),
                            of.heartbeat(node),
                            of.all_heartbeats(),
                            of.node(node),
                            of.inboxes(),
                            of.hand_over(node, "ab"),
                            of.process("ab"),
                            of.election("boss"),
                            of.snapshot_stream(),
                            "bucket " + of.bucket(),
                            of.bucket_stream(),
                            of.bucket_key("table")};
  for (std::uint32_t k = 0; k < streams; ++k) all.insert(of.event_stream(k));
  return all;
}

}  // namespace

TEST_CASE("hostile names: a namespace, type or node is plain, or refused in printable words") {
  auto random = testing::seeded_random();
  for (const std::string& name : many_names(random)) {
    const auto check = [&](const auto& parsed) {
      CHECK(parsed.has_value() == is_plain(name));
      if (parsed) return;
      CHECK(parsed.error().code() == errc::invalid_argument);
      CHECK(is_printable(parsed.error().text()));
    };
    check(namespace_name::parse(name));
    check(actor_type::parse(name));
    check(node_id::parse(name));
  }
}

TEST_CASE("hostile names: an id is refused, or makes one subject of six tokens that reads back") {
  auto random = testing::seeded_random();
  const subjects names = names_of("a");
  const auto type = actor_type::parse("account").value();
  std::set<std::string> subjects_seen;
  std::size_t taken = 0;
  for (const std::string& name : many_names(random)) {
    const auto id = actor_id::parse(name);
    if (!id) {
      CHECK(id.error().code() == errc::invalid_argument);
      CHECK(is_printable(id.error().text()));
      continue;
    }
    ++taken;
    const actor_address to{type, *id};
    const shard_id shard = shard_of(to, shards);
    for (const std::string& subject : {names.commits(shard, to), names.snapshot(shard, to)}) {
      CHECK(has_tokens(subject, 6));
      CHECK(subject.size() <= 765 + 160);
      CHECK(subjects_seen.insert(subject).second);
    }
    CHECK(names.parse_commits(names.commits(shard, to)).value().address == to);
    CHECK(names.parse_snapshot(names.snapshot(shard, to)).value().address == to);
    CHECK_FALSE(names_of("b").parse_commits(names.commits(shard, to)).has_value());
  }
  CHECK(taken >= 500);
}

TEST_CASE("hostile names: no two namespaces share a subject, a stream or a bucket") {
  auto random = testing::seeded_random();
  std::vector<std::string> namespaces{
      "a",  "A",           "a-b",           "a_b",     "a_",     "_a", "aether",
      "KV", "evt",         "a_EVT",         "a_EVT_0", "a_SNAP", "b",  "aa",
      "-",  "KV_aether_a", "a_EVT_0_EVT_0", "EVT_0",   "0"};
  constexpr std::string_view letters = "aA_-0";
  for (int i = 0; i < 200; ++i) {
    std::string made;
    for (auto left = testing::random_between(random, 1, 8); left > 0; --left)
      made += letters[testing::random_between(random, 0, letters.size() - 1)];
    if (std::ranges::find(namespaces, made) == namespaces.end()) namespaces.push_back(made);
  }
  std::set<std::string> seen;
  for (const std::string& ns : namespaces)
    for (const std::string& name : all_names(names_of(ns)))
      CHECK_MESSAGE(seen.insert(name).second, name);
}

TEST_CASE("hostile names: an address stays one line without controls in a log") {
  std::mutex mutex;
  std::vector<std::string> lines;
  log::set_sink([&](std::string_view line) {
    const std::lock_guard guard{mutex};
    lines.emplace_back(line);
  });
  auto random = testing::seeded_random();
  for (const auto format : {log::format::text, log::format::json}) {
    log::configure({log::level::info, format});
    for (const std::string& name : many_names(random)) {
      const auto id = actor_id::parse(name);
      if (!id) continue;
      const actor_address to{actor_type::parse("account").value(), *id};
      log::info("test", "hostile", {{"actor", to_string(to)}});
    }
  }
  log::set_sink({});
  log::configure({});
  CHECK(lines.size() >= 1'000);
  for (const std::string& line : lines) {
    CHECK(std::ranges::none_of(line, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte < ' ' || byte == 0x7f;
    }));
    CHECK(line.find("\xC2\x85") == std::string::npos);
    CHECK(line.find("\xE2\x80\xA8") == std::string::npos);
  }
}
