#include "kit.hpp"

namespace aether::conformance {

namespace {

void empty(event_store& store) {
  const auto nobody = fresh_actor();
  require(must(read(store, nobody), "read").empty(), "read of an empty history: expected nothing");
  require(must(read(store, nobody, 7), "read from version 7").empty(),
          "read from version 7 of an empty history: expected nothing");
  require(!must(latest(store, nobody), "latest"), "latest of an empty history: expected none");
  require(must(records(store, nobody), "records").empty(),
          "records of an empty history: expected none");
}

/// Versions 1-3, 4-6, 7-9, 10-12.
writer four_commits(event_store& store) {
  writer actor{store};
  for (int i = 0; i < 4; ++i) {
    actor.write(3);
    writer{store, fresh_actor_beside(store, actor.actor())}.write();
  }
  return actor;
}

void from_a_version(event_store& store) {
  const writer actor = four_commits(store);
  const std::pair<std::uint64_t, std::size_t> rows[] = {{0, 0}, {1, 0}, {2, 0}, {3, 0},  {4, 1},
                                                        {5, 1}, {6, 1}, {7, 2}, {10, 3}, {12, 3}};
  for (const auto& [from, first] : rows)
    must_equal(must(read(store, actor.actor(), from), "read"), part_of(actor.written(), first),
               "read from version " + std::to_string(from) + " of 12 in commits of 3");
  for (const std::uint64_t from : {std::uint64_t{13}, std::uint64_t{1'000}, ~std::uint64_t{0}})
    require(must(read(store, actor.actor(), from), "read").empty(),
            "read from version " + std::to_string(from) + " of 12: expected nothing");
}

void with_a_hint(event_store& store) {
  const writer actor = four_commits(store);
  const auto at = [&](std::size_t nth) { return actor.written()[nth].sequence; };
  const auto check = [&](std::uint64_t from, stream_sequence after, std::size_t first) {
    must_equal(must(read(store, actor.actor(), from, after), "read"),
               part_of(actor.written(), first),
               "read from version " + std::to_string(from) + " with the hint that it is after " +
                   "sequence " + std::to_string(after.value()));
  };
  for (std::size_t hinted = 0; hinted < 4; ++hinted) {
    for (std::size_t wanted = hinted; wanted < 4; ++wanted) {
      check(3 * wanted + 1, at(hinted), wanted);  // begins with, or after, the hinted commit
      check(3 * wanted + 2, at(hinted), wanted);
      if (wanted > 0) check(3 * wanted + 1, at(wanted - 1), wanted);
      check(3 * wanted + 1, stream_sequence{at(hinted).value() - 1}, wanted);
    }
  }
  require(must(read(store, actor.actor(), 13, at(3)), "read").empty(),
          "read after the end with a hint: expected nothing");
}

void limited(event_store& store) {
  const writer actor = four_commits(store);
  for (std::size_t most = 0; most <= 5; ++most)
    for (std::size_t first = 0; first < 4; ++first)
      must_equal(must(read(store, actor.actor(), 3 * first + 2, {}, most), "read"),
                 part_of(actor.written(), first, most),
                 "read of at most " + std::to_string(most) + " commits from version " +
                     std::to_string(3 * first + 2));
  must_equal(must(read(store, actor.actor(), 1, {}, ~std::size_t{0}), "read"), actor.written(),
             "read of as many commits as there may be");
}

void long_history(event_store& store) {
  writer actor{store};
  actor.write_many(1'100);
  const auto& all = actor.written();
  actor.check("1,100 commits");
  for (const std::size_t most : {1'099U, 1'100U, 1'101U, 256U, 257U})
    must_equal(must(read(store, actor.actor(), 1, {}, most), "read"), part_of(all, 0, most),
               "read of at most " + std::to_string(most) + " of 1,100 commits");
  history paged;
  while (paged.size() < all.size()) {
    const auto end = paged.empty() ? log_position{} : paged.back().position();
    auto page =
        must(read(store, actor.actor(), end.version.value() + 1, end.sequence, 300), "read");
    require(!page.empty(), "read of a page after version " + std::to_string(end.version.value()) +
                               " of 1,100: expected commits, found none");
    for (auto& one : page) paged.push_back(std::move(one));
  }
  must_equal(paged, all, "1,100 commits read in pages of 300");
  require(must(records(store, actor.actor()), "records").size() == all.size(),
          "records of 1,100 commits: expected as many");
}

void large_history(event_store& store) {
  writer actor{store};
  for (int i = 0; i < 12; ++i) actor.write(1, 900'000);
  actor.check("12 commits of 900,000 bytes");
  require(must(records(store, actor.actor()), "records").size() == 12,
          "records of 12 commits of 900,000 bytes: expected as many");
  const auto shard = shard_of(actor.actor(), store.shards());
  const auto& all = actor.written();
  std::size_t found = 0;
  for (const auto& one :
       must(read_shards(store, shard, stream_sequence{all[0].sequence.value() - 1}), "read_shards"))
    found += one.address == actor.actor() ? 1 : 0;
  require(found == 12, "read_shards of 12 commits of 900,000 bytes: expected as many, found " +
                           std::to_string(found));
}

constexpr event_case cases[]{
    {"an empty history reads as nothing", &empty},
    {"reading begins with the commit that holds the version, to its end", &from_a_version},
    {"reading finds the same with and without a hint where to begin", &with_a_hint},
    {"reading stops after as many commits as were asked for", &limited},
    {"a long history is read whole, or in pages", &long_history},
    {"a history larger than any page is read whole", &large_history},
};

}  // namespace

std::span<const event_case> read_cases() { return cases; }

}  // namespace aether::conformance
