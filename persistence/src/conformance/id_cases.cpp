#include "kit.hpp"

#include <algorithm>

namespace aether::conformance {

namespace {

/// Ids that a store may mistake for one another, or for something else. They are not fresh: the
/// type is.
std::vector<std::string> awkward_ids() {
  std::vector<std::string> ids{
      "a",          "A",      "aa",  "a.b",     "a.",        ".a",     ".",       "..",
      "*",          ">",      "a.*", "a.>",     "a b",       " a",     "a ",      "a\tb",
      "a\nb",       "a\r\nb", "=2E", "=61",     "%2E",       "a/b",    "/",       "\\",
      "'",          "\"",     "a;b", "$JS.API", "{\"a\":1}", "\u00e4", "a\u0308", "\u65e5\u672c",
      "\U0001F600", "-",      "_",   "0",       "00",        "null",   "\x7f",    "\x01"};
  ids.push_back(std::string{"\0", 1});
  ids.push_back(std::string{"a\0b", 3});
  ids.push_back(std::string{"a\0", 2});
  ids.push_back(std::string(255, '.'));
  ids.push_back(std::string(255, 'a'));
  ids.push_back(std::string(254, 'a'));
  std::string widest;
  for (int i = 0; i < 63; ++i) widest += "\U0001F600";
  ids.push_back(widest + "\u20ac");  // 63 * 4 + 3 bytes
  return ids;
}

void awkward(event_store& store) {
  const std::string type = fresh_name();
  std::vector<writer> all;
  for (const auto& id : awkward_ids()) all.emplace_back(store, address_of(type, id));
  for (auto& one : all) one.write();
  for (std::size_t i = 0; i < all.size(); ++i) all[i].write(1 + i % 3);
  for (const auto& one : all) one.check("the history of id '" + one.actor().id.str() + "'");
}

void awkward_are_listed(event_store& store) {
  const std::string type = fresh_name();
  std::vector<actor_id> expected, found;
  for (const auto& id : awkward_ids()) {
    writer one{store, address_of(type, id)};
    one.write();
    expected.push_back(one.actor().id);
  }
  for (std::uint32_t shard = 0; shard < store.shards(); ++shard)
    std::ranges::move(
        must(actors(store, actor_type::parse(type).value(), shard_id{shard}), "actors"),
        std::back_inserter(found));
  std::ranges::sort(expected);
  std::ranges::sort(found);
  require(found == expected, "actors of all shards: expected the " +
                                 std::to_string(expected.size()) + " ids appended to, found " +
                                 std::to_string(found.size()) + ", or others");
}

void types(event_store& store) {
  const std::string id = fresh_name(), type = fresh_name();
  std::vector<writer> all;
  for (const auto& one : {type, type + "-", type + "-a", type + "_", std::string(64, 'k')})
    all.emplace_back(store, address_of(one, id));
  for (std::size_t i = 0; i < all.size(); ++i) all[i].write_many(i + 1);
  for (const auto& one : all) one.check("the history under type " + one.actor().type.str());
}

void not_seen_by_others(event_store& store) {
  writer actor{store};
  actor.write_many(3);
  const auto beside = fresh_actor_beside(store, actor.actor());
  const auto id = actor.actor().id.str();
  for (const auto& other : {beside, address_of("kit-actor", id + "a"),
                            address_of("kit-actor", id.substr(0, id.size() - 1)),
                            address_of("kit-acto", id), address_of("kit-actors", id)}) {
    const std::string what = "of " + to_string(other) + ", which has no history";
    require(must(read(store, other), "read").empty(), "read " + what);
    require(!must(latest(store, other), "latest"), "latest " + what);
    require(must(records(store, other), "records").empty(), "records " + what);
    require(must(fetch(store, other, {actor.end().sequence}), "fetch").empty(), "fetch " + what);
  }
}

constexpr event_case cases[]{
    {"an id may be any UTF-8 of 1-255 bytes, and each has a history of its own", &awkward},
    {"actors are listed with the ids that they were given", &awkward_are_listed},
    {"the same id under two types is two actors", &types},
    {"an actor's commits are not seen in another's history", &not_seen_by_others},
};

}  // namespace

std::span<const event_case> id_cases() { return cases; }

}  // namespace aether::conformance
