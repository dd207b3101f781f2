#include <aether/persistence/memory_store.hpp>
#include "../commit_format.hpp"
#include "../commit_rules.hpp"
#include "striped_map.hpp"

#include <algorithm>
#include <atomic>
#include <memory_resource>
#include <mutex>
#include <utility>
#include <vector>

namespace aether {

namespace {

/// A commit, encoded as JetStream would have it: a fifth of its size as an object.
struct stored_commit {
  event_version last;
  stream_sequence sequence;
  commit_id id;
  bytes_view encoded;

  [[nodiscard]] log_position position() const noexcept { return {last, sequence, id}; }
};

using history = std::vector<stored_commit>;

log_position end_of(const history& of) {
  return of.empty() ? log_position{} : of.back().position();
}

/// `id` found the log not ending at `expected`: the retry of a stored commit, or a conflict.
result<log_position> settle(const history& of, const log_position& expected, const commit_id& id) {
  if (expected.version > end_of(of).version)
    return fail(errc::stream_regressed,
                "the log ends at version " + std::to_string(end_of(of).version.value()) +
                    ", before version " + std::to_string(expected.version.value()) +
                    ", which was acknowledged");
  const auto follower =
      std::ranges::upper_bound(of, expected.sequence, {}, &stored_commit::sequence);
  if (follower != of.end() && follower->id == id) return follower->position();
  return fail(errc::version_conflict, "the log ends at version " +
                                          std::to_string(end_of(of).version.value()) + ", not " +
                                          std::to_string(expected.version.value()));
}

bytes_view kept(const bytes& data, std::pmr::memory_resource& memory) {
  auto* const copy = static_cast<std::byte*>(memory.allocate(data.size(), 1));
  std::ranges::copy(data, copy);
  return {copy, data.size()};
}

recorded_commit decoded_commit(const history& of, std::size_t nth) {
  auto read = decode_framed(of[nth].encoded, std::nullopt);
  AETHER_ASSERT(read.has_value());
  return {std::move(read->commit), of[nth].sequence, read->frame.previous,
          nth == 0 ? stream_sequence{} : of[nth - 1].sequence};
}

std::vector<recorded_commit> part_of(const history& of, event_version from, std::size_t most) {
  const auto ends_before = [from](const stored_commit& one) { return one.last < from; };
  std::vector<recorded_commit> part;
  const auto begin = std::ranges::partition_point(of, ends_before) - of.begin();
  for (auto nth = static_cast<std::size_t>(begin); nth < of.size() && part.size() < most; ++nth)
    part.push_back(decoded_commit(of, nth));
  return part;
}

}  // namespace

struct memory_event_store::impl {
  explicit impl(std::uint32_t number_of_shards) : shards{number_of_shards} {
    AETHER_ASSERT(shards > 0);
  }

  const std::uint32_t shards;
  striped_map<history> histories;
  std::atomic<std::uint64_t> last_sequence{0};

  result<log_position> append(const actor_address& address, const log_position& expected,
                              const commit& next) {
    if (auto valid = validate(next, expected); !valid) return std::unexpected(valid.error());
    const bytes encoded = encode_commit(next, {.owner = 0, .previous = expected.commit});
    if (auto fits = check_size(encoded.size(), commit_bytes_max); !fits)
      return std::unexpected(fits.error());
    return histories.with(address, [&](history& mine, auto& memory) -> result<log_position> {
      if (end_of(mine) != expected) return settle(mine, expected, next.id);
      const bytes_view lasting = kept(encoded, memory);
      mine.push_back(
          {next.last(), sequence_for(address, expected, next, lasting), next.id, lasting});
      return mine.back().position();
    });
  }

  /// Under the lock of the actor's stripe: see `observe`.
  stream_sequence sequence_for(const actor_address& address, const log_position& expected,
                               const commit& next, bytes_view encoded) {
    if (!observed) return stream_sequence{++last_sequence};
    const std::lock_guard lock{order};
    const stream_sequence given{++last_sequence};
    std::erase_if(observers, [&](const memory_event_store::observer& sees) {
      return !sees({address, next, given, expected, encoded.size()});
    });
    return given;
  }

  stream_sequence observe(memory_event_store::observer sees) {
    stream_sequence behind;
    {
      const std::lock_guard lock{order};
      observers.push_back(std::move(sees));
      observed = true;
    }
    // An append looks at `observed` under the lock of its stripe: whoever has looked already is
    // through when each stripe was locked once.
    histories.for_each_stripe([] {});
    const std::lock_guard lock{order};
    return stream_sequence{last_sequence};
  }

  std::atomic<bool> observed{false};
  std::mutex order;
  std::vector<memory_event_store::observer> observers;
};

memory_event_store::memory_event_store(std::uint32_t shards)
    : impl_{std::make_unique<impl>(shards)} {}
memory_event_store::~memory_event_store() = default;

void memory_event_store::append(const actor_address& address, log_position expected, commit next,
                                append_handler handler) {
  handler(impl_->append(address, expected, next));
}

void memory_event_store::read(const actor_address& address, event_version from, stream_sequence,
                              std::size_t commits_max, read_handler handler) {
  handler(impl_->histories.with_existing(address, [&](const history* mine) {
    return mine == nullptr ? std::vector<recorded_commit>{} : part_of(*mine, from, commits_max);
  }));
}

void memory_event_store::latest(const actor_address& address, latest_handler handler) {
  handler(impl_->histories.with_existing(address, [](const history* mine) {
    return mine == nullptr || mine->empty()
               ? std::nullopt
               : std::optional{decoded_commit(*mine, mine->size() - 1)};
  }));
}

void memory_event_store::fetch(const actor_address& address, std::vector<stream_sequence> sequences,
                               read_handler handler) {
  handler(impl_->histories.with_existing(address, [&](const history* mine) {
    std::vector<recorded_commit> found;
    for (const auto wanted : sequences) {
      if (mine == nullptr) break;
      const auto at = std::ranges::lower_bound(*mine, wanted, {}, &stored_commit::sequence);
      if (at != mine->end() && at->sequence == wanted)
        found.push_back(decoded_commit(*mine, static_cast<std::size_t>(at - mine->begin())));
    }
    return found;
  }));
}

void memory_event_store::records(const actor_address& address, records_handler handler) {
  handler(impl_->histories.with_existing(address, [](const history* mine) {
    std::vector<history_record> all;
    if (mine == nullptr) return all;
    for (std::size_t nth = 0; nth < mine->size(); ++nth)
      all.push_back({(*mine)[nth].sequence, decoded_commit(*mine, nth)});
    return all;
  }));
}

stream_sequence memory_event_store::observe(observer sees) {
  return impl_->observe(std::move(sees));
}

std::uint32_t memory_event_store::shards() const noexcept { return impl_->shards; }

void memory_event_store::actors(const actor_type& type, shard_id shard, actors_handler handler) {
  if (shard.value() >= impl_->shards)
    return handler(fail(errc::invalid_argument, "no shard " + std::to_string(shard.value())));
  std::vector<actor_id> found;
  impl_->histories.for_each([&](const actor_address& address, const history& of) {
    if (address.type == type && shard_of(address, impl_->shards) == shard && !of.empty())
      found.push_back(address.id);
  });
  std::ranges::sort(found);
  handler(std::move(found));
}

shard_range memory_event_store::stored_together(shard_id) const noexcept {
  return {shard_id{0}, impl_->shards};
}

void memory_event_store::read_shards(shard_range which, stream_sequence after,
                                     shard_handler handler) {
  if (!which.within(stored_together(which.first))) {
    (void)handler(fail(errc::invalid_argument, "there is no " + to_string(which)));
    return;
  }
  // What is appended meanwhile may be seen in one stripe and missed in another, where it came
  // first. A sequence is given out under the lock of its stripe: whatever it is up to this one, it
  // is found.
  const stream_sequence end{impl_->last_sequence};
  shard_page page{.entries = {}, .last = true};
  impl_->histories.for_each([&](const actor_address& address, const history& of) {
    if (!which.contains(shard_of(address, impl_->shards))) return;
    for (std::size_t nth = 0; nth < of.size(); ++nth)
      if (of[nth].sequence > after && of[nth].sequence <= end)
        page.entries.push_back({address, {of[nth].sequence, decoded_commit(of, nth)}});
  });
  std::ranges::sort(page.entries, {}, [](const auto& one) { return one.record.sequence; });
  (void)handler(std::move(page));
}

}  // namespace aether
