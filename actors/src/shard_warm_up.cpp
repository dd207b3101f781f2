#include "shard_warm_up.hpp"

#include <aether/runtime/log.hpp>

#include <algorithm>

namespace aether {

namespace {

std::size_t size_of(const commit& of) {
  std::size_t sum = sizeof(recorded_commit);
  for (const auto& event : of.events) sum += sizeof event + event.data.size();
  for (const auto& command : of.commands) sum += sizeof command + command.reply.size();
  return sum;
}

/// Takes those shards out of the last of `ranges` that are stored together with its first.
shard_range take_group(const event_store& store, std::vector<shard_range>& ranges) {
  shard_range& from = ranges.back();
  const shard_range together = store.stored_together(from.first);
  const auto end = together.first.value() + together.count - from.first.value();
  const auto count = std::min(from.count, static_cast<std::uint32_t>(end));
  const shard_range group{from.first, count};
  from = {shard_id{from.first.value() + count}, from.count - count};
  if (from.count == 0) ranges.pop_back();
  return group;
}

}  // namespace

void shard_warm_up::start() {
  for (const auto& range : left_)
    if (!range.within({shard_id{0}, host_->events->shards()}))
      return fail_with({errc::invalid_argument, "there is no " + to_string(range)});
  std::ranges::reverse(left_);
  next_group();
}

void shard_warm_up::fail_with(error why) { done_(std::unexpected(std::move(why))); }

void shard_warm_up::next_group() {
  if (left_.empty()) return done_(woken_);
  group_ = take_group(*host_->events, left_);
  bytes_ = 0;
  reached_ = {};
  host_->snapshots->load_shards(
      group_, [self = shared_from_this()](result<std::vector<snapshot_store::placed>> found) {
        self->snapshots_loaded(std::move(found));
      });
}

void shard_warm_up::snapshots_loaded(result<std::vector<snapshot_store::placed>> found) {
  if (!found) return fail_with(std::move(found).error());
  for (auto& [address, taken] : *found) {
    bytes_ += taken.state.size() + taken.window.size();
    found_[std::move(address)].ahead.newest = std::move(taken);
  }
  host_->events->read_shards(group_, {}, [self = shared_from_this()](result<shard_page> page) {
    return self->page_read(std::move(page));
  });
}

bool shard_warm_up::page_read(result<shard_page> page) {
  if (!page) {
    fail_with(std::move(page).error());
    return false;
  }
  take(*page);
  const bool too_much = bytes_ > bytes_max;
  if (!page->last && !too_much) return true;
  wake_all();
  if (too_much)
    log::warn("actor_host", "warm_up_cut_short",
              {{"shards", to_string(group_)}, {"bytes", bytes_}});
  if (too_much || !page->up_to_date) {
    hand_over(false);
    return false;
  }
  host_->events->read_shards(group_, reached_,
                             [self = shared_from_this()](result<shard_page> more) {
                               return self->page_reread(std::move(more));
                             });
  return false;
}

bool shard_warm_up::page_reread(result<shard_page> page) {
  if (page) take(*page);
  if (page && !page->last && bytes_ <= bytes_max) return true;
  hand_over(page && page->last);
  return false;
}

void shard_warm_up::take(shard_page& page) {
  for (auto& [address, record] : page.entries) {
    reached_ = std::max(reached_, record.sequence);
    if (!host_->accepts(address.type, shard_of(address, host_->options.shards))) continue;
    read_ahead& mine = found_[address].ahead;
    // What is damaged is found, and told with its place, by reading the actor's own history.
    const auto before = mine.commits.empty() ? log_position{} : mine.commits.back().position();
    mine.damaged = mine.damaged || !record.found || !record.found->follows(before);
    if (mine.damaged) continue;
    // The end is kept, so that the actor knows it; before that, only what the snapshot lacks.
    if (!mine.commits.empty() && mine.covers(mine.commits.back().commit)) mine.commits.clear();
    bytes_ += size_of(record.found->commit);
    mine.commits.push_back(std::move(*record.found));
  }
}

void shard_warm_up::wake_all() {
  for (auto& [address, one] : found_) {
    one.woken = host_->bring_to_life(address);
    if (one.woken) ++woken_;
  }
}

void shard_warm_up::hand_over(bool to_the_end) {
  for (auto& [address, one] : found_) {
    if (!one.woken) continue;
    one.ahead.to_the_end = to_the_end && !one.ahead.damaged;
    host_->post(one.woken, entity_input::ahead{std::make_unique<read_ahead>(std::move(one.ahead))});
  }
  found_.clear();
  next_group();
}

}  // namespace aether
