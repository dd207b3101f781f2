#include "kit.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace aether::conformance {

namespace {

using entries = std::vector<shard_page::entry>;

struct placed_commit {
  actor_address address;
  recorded_commit stored;
};

/// Several actors of one shard, written by turns.
struct busy_shard {
  std::vector<writer> actors;
  std::vector<placed_commit> in_order;
  shard_id shard;

  explicit busy_shard(event_store& store, std::size_t rounds = 5) {
    actors.emplace_back(store);
    const auto first = actors[0].actor();
    shard = shard_of(first, store.shards());
    actors.emplace_back(store, fresh_actor_beside(store, first));
    actors.emplace_back(store, fresh_actor_beside(store, first, "kit-other"));
    for (std::size_t i = 0; i < rounds * actors.size(); ++i) {
      writer& next = actors[i % actors.size()];
      next.write(1 + i % 2);
      in_order.push_back({next.actor(), next.written().back()});
    }
  }

  [[nodiscard]] stream_sequence begin() const {
    return stream_sequence{in_order.front().stored.sequence.value() - 1};
  }

  /// Only what was written here: the store may have other users.
  [[nodiscard]] std::vector<placed_commit> own(const entries& found) const {
    std::vector<placed_commit> mine;
    for (const auto& one : found) {
      const auto is_it = [&](const writer& actor) { return actor.actor() == one.address; };
      if (std::ranges::any_of(actors, is_it))
        mine.push_back({one.address, must(one.record.found, "a record of a shard")});
    }
    return mine;
  }

  void check(const entries& found, std::size_t from, const std::string& what) const {
    history commits, expected;
    const auto mine = own(found);
    for (const auto& one : mine) commits.push_back(one.stored);
    for (auto i = from; i < in_order.size(); ++i) expected.push_back(in_order[i].stored);
    must_equal(commits, expected, what);
    for (std::size_t i = 0; i < mine.size(); ++i)
      require(mine[i].address == in_order[from + i].address,
              what + ": expected a commit of " + to_string(in_order[from + i].address) +
                  ", found it under " + to_string(mine[i].address));
    const auto ascending = [](const auto& a, const auto& b) {
      return a.record.sequence >= b.record.sequence;
    };
    require(std::ranges::adjacent_find(found, ascending) == found.end(),
            what + ": expected ascending sequences");
  }
};

void whole_shard(event_store& store) {
  const busy_shard with{store};
  with.check(must(read_shards(store, with.shard, {}), "read_shards"), 0,
             "read_shards from the start");
  for (const auto& one : must(read_shards(store, with.shard, with.begin()), "read_shards"))
    require(shard_of(one.address, store.shards()) == with.shard,
            "read_shards: expected only actors of the shard, found " + to_string(one.address));
}

void resumed(event_store& store) {
  const busy_shard with{store};
  for (std::size_t after = 0; after < with.in_order.size(); ++after) {
    const auto sequence = with.in_order[after].stored.sequence;
    const auto found = must(read_shards(store, with.shard, sequence), "read_shards");
    for (const auto& one : found)
      require(one.record.sequence > sequence, "read_shards after a sequence: expected only later");
    with.check(found, after + 1, "read_shards after sequence " + std::to_string(sequence.value()));
  }
}

void growing(event_store& store) {
  busy_shard with{store, 1};
  stream_sequence end = with.in_order.back().stored.sequence;
  for (int i = 0; i < 5; ++i) {
    writer& next = with.actors[0];
    next.write();
    const auto found = with.own(must(read_shards(store, with.shard, end), "read_shards"));
    require(
        found.size() == 1 && found[0].stored.commit == next.written().back().commit,
        "read_shards after what was read before: expected the one commit appended since, found " +
            std::to_string(found.size()) + " commits");
    end = next.end().sequence;
  }
}

/// An actor in each of some shards that are stored together, written by turns.
struct busy_shards {
  shard_range which;
  std::vector<writer> actors;
  std::vector<placed_commit> in_order;

  explicit busy_shards(event_store& store) : which{store.stored_together(shard_id{0})} {
    which.count = std::min(which.count, 4U);
    for (std::uint32_t i = 0; i < which.count; ++i)
      actors.emplace_back(store, fresh_actor_in(store, shard_id{which.first.value() + i}));
    for (std::size_t i = 0; i < 5 * actors.size(); ++i) {
      writer& next = actors[i % actors.size()];
      next.write();
      in_order.push_back({next.actor(), next.written().back()});
    }
  }

  /// Of those in `part` and after `after`, what was written here and nothing else of ours.
  void check(event_store& store, shard_range part, stream_sequence after) const {
    const std::string what =
        "read_shards, " + to_string(part) + ", after sequence " + std::to_string(after.value());
    history commits, expected;
    for (auto& one : must(read_shards(store, part, after), what)) {
      require(part.contains(shard_of(one.address, store.shards())),
              what + ": expected only actors of those, found " + to_string(one.address));
      const auto is_it = [&](const writer& actor) { return actor.actor() == one.address; };
      if (std::ranges::any_of(actors, is_it)) commits.push_back(must(one.record.found, what));
    }
    for (const auto& one : in_order)
      if (part.contains(shard_of(one.address, store.shards())) && one.stored.sequence > after)
        expected.push_back(one.stored);
    must_equal(commits, expected, what);
  }
};

void several_shards(event_store& store) {
  const busy_shards with{store};
  const auto middle = with.in_order[with.in_order.size() / 2].stored.sequence;
  const auto all = store.stored_together(with.which.first);
  for (const auto after : {stream_sequence{}, middle}) {
    with.check(store, all, after);
    with.check(store, with.which, after);
    if (with.which.count > 2)
      with.check(store, {shard_id{with.which.first.value() + 1}, with.which.count - 2}, after);
  }
}

void together(event_store& store) {
  for (std::uint32_t shard = 0; shard < store.shards();) {
    const auto group = store.stored_together(shard_id{shard});
    const std::string what = "stored_together of shard " + std::to_string(shard) + ": ";
    require(
        group.first == shard_id{shard} && group.count > 0,
        what + "expected a range that begins where the one before ends, found " + to_string(group));
    for (std::uint32_t i = 0; i < group.count; ++i, ++shard)
      require(store.stored_together(shard_id{shard}) == group,
              what + "expected the same range for each of it");
    must_fail(read_shards(store, {group.first, group.count + 1}, {}), errc::invalid_argument,
              "read_shards of one more than are stored together");
  }
  must_fail(read_shards(store, {shard_id{0}, 0}, {}), errc::invalid_argument,
            "read_shards of none");
}

void long_shard(event_store& store) {
  const busy_shard with{store, 500};
  with.check(must(read_shards(store, with.shard, with.begin()), "read_shards"), 0,
             "read_shards of 1,500 commits");
}

/// Every page that came, and a later call's answer, so that a page too many would have come too.
void stopped(event_store& store) {
  const busy_shard with{store, 700};
  std::array<answer<bool>, 2> pages{answer<bool>{"read_shards, to be stopped"},
                                    answer<bool>{"read_shards, to be stopped"}};
  for (const auto& page : pages)
    store.read_shards(with.shard, with.begin(),
                      [seen = page.handler()](result<shard_page> one) mutable {
                        seen(one ? result<bool>{one->last} : std::unexpected(one.error()));
                        return false;
                      });
  for (const auto& page : pages) (void)must(page.get(), page.what());
  (void)must(read_shards(store, with.shard, with.begin()), "read_shards");
  for (const auto& page : pages)
    require(page.calls() == 1,
            "read_shards after its handler returned false: expected no further "
            "call, found " +
                std::to_string(page.calls() - 1));
}

void one_last_page(event_store& store) {
  const busy_shard with{store};
  for (const auto after : {with.begin(), with.in_order.back().stored.sequence}) {
    const answer<bool> first_last{"read_shards, to its last page"};
    const auto pages_after_last = std::make_shared<std::atomic<int>>(0);
    store.read_shards(with.shard, after,
                      [done = first_last.handler(), pages_after_last,
                       over = false](result<shard_page> page) mutable {
                        if (std::exchange(over, over || !page || page->last)) ++*pages_after_last;
                        if (over)
                          done(page ? result<bool>{page->last} : std::unexpected(page.error()));
                        return true;
                      });
    (void)must(first_last.get(), first_last.what());
    (void)must(read_shards(store, with.shard, after), "read_shards");
    require(*pages_after_last == 0, "read_shards after its last page: expected no further call");
  }
}

void listed(event_store& store) {
  const std::string type = fresh_name();
  std::vector<std::vector<actor_id>> expected(store.shards());
  for (int i = 0; i < 200; ++i) {
    writer one{store, address_of(type, fresh_name())};
    one.write();
    if (i % 10 == 0) one.write();
    writer{store, address_of(type + "-", one.actor().id.str())}.write();
    expected[shard_of(one.actor(), store.shards()).value()].push_back(one.actor().id);
  }
  for (std::uint32_t shard = 0; shard < store.shards(); ++shard) {
    const auto found =
        must(actors(store, actor_type::parse(type).value(), shard_id{shard}), "actors");
    std::ranges::sort(expected[shard]);
    require(std::ranges::is_sorted(found), "actors of a shard: expected them sorted");
    require(found == expected[shard], "actors of shard " + std::to_string(shard) +
                                          ": expected the " +
                                          std::to_string(expected[shard].size()) +
                                          " of that type and shard, each once, found " +
                                          std::to_string(found.size()) + ", or others");
  }
}

void nobody_listed(event_store& store) {
  const auto found =
      must(actors(store, actor_type::parse(fresh_name()).value(), shard_id{0}), "actors");
  require(found.empty(),
          "actors of a type that nobody has: expected none, found " + std::to_string(found.size()));
}

void refused_actor_is_not_listed(event_store& store) {
  const auto nobody = address_of(fresh_name(), "a");
  commit wrong = commit_after({});
  wrong.events.clear();
  must_fail(append(store, nobody, {}, wrong), errc::invalid_argument, "append of no events");
  (void)must(read(store, nobody), "read");
  (void)must(latest(store, nobody), "latest");
  require(must(actors(store, nobody.type, shard_of(nobody, store.shards())), "actors").empty(),
          "actors: expected none, only refusals and reads happened");
}

void no_such_shard(event_store& store) {
  const auto type = actor_type::parse("kit-actor").value();
  require(store.shards() > 0, "shards: expected at least 1");
  for (const std::uint64_t wrong : {std::uint64_t{store.shards()}, ~std::uint64_t{0}}) {
    const std::string which =
        " of shard " + std::to_string(wrong) + " of " + std::to_string(store.shards());
    must_fail(actors(store, type, shard_id{wrong}), errc::invalid_argument, "actors" + which);
    must_fail(read_shards(store, shard_id{wrong}, {}), errc::invalid_argument,
              "read_shards" + which);
  }
}

constexpr event_case cases[]{
    {"a shard is read whole, in the order of its appends", &whole_shard},
    {"reading a shard goes on after any sequence", &resumed},
    {"reading a shard finds what was appended since", &growing},
    {"several shards are read at once, in the order of the stream", &several_shards},
    {"the shards are divided into ranges that are stored together", &together},
    {"a long shard is read whole", &long_shard},
    {"reading a shard stops when its handler wants no more", &stopped},
    {"reading a shard ends with its last page, also where nothing is left", &one_last_page},
    {"the actors of a type are listed by shard, sorted, each once", &listed},
    {"a type that nobody has lists nobody", &nobody_listed},
    {"an actor is not listed for refused appends and for reads", &refused_actor_is_not_listed},
    {"a shard that does not exist is refused", &no_such_shard},
};

}  // namespace

std::span<const event_case> shard_cases() { return cases; }

}  // namespace aether::conformance
