#include "kit.hpp"

#include <algorithm>
#include <future>

namespace aether::conformance {

namespace {

using shard_snapshots = std::vector<snapshot_store::placed>;

snapshot snapshot_at(std::uint64_t version) {
  return {{event_version{version}, stream_sequence{version * 10}},
          "conformance.state",
          2,
          encode(counted{version, {}}),
          encode(counted{version + 1, {}})};
}

result<void> save(snapshot_store& store, const actor_address& of, snapshot taken) {
  const answer<void> saved{"save of a snapshot of " + to_string(of)};
  store.save(of, std::move(taken), saved.handler());
  return saved.get();
}

result<std::optional<snapshot>> load(snapshot_store& store, const actor_address& of,
                                     event_version at_most = any_version) {
  const answer<std::optional<snapshot>> found{"load of a snapshot of " + to_string(of)};
  store.load(of, at_most, found.handler());
  return found.get();
}

result<shard_snapshots> load_shards(snapshot_store& store, shard_range which) {
  const answer<shard_snapshots> found{"load_shards, " + to_string(which)};
  store.load_shards(which, found.handler());
  return found.get();
}

std::string text_of(const std::optional<snapshot>& one) {
  return one ? "one of version " + std::to_string(one->position.version.value()) : "none";
}

void must_load(snapshot_store& store, const actor_address& of,
               const std::optional<snapshot>& expected, const std::string& what) {
  const auto found = must(load(store, of), "load");
  if (found == expected) return;
  const bool content = text_of(found) == text_of(expected);
  fail_case("load " + what + ": expected " + text_of(expected) + ", found " + text_of(found) +
            (content ? " with another content" : ""));
}

void none(snapshot_store& store) {
  must_load(store, fresh_actor(), std::nullopt, "where nothing was saved");
}

void round_trip(snapshot_store& store) {
  const auto actor = fresh_actor();
  std::vector<snapshot> rich(5, snapshot_at(10));
  rich[1].schema = ~std::uint32_t{0};
  rich[1].position = {event_version{~std::uint64_t{0} - 1}, stream_sequence{1}};
  rich[2].state.clear();
  rich[2].window.clear();
  rich[3].state = {std::byte{0xc1}, std::byte{0}};
  rich[3].window = {std::byte{0xc0}};
  rich[4].state_type = std::string(128, 's');
  for (const auto& one : rich) {
    const auto whose = fresh_actor();
    must(save(store, whose, one), "save");
    must_load(store, whose, one, "after a save");
  }
}

void newest_wins(snapshot_store& store) {
  const auto actor = fresh_actor();
  for (std::uint64_t version = 1; version <= 80; version += 3) {
    must(save(store, actor, snapshot_at(version)), "save");
    must_load(store, actor, snapshot_at(version), "after a newer save");
  }
}

void same_version_again(snapshot_store& store) {
  const auto actor = fresh_actor();
  for (int i = 0; i < 3; ++i) must(save(store, actor, snapshot_at(10)), "save");
  must_load(store, actor, snapshot_at(10), "after the same save, three times");
}

void bounded(snapshot_store& store) {
  const auto actor = fresh_actor();
  must(save(store, actor, snapshot_at(10)), "save");
  const auto below = must(load(store, actor, event_version{9}), "load at most 9");
  require(!below,
          "load at most 9 of a snapshot of version 10: expected none, found " + text_of(below));
  const auto exact = must(load(store, actor, event_version{10}), "load at most 10");
  require(exact == snapshot_at(10),
          "load at most 10 of a snapshot of version 10: expected it, found " + text_of(exact));
  must(save(store, actor, snapshot_at(20)), "save");
  const auto between = must(load(store, actor, event_version{19}), "load at most 19");
  require(
      !between || between == snapshot_at(10),
      "load at most 19 of snapshots of versions 10 and 20: expected that of 10 or none, found " +
          text_of(between));
  const auto later = must(load(store, actor, event_version{1'000}), "load at most 1000");
  require(later == snapshot_at(20),
          "load at most 1000 of snapshots of versions 10 and 20: expected that of 20, found " +
              text_of(later));
}

void apart(snapshot_store& store) {
  const std::string type = fresh_name();
  const std::vector<std::string> ids{"a",
                                     "a.b",
                                     "*",
                                     ">",
                                     "a b",
                                     "=2E",
                                     "a\nb",
                                     "aa",
                                     "\u00e4",
                                     std::string(255, '.'),
                                     std::string{"a\0", 2}};
  std::vector<actor_address> all;
  for (const auto& id : ids)
    for (const auto& of : {type, type + "-"}) all.push_back(address_of(of, id));
  for (std::size_t i = 0; i < all.size(); ++i)
    must(save(store, all[i], snapshot_at(i + 1)), "save");
  for (std::size_t i = 0; i < all.size(); ++i)
    must_load(store, all[i], snapshot_at(i + 1), "of " + to_string(all[i]));
  must_load(store, address_of(type, "b"), std::nullopt, "of an actor that has none");
}

void refused(snapshot_store& store) {
  const auto actor = fresh_actor();
  const auto check = [&](errc code, const std::string& what, auto spoil) {
    snapshot wrong = snapshot_at(20);
    spoil(wrong);
    must_fail(save(store, actor, std::move(wrong)), code, "save of a snapshot " + what);
  };
  const auto check_all = [&] {
    check(errc::commit_too_large, "with a state of 1,000,001 bytes",
          [](snapshot& wrong) { wrong.state = bytes(commit_bytes_max + 1); });
    check(errc::commit_too_large, "with state and window of 1,200,000 bytes", [](snapshot& wrong) {
      wrong.state = bytes(600'000);
      wrong.window = bytes(600'000);
    });
    check(errc::invalid_argument, "that names no state type",
          [](snapshot& wrong) { wrong.state_type.clear(); });
    check(errc::invalid_argument, "that covers no event",
          [](snapshot& wrong) { wrong.position = {}; });
  };
  check_all();
  must_load(store, actor, std::nullopt, "after refused saves only");
  must(save(store, actor, snapshot_at(10)), "save");
  check_all();
  must_load(store, actor, snapshot_at(10), "after refused saves");
}

void large(snapshot_store& store) {
  const auto actor = fresh_actor();
  snapshot most = snapshot_at(10);
  most.state = bytes(commit_bytes_max - 1'000);
  must(save(store, actor, most), "save of a snapshot of nearly 1,000,000 bytes");
  must_load(store, actor, most, "of nearly 1,000,000 bytes");
}

bool is_shard(snapshot_store& store, std::uint64_t shard) {
  const auto found = load_shards(store, shard_id{shard});
  if (!found) must_fail(found, errc::invalid_argument, "load_shards " + std::to_string(shard));
  return found.has_value();
}

/// As many as are not refused: the least number that is, found by halves.
std::uint32_t shards_of(snapshot_store& store) {
  std::uint64_t below = 1, refused = std::uint64_t{1} << 32;
  require(is_shard(store, 0), "load_shards 0: expected there to be a shard 0");
  require(!is_shard(store, refused), "load_shards 2^32: expected it to be refused");
  while (below < refused) {
    const auto middle = below + (refused - below) / 2;
    if (is_shard(store, middle))
      below = middle + 1;
    else
      refused = middle;
  }
  return static_cast<std::uint32_t>(below);
}

void by_shard(snapshot_store& store) {
  const auto shards = shards_of(store);
  std::vector<actor_address> all;
  for (std::size_t i = 0; i < 40; ++i) {
    all.push_back(address_of(i % 2 == 0 ? "kit-actor" : "kit-other", fresh_name()));
    must(save(store, all[i], snapshot_at(1)), "save");
    must(save(store, all[i], snapshot_at(i + 2)), "save");
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto shard = shard_of(all[i], shards);
    const std::string what =
        "load_shards " + std::to_string(shard.value()) + " of " + std::to_string(shards);
    const auto found = must(load_shards(store, shard), what);
    std::vector<snapshot> mine;
    for (const auto& one : found) {
      require(shard_of(one.address, shards) == shard,
              what + ": expected only actors of that shard, found " + to_string(one.address));
      if (one.address == all[i]) mine.push_back(one.taken);
    }
    require(mine == std::vector{snapshot_at(i + 2)},
            what + ": expected the newest snapshot of " + to_string(all[i]) + " once, found " +
                std::to_string(mine.size()) + ", or another");
  }
}

void by_several_shards(snapshot_store& store) {
  const auto shards = shards_of(store);
  std::vector<actor_address> all;
  for (std::size_t i = 0; i < 40; ++i) {
    all.push_back(fresh_actor());
    must(save(store, all[i], snapshot_at(i + 1)), "save");
  }
  const std::uint32_t half = shards / 2;
  for (const auto which : {shard_range{shard_id{0}, shards}, shard_range{shard_id{0}, half},
                           shard_range{shard_id{half}, shards - half}}) {
    if (which.count == 0) continue;
    const std::string what = "load_shards, " + to_string(which);
    const auto found = must(load_shards(store, which), what);
    for (const auto& one : found)
      require(which.contains(shard_of(one.address, shards)),
              what + ": expected only actors of those, found " + to_string(one.address));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto mine = std::ranges::count_if(found, [&](const auto& one) {
        return one.address == all[i] && one.taken == snapshot_at(i + 1);
      });
      require(mine == (which.contains(shard_of(all[i], shards)) ? 1 : 0),
              what + ": expected the snapshots of all of those shards, each once; found " +
                  to_string(all[i]) + " " + std::to_string(mine) + " times");
    }
  }
}

void no_such_shard(snapshot_store& store) {
  must_fail(load_shards(store, shard_id{~std::uint64_t{0}}), errc::invalid_argument,
            "load_shards 2^64 - 1");
  const auto shards = shards_of(store);
  must_fail(load_shards(store, shard_id{shards}), errc::invalid_argument,
            "load_shards of the number of shards");
  must_fail(load_shards(store, {shard_id{0}, shards + 1}), errc::invalid_argument,
            "load_shards of one more than there are");
  must_fail(load_shards(store, {shard_id{0}, 0}), errc::invalid_argument, "load_shards of none");
}

void once_and_from_many_threads(snapshot_store& store) {
  const auto work = [&store](std::uint64_t nth) {
    const auto actor = fresh_actor();
    for (std::uint64_t i = 1; i <= 20; ++i) {
      const answer<void> saved{"save"};
      const answer<std::optional<snapshot>> found{"load"};
      store.save(actor, snapshot_at(nth * 100 + i), saved.handler());
      must(saved.get(), "save");
      store.load(actor, any_version, found.handler());
      require(must(found.get(), "load") == snapshot_at(nth * 100 + i),
              "load with eight threads at work: expected what was just saved");
      require(saved.calls() == 1 && found.calls() == 1, "expected each handler to be called once");
    }
  };
  std::vector<std::future<void>> running;
  for (std::uint64_t i = 0; i < 8; ++i) running.push_back(std::async(std::launch::async, work, i));
  for (auto& one : running) one.wait();
  for (auto& one : running) one.get();
}

constexpr snapshot_case cases[]{
    {"an actor without a snapshot has none", &none},
    {"a snapshot is loaded as it was saved", &round_trip},
    {"the newest of several snapshots is loaded", &newest_wins},
    {"a snapshot may be saved again", &same_version_again},
    {"a snapshot that covers more than was asked for is not loaded", &bounded},
    {"each actor has snapshots of its own, whatever its id and type", &apart},
    {"a snapshot over a limit, or malformed, is refused and leaves the one before", &refused},
    {"a snapshot may hold nearly 1,000,000 bytes", &large},
    {"the newest snapshots of a shard are loaded at once", &by_shard},
    {"the newest snapshots of several shards are loaded at once", &by_several_shards},
    {"a shard that does not exist is refused", &no_such_shard},
    {"snapshots may be saved and loaded from any thread", &once_and_from_many_threads},
};

}  // namespace

}  // namespace aether::conformance

namespace aether {

std::span<const conformance_case<snapshot_store>> snapshot_store_cases() {
  return conformance::cases;
}

}  // namespace aether
