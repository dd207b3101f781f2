#include "kit.hpp"

#include <algorithm>
#include <iterator>

namespace aether::conformance {

namespace {

std::string text_of(const recorded_commit& one) {
  return "commit " + one.commit.id.hex() + " with versions " +
         std::to_string(one.commit.first.value()) + "-" +
         std::to_string(one.commit.last().value()) + " at sequence " +
         std::to_string(one.sequence.value());
}

std::string text_of(const history& all, std::size_t nth) {
  return nth < all.size() ? text_of(all[nth]) : "the end";
}

bool same(const recorded_commit& a, const recorded_commit& b) {
  return a.commit == b.commit && a.sequence == b.sequence;
}

std::vector<stream_sequence> pointers_to(const history& written) {
  std::vector<stream_sequence> pointers;
  const std::size_t count = std::min(written.size(), commit_back_pointers_max);
  for (auto it = written.end() - static_cast<std::ptrdiff_t>(count); it != written.end(); ++it)
    pointers.push_back(it->sequence);
  return pointers;
}

}  // namespace

void fail_case(const std::string& why) { throw conformance_failed{why}; }

void fail_expecting(std::initializer_list<errc> codes, const std::string& what,
                    const std::string& found) {
  std::string expected;
  for (const errc code : codes)
    expected += (expected.empty() ? "" : " or ") + std::string{to_string(code)};
  fail_case(what + ": expected " + expected + ", found " + found);
}

void must_equal(const history& found, const history& expected, const std::string& what) {
  const auto [at, other] = std::ranges::mismatch(found, expected, &same);
  if (at == found.end() && other == expected.end()) return;
  const auto nth = static_cast<std::size_t>(at - found.begin());
  const bool content =
      at != found.end() && other != expected.end() && text_of(*at) == text_of(*other);
  fail_case(what + ": expected " + std::to_string(expected.size()) + " commits, found " +
            std::to_string(found.size()) + "; at place " + std::to_string(nth) + ": expected " +
            text_of(expected, nth) + ", found " + text_of(found, nth) +
            (content ? " with another content" : ""));
}

history part_of(const history& all, std::size_t first, std::size_t count) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(std::min(first, all.size()));
  const auto left = static_cast<std::size_t>(all.end() - begin);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(count, left))};
}

std::string fresh_name() { return "kit-" + command_id::make().hex(); }

actor_address address_of(std::string_view type, std::string_view id) {
  return {actor_type::parse(type).value(), actor_id::parse(id).value()};
}

actor_address fresh_actor() { return address_of("kit-actor", fresh_name()); }

actor_address fresh_actor_in(const event_store& store, shard_id shard, std::string_view type) {
  while (true) {
    auto made = address_of(type, fresh_name());
    if (shard_of(made, store.shards()) == shard) return made;
  }
}

actor_address fresh_actor_beside(const event_store& store, const actor_address& other,
                                 std::string_view type) {
  return fresh_actor_in(store, shard_of(other, store.shards()), type);
}

commit commit_after(const log_position& expected, std::size_t events, std::size_t filler_bytes) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{expected.version.value() + 1};
  for (std::size_t i = 0; i < events; ++i)
    made.events.push_back(
        {"conformance.counted", encode(counted{made.first.value() + i, bytes(filler_bytes)})});
  made.commands.push_back({command_id::make(), static_cast<std::uint32_t>(events), "", {}});
  made.at = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return made;
}

answer<log_position> append_soon(event_store& store, const actor_address& to,
                                 const log_position& expected, commit next) {
  answer<log_position> stored{"append to " + to_string(to) + " after version " +
                              std::to_string(expected.version.value())};
  store.append(to, expected, std::move(next), stored.handler());
  return stored;
}

result<log_position> append(event_store& store, const actor_address& to,
                            const log_position& expected, commit next) {
  return append_soon(store, to, expected, std::move(next)).get();
}

result<history> read(event_store& store, const actor_address& from, std::uint64_t version,
                     stream_sequence after, std::size_t commits_max) {
  const answer<history> found{"read " + to_string(from)};
  store.read(from, event_version{version}, after, commits_max, found.handler());
  return found.get();
}

result<std::optional<recorded_commit>> latest(event_store& store, const actor_address& of) {
  const answer<std::optional<recorded_commit>> found{"latest of " + to_string(of)};
  store.latest(of, found.handler());
  return found.get();
}

result<history> fetch(event_store& store, const actor_address& of,
                      std::vector<stream_sequence> sequences) {
  const answer<history> found{"fetch " + to_string(of)};
  store.fetch(of, std::move(sequences), found.handler());
  return found.get();
}

result<std::vector<history_record>> records(event_store& store, const actor_address& of) {
  const answer<std::vector<history_record>> found{"records of " + to_string(of)};
  store.records(of, found.handler());
  return found.get();
}

result<std::vector<actor_id>> actors(event_store& store, const actor_type& type, shard_id shard) {
  const answer<std::vector<actor_id>> found{"actors of " + type.str()};
  store.actors(type, shard, found.handler());
  return found.get();
}

result<std::vector<shard_page::entry>> read_shards(event_store& store, shard_range which,
                                                   stream_sequence after) {
  using entries = std::vector<shard_page::entry>;
  const answer<entries> found{"read_shards, " + to_string(which)};
  store.read_shards(which, after,
                    [all = entries{}, done = found.handler()](result<shard_page> page) mutable {
                      if (!page) {
                        done(std::unexpected(std::move(page).error()));
                        return false;
                      }
                      std::ranges::move(page->entries, std::back_inserter(all));
                      if (page->last) done(std::move(all));
                      return true;
                    });
  return found.get();
}

commit writer::next(std::size_t events, std::size_t filler_bytes) const {
  commit made = commit_after(end(), events, filler_bytes);
  made.back_pointers = pointers_to(written_);
  return made;
}

void writer::write(std::size_t events, std::size_t filler_bytes) {
  write(next(events, filler_bytes));
}

void writer::write(commit next) { write(std::move(next), end()); }

void writer::write(commit next, const log_position& expected) {
  const std::string what = "append of versions " + std::to_string(next.first.value()) + "-" +
                           std::to_string(next.last().value());
  const log_position stored = must(append(store_, actor_, expected, next), what);
  require(stored.version == next.last(), what + ": expected the new end to be version " +
                                             std::to_string(next.last().value()) + ", found " +
                                             std::to_string(stored.version.value()));
  require(stored.sequence > end().sequence,
          what + ": expected a sequence above " + std::to_string(end().sequence.value()) +
              ", found " + std::to_string(stored.sequence.value()));
  require(stored.commit.is_nil() || stored.commit == next.id,
          what + ": expected the new end to be commit " + next.id.hex() + ", found " +
              stored.commit.hex());
  written_.push_back({std::move(next), stored.sequence});
}

void writer::check(const std::string& what) const {
  must_equal(must(read(store_, actor_), "read"), written_, what);
  const auto newest = must(latest(store_, actor_), "latest");
  must_equal(newest ? history{*newest} : history{},
             written_.empty() ? history{} : history{written_.back()}, what + ", by latest");
}

}  // namespace aether::conformance
