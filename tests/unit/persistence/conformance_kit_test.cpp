#include <aether/persistence/conformance.hpp>
#include <aether/persistence/memory_store.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using namespace aether;
using history = std::vector<recorded_commit>;
using entries = std::vector<shard_page::entry>;

/// A memory store whose answers, or arguments, a test tampers with.
struct tampered final : event_store {
  memory_event_store real{4};
  std::function<void(log_position&, commit&)> before_append = [](auto&, auto&) {};
  std::function<void(result<log_position>&)> stored = [](auto&) {};
  std::function<void(event_version&, std::size_t&)> before_read = [](auto&, auto&) {};
  std::function<void(history&)> read_back = [](auto&) {}, fetched = [](auto&) {};
  std::function<void(std::optional<recorded_commit>&)> newest = [](auto&) {};
  std::function<void(std::vector<history_record>&)> recorded = [](auto&) {};
  std::function<void(std::vector<actor_id>&)> listed = [](auto&) {};
  std::function<void(shard_id&)> before_shard = [](auto&) {};
  std::function<void(entries&)> in_shard = [](auto&) {};
  int calls_each = 1;

  template <class T, class Change>
  auto changed(std::move_only_function<void(result<T>)> handler, const Change& change) {
    return [this, handler = std::move(handler), &change](result<T> answer) mutable {
      if (answer) change(*answer);
      for (int i = 0; i < calls_each; ++i) handler(answer);
    };
  }
  void append(const actor_address& to, log_position expected, commit next,
              append_handler handler) override {
    before_append(expected, next);
    real.append(to, expected, next,
                [this, handler = std::move(handler)](result<log_position> answer) mutable {
                  stored(answer);
                  for (int i = 0; i < calls_each; ++i) handler(answer);
                });
  }
  void read(const actor_address& of, event_version from, stream_sequence after, std::size_t most,
            read_handler handler) override {
    before_read(from, most);
    real.read(of, from, after, most, changed<history>(std::move(handler), read_back));
  }
  void fetch(const actor_address& of, std::vector<stream_sequence> sequences,
             read_handler handler) override {
    real.fetch(of, std::move(sequences), changed<history>(std::move(handler), fetched));
  }
  void latest(const actor_address& of, latest_handler handler) override {
    real.latest(of, changed<std::optional<recorded_commit>>(std::move(handler), newest));
  }
  void records(const actor_address& of, records_handler handler) override {
    real.records(of, changed<std::vector<history_record>>(std::move(handler), recorded));
  }
  std::uint32_t shards() const noexcept override { return real.shards(); }
  void actors(const actor_type& type, shard_id shard, actors_handler handler) override {
    before_shard(shard);
    real.actors(type, shard, changed<std::vector<actor_id>>(std::move(handler), listed));
  }
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    return real.stored_together(shard);
  }
  void read_shards(shard_range which, stream_sequence after, shard_handler handler) override {
    before_shard(which.first);
    real.read_shards(which, after,
                     [this, handler = std::move(handler)](result<shard_page> page) mutable {
                       if (page) in_shard(page->entries);
                       bool more = handler(page);
                       for (int i = 1; i < calls_each; ++i) more = handler(page);
                       return more;
                     });
  }
};

/// What the case says of the store; empty when it finds nothing wrong.
template <class Store>
std::string verdict(std::span<const conformance_case<Store>> cases, std::string_view name,
                    std::type_identity_t<Store>& store) {
  const auto one = std::ranges::find(cases, name, &conformance_case<Store>::name);
  REQUIRE(one != cases.end());
  try {
    one->run(store);
  } catch (const conformance_failed& failed) {
    return failed.what();
  }
  return {};
}

struct flaw {
  const char* what;
  std::string_view found_by;
  std::function<void(tampered&)> tamper;
};

template <class Container>
void drop_last(Container& from) {
  if (!from.empty()) from.pop_back();
}

const flaw flaws[]{
    {"a field is lost", "a commit is read back as it was appended, every field of it",
     [](tampered& it) { it.before_append = [](auto&, commit& next) { next.correlation = {}; }; }},
    {"an empty event becomes nil", "events and replies may be any bytes, or none",
     [](tampered& it) {
       it.before_append = [](auto&, commit& next) {
         if (next.events[0].data.empty()) next.events[0].data = {std::byte{0xc0}};
       };
     }},
    {"commits are read backwards",
     "commits and their events are read in the order in which they were appended",
     [](tampered& it) { it.read_back = [](history& all) { std::ranges::reverse(all); }; }},
    {"a conflict is called something else",
     "an append after anything but the end is a conflict and stores nothing",
     [](tampered& it) {
       it.stored = [](result<log_position>& answer) {
         if (!answer) answer = fail(errc::store_failed, "conflict");
       };
     }},
    {"the commit before is not named",
     "a commit names the one that its writer knew to be before it",
     [](tampered& it) { it.before_append = [](log_position& end, auto&) { end.commit = {}; }; }},
    {"a retry is a conflict",
     "a retried commit is stored once and gets the same answer, however late",
     [](tampered& it) {
       it.before_append = [](auto&, commit& next) { next.id = commit_id::make(); };
     }},
    {"a commit over the limit is cut", "a commit over a limit is refused whole",
     [](tampered& it) {
       it.before_append = [](auto&, commit& next) {
         next.events.resize(std::min(next.events.size(), commit_events_max));
       };
     }},
    {"back-pointers are not looked at",
     "back-pointers that do not ascend to the expected end are refused",
     [](tampered& it) {
       it.before_append = [](auto&, commit& next) { next.back_pointers.clear(); };
     }},
    {"the end is read late", "what was acknowledged is seen by every later call",
     [](tampered& it) { it.read_back = [](history& all) { drop_last(all); }; }},
    {"reading begins one version late",
     "reading begins with the commit that holds the version, to its end",
     [](tampered& it) {
       it.before_read = [](event_version& from, auto&) { from = event_version{from.value() + 1}; };
     }},
    {"the limit is one too many", "reading stops after as many commits as were asked for",
     [](tampered& it) { it.before_read = [](auto&, std::size_t& most) { ++most; }; }},
    {"long histories are cut", "a long history is read whole, or in pages",
     [](tampered& it) {
       it.before_read = [](auto&, std::size_t& most) { most = std::min<std::size_t>(most, 999); };
     }},
    {"the newest commit is missing", "latest is the newest commit",
     [](tampered& it) { it.newest = [](auto& found) { found.reset(); }; }},
    {"what was to be fetched is missing", "commits are fetched by their sequences",
     [](tampered& it) { it.fetched = [](history& all) { drop_last(all); }; }},
    {"a record is missing", "the records of an undamaged history are its commits",
     [](tampered& it) { it.recorded = [](auto& all) { drop_last(all); }; }},
    {"an actor is missing", "the actors of a type are listed by shard, sorted, each once",
     [](tampered& it) { it.listed = [](auto& all) { drop_last(all); }; }},
    {"actors are not sorted", "the actors of a type are listed by shard, sorted, each once",
     [](tampered& it) { it.listed = [](auto& all) { std::ranges::reverse(all); }; }},
    {"a shard is in no order", "a shard is read whole, in the order of its appends",
     [](tampered& it) { it.in_shard = [](entries& all) { std::ranges::reverse(all); }; }},
    {"a shard lacks its end", "reading a shard finds what was appended since",
     [](tampered& it) { it.in_shard = [](entries& all) { drop_last(all); }; }},
    {"of several shards one is read", "several shards are read at once, in the order of the stream",
     [](tampered& it) {
       it.in_shard = [](entries& all) {
         std::erase_if(all,
                       [](const auto& one) { return shard_of(one.address, 256).value() != 1; });
       };
     }},
    {"a shard that grows is read with a gap",
     "who reads shards on and on while others append sees each commit once, in order",
     [](tampered& it) {
       it.in_shard = [](entries& all) {
         if (all.size() > 1) all.erase(all.begin());
       };
     }},
    {"any shard will do", "a shard that does not exist is refused",
     [](tampered& it) {
       it.before_shard = [](shard_id& shard) { shard = shard_id{shard.value() % 4}; };
     }},
    {"handlers are called twice", "each handler is called exactly once, whatever comes of the call",
     [](tampered& it) { it.calls_each = 2; }},
    {"a shard goes on after it was stopped", "reading a shard stops when its handler wants no more",
     [](tampered& it) { it.calls_each = 2; }},
};

/// Loads what is asked for, not older.
struct ahead final : snapshot_store {
  memory_snapshot_store real;
  void save(const actor_address& of, snapshot taken, save_handler handler) override {
    real.save(of, std::move(taken), std::move(handler));
  }
  void load(const actor_address& of, event_version, load_handler handler) override {
    real.load(of, any_version, std::move(handler));
  }
  void load_shards(shard_range which, shard_handler handler) override {
    real.load_shards(shard_id{which.first.value() % 256}, std::move(handler));
  }
};

}  // namespace

TEST_CASE("conformance kit: each flaw of a store is found by the case that speaks of it") {
  for (const flaw& one : flaws) {
    CAPTURE(one.what);
    tampered store;
    CHECK(verdict(event_store_cases(), one.found_by, store).empty());
    one.tamper(store);
    CHECK_FALSE(verdict(event_store_cases(), one.found_by, store).empty());
  }
}

TEST_CASE("conformance kit: flaws of a snapshot store are found") {
  ahead store;
  for (const std::string_view name :
       {"a snapshot that covers more than was asked for is not loaded",
        "a shard that does not exist is refused"}) {
    CAPTURE(name);
    CHECK_FALSE(verdict(snapshot_store_cases(), name, store).empty());
  }
}

TEST_CASE("conformance kit: a failure says what was expected and what was found") {
  tampered store;
  store.stored = [](result<log_position>& answer) {
    if (!answer) answer = fail(errc::store_failed, "no idea");
  };
  const auto said =
      verdict(event_store_cases(),
              "an append after anything but the end is a conflict and stores nothing", store);
  CHECK(said ==
        "append after version 0 to a history that ends at version 5: "
        "expected version_conflict, found store_failed: no idea");
}

TEST_CASE("conformance kit: names are unique, and end with a zero byte") {
  std::vector<std::string_view> names;
  for (const auto& one : event_store_cases()) names.push_back(one.name);
  for (const auto& one : event_store_cases()) CHECK(one.name.data()[one.name.size()] == '\0');
  for (const auto& one : snapshot_store_cases()) CHECK(one.name.data()[one.name.size()] == '\0');
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
}
