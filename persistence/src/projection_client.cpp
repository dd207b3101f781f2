#include <aether/persistence/projection_client.hpp>
#include <aether/runtime/codec.hpp>
#include "parked_records.hpp"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

namespace aether {

namespace {

using clock = std::chrono::steady_clock;

struct active_record {
  std::uint32_t format = 1;
  std::uint32_t version = 0;
  AETHER_MESSAGE("aether.projection_active", format, version)
};

/// Who changes what is parked may be outrun so often.
constexpr int attempts_max = 10;

std::string active_key(const std::string& name) { return "proj." + name + ".active"; }

/// Looks again and again, ever less often. @returns what `look` ended with; `timed_out` where it
/// never did.
template <class Look>
result<void> look_until(clock::time_point deadline, Look look) {
  auto pause = projection_client::look_again_min;
  while (true) {
    const result<bool> there = look();
    if (!there) return std::unexpected(there.error());
    if (*there) return {};
    const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - clock::now());
    if (left.count() <= 0) return fail(errc::timed_out, "");
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * 2, projection_client::look_again_max);
  }
}

}  // namespace

std::vector<shard_range> partitions_of(const event_store& log) {
  std::vector<shard_range> all;
  for (std::uint64_t next = 0; next < log.shards();) {
    all.push_back(log.stored_together(shard_id{next}));
    next = all.back().first.value() + all.back().count;
  }
  return all;
}

projection_client::projection_client(std::string name, std::uint32_t version, parts of)
    : name_{std::move(name)},
      version_{version},
      parts_{of.events, of.records, of.positions ? of.positions : record_positions(of.records),
             std::move(of.hint)},
      ranges_{partitions_of(*parts_.events)} {
  AETHER_ASSERT(valid_projection_name(name_) && version_ > 0);
}

std::uint32_t projection_client::partitions() const noexcept {
  return static_cast<std::uint32_t>(ranges_.size());
}

std::uint32_t projection_client::partition_of(const actor_address& actor) const noexcept {
  const auto shard = shard_of(actor, parts_.events->shards());
  const auto found =
      std::ranges::find_if(ranges_, [&](const auto& one) { return one.contains(shard); });
  return static_cast<std::uint32_t>(found - ranges_.begin());
}

result<void> projection_client::wait_for(const stored_position& seen,
                                         std::chrono::milliseconds within) const {
  const auto partition = partition_of(seen.actor);
  stream_sequence reached;
  auto done = look_until(clock::now() + within, [&]() -> result<bool> {
    const auto now = parts_.positions->load(key(partition));
    if (!now) return std::unexpected(now.error());
    reached = now->sequence;
    if (reached >= seen.sequence) return true;
    if (parts_.hint) parts_.hint(partition);
    return false;
  });
  if (done) return not_parked(seen, partition);
  if (done.error().code() != errc::timed_out) return done;
  return fail(errc::timed_out, to_string(key(partition)) + " is at sequence " +
                                   std::to_string(reached.value()) + ", not yet at " +
                                   std::to_string(seen.sequence.value()));
}

/// The position passes what is parked; the view lacks it.
result<void> projection_client::not_parked(const stored_position& seen,
                                           std::uint32_t partition) const {
  const auto lot = load_lot(*parts_.records, key(partition));
  if (!lot) return std::unexpected(lot.error());
  for (const auto& one : lot->first.entries())
    if (one.address == seen.actor && one.sequence <= seen.sequence)
      return fail(errc::handler_failed, to_string(key(partition)) + ": sequence " +
                                            std::to_string(one.sequence.value()) + " of " +
                                            to_string(one.address) + " is parked: " + one.reason);
  return {};
}

result<std::uint64_t> projection_client::lag_of(std::uint32_t partition) const {
  const auto position = parts_.positions->load(key(partition));
  if (!position) return std::unexpected(position.error());
  std::promise<result<std::uint64_t>> counted;
  auto answer = counted.get_future();
  parts_.events->read_shards(ranges_[partition], position->sequence,
                             [&counted](const result<shard_page>& page) {
                               if (page)
                                 counted.set_value(page->entries.size() + page->behind);
                               else
                                 counted.set_value(std::unexpected(page.error()));
                               return false;
                             });
  return answer.get();
}

result<std::uint64_t> projection_client::lag() const {
  std::uint64_t sum = 0;
  for (std::uint32_t k = 0; k < partitions(); ++k) {
    const auto one = lag_of(k);
    if (!one) return one;
    sum += *one;
  }
  return sum;
}

result<bool> projection_client::caught_up(std::uint64_t bound) const {
  const auto behind = lag();
  if (!behind) return std::unexpected(behind.error());
  return *behind <= bound;
}

// Parked

result<std::vector<parked_commit>> projection_client::parked() const {
  std::vector<parked_commit> all;
  for (std::uint32_t k = 0; k < partitions(); ++k) {
    const auto lot = load_lot(*parts_.records, key(k));
    if (!lot) return std::unexpected(lot.error());
    all.insert(all.end(), lot->first.entries().begin(), lot->first.entries().end());
  }
  return all;
}

/// Notes what is wanted of an entry, where it is still there.
result<void> projection_client::wish(std::uint32_t partition, stream_sequence which,
                                     parked_wish what) const {
  result<void> done;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto lot = load_lot(*parts_.records, key(partition));
    if (!lot) return std::unexpected(lot.error());
    auto* entry = lot->first.find(which);
    if (entry == nullptr) return {};
    entry->wish = what;
    const auto stored = store_lot(*parts_.records, key(partition), lot->first, lot->second);
    if (stored) return {};
    done = std::unexpected(stored.error());
  }
  return done;
}

result<std::size_t> projection_client::await_settled(std::vector<parked_commit> wished,
                                                     std::chrono::milliseconds within) const {
  const auto pending = [&](const parked_commit& one) {
    return one.wish != parked_wish::none && std::ranges::any_of(wished, [&](const auto& asked) {
             return asked.partition == one.partition && asked.sequence == one.sequence;
           });
  };
  std::size_t left = 0;
  auto done = look_until(clock::now() + within, [&]() -> result<bool> {
    const auto now = parked();
    if (!now) return std::unexpected(now.error());
    left = now->size();
    for (const auto& one : *now)
      if (pending(one) && parts_.hint) parts_.hint(one.partition);
    return std::ranges::none_of(*now, pending);
  });
  if (done) return left;
  if (done.error().code() != errc::timed_out) return std::unexpected(done.error());
  return fail(errc::timed_out, "projection " + name_ + ": not all that is parked was tried in " +
                                   std::to_string(within.count()) + " ms; does a node run it?");
}

result<std::size_t> projection_client::replay_parked(std::chrono::milliseconds within) const {
  auto all = parked();
  if (!all) return std::unexpected(all.error());
  for (const auto& one : *all)
    if (auto noted = wish(one.partition, one.sequence, parked_wish::replay); !noted)
      return std::unexpected(noted.error());
  return await_settled(std::move(*all), within);
}

result<std::size_t> projection_client::settle_parked(const parked_commit& which, parked_wish what,
                                                     std::chrono::milliseconds within) const {
  if (auto noted = wish(which.partition, which.sequence, what); !noted)
    return std::unexpected(noted.error());
  return await_settled({which}, within);
}

// Versions

result<std::uint32_t> projection_client::active_version() const {
  const auto found = parts_.records->load(active_key(name_));
  if (!found) return std::unexpected(found.error());
  if (found->value.empty()) return 0U;
  const auto read = decode<active_record>(found->value);
  if (!read) return std::unexpected(read.error());
  return read->version;
}

result<void> projection_client::activate() const {
  const auto found = parts_.records->load(active_key(name_));
  if (!found) return std::unexpected(found.error());
  const auto stored = parts_.records->store(active_key(name_), found->revision,
                                            encode(active_record{.version = version_}));
  if (!stored) return std::unexpected(stored.error());
  return {};
}

result<void> projection_client::retire() const {
  const auto active = active_version();
  if (!active) return std::unexpected(active.error());
  if (*active == version_)
    return fail(errc::invalid_argument, "version " + std::to_string(version_) + " of projection " +
                                            name_ + " is the active one: activate another first");
  for (std::uint32_t k = 0; k < partitions(); ++k) {
    // First that it is over: who still runs it finds that out when its position is gone.
    parking_lot over;
    over.retired = true;
    auto lot = load_lot(*parts_.records, key(k));
    if (!lot) return std::unexpected(lot.error());
    if (auto noted = store_lot(*parts_.records, key(k), over, lot->second); !noted)
      return std::unexpected(noted.error());
    if (auto gone = parts_.positions->forget(key(k)); !gone) return gone;
  }
  return {};
}

}  // namespace aether
