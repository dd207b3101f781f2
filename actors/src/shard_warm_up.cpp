#include "shard_warm_up.hpp"

#include <aether/runtime/log.hpp>

namespace aether {

namespace {

std::size_t size_of(const commit& of) {
  std::size_t sum = sizeof(recorded_commit);
  for (const auto& event : of.events) sum += sizeof event + event.data.size();
  for (const auto& command : of.commands) sum += sizeof command + command.reply.size();
  return sum;
}

}  // namespace

void shard_warm_up::start() {
  host_->snapshots->load_shard(
      shard_, [self = shared_from_this()](result<std::vector<snapshot_store::placed>> found) {
        self->snapshots_loaded(std::move(found));
      });
}

void shard_warm_up::snapshots_loaded(result<std::vector<snapshot_store::placed>> found) {
  if (!found) return done_(std::unexpected(std::move(found).error()));
  for (auto& [address, taken] : *found) {
    bytes_ += taken.state.size() + taken.window.size();
    found_[std::move(address)].newest = std::move(taken);
  }
  host_->events->read_shard(shard_, {}, [self = shared_from_this()](result<shard_page> page) {
    return self->page_read(std::move(page));
  });
}

bool shard_warm_up::page_read(result<shard_page> page) {
  if (!page) {
    done_(std::unexpected(std::move(page).error()));
    return false;
  }
  for (auto& entry : page->entries) take(entry);
  if (bytes_ > bytes_max)
    log::warn("actor_host", "warm_up_cut_short", {{"shard", shard_.value()}, {"bytes", bytes_}});
  if (!page->last && bytes_ <= bytes_max) return true;
  finish();
  return false;
}

void shard_warm_up::take(shard_page::entry& entry) {
  // What is damaged is found, and told, by the actor itself.
  if (!entry.record.commit || host_->find_type(entry.address.type) == nullptr) return;
  read_ahead& mine = found_[entry.address];
  if (mine.newest && entry.record.commit->last() <= mine.newest->position.version) return;
  bytes_ += size_of(*entry.record.commit);
  mine.commits.push_back({std::move(*entry.record.commit), entry.record.sequence});
}

void shard_warm_up::finish() {
  std::size_t woken = 0;
  for (auto& [address, ahead] : found_)
    woken += host_->bring_to_life(address, std::move(ahead)) ? 1 : 0;
  found_.clear();
  done_(woken);
}

}  // namespace aether
