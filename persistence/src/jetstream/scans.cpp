#include "scans.hpp"

#include <aether/runtime/log.hpp>
#include "../snapshot_format.hpp"

#include <utility>

namespace aether {

namespace {

void report_stray(const stored_record& record, const error& why) {
  log::warn(
      "store", "stray_message",
      {{"subject", record.subject}, {"sequence", record.sequence.value()}, {"why", why.message()}});
}

error misplaced() { return {errc::corrupt_history, "the actor belongs to another shard"}; }

class records_collector final : public scan_sink {
 public:
  records_collector(commit_place place, event_store::records_handler handler)
      : place_{std::move(place)}, handler_{std::move(handler)} {}
  void take(const stored_record& record) override {
    found_.push_back(history_record_of(record, place_));
  }
  bool page_ended(bool last, std::uint64_t) override {
    if (last) handler_(std::move(found_));
    return true;
  }
  void failed(error why) override { handler_(std::unexpected(std::move(why))); }

 private:
  commit_place place_;
  event_store::records_handler handler_;
  std::vector<history_record> found_;
};

class shards_collector final : public scan_sink {
 public:
  shards_collector(subjects names, wanted_shards wanted, std::shared_ptr<stream_watch> watch,
                   event_store::shard_handler handler)
      : names_{std::move(names)},
        wanted_{std::move(wanted)},
        watch_{std::move(watch)},
        handler_{std::move(handler)} {}
  void page_begins(std::size_t about) override { page_.entries.reserve(about); }
  void take(const stored_record& record) override {
    auto whose = names_.parse_commits(record.subject);
    if (!whose) return report_stray(record, whose.error());
    if (!wanted_.which.contains(whose->shard)) return;
    if (shard_of(whose->address, wanted_.shards) != whose->shard)
      return report_stray(record, misplaced());
    const auto owner = owner_mark(names_.name(), whose->address);
    page_.entries.push_back(
        {std::move(whose->address), history_record_of(record, wanted_.stream, owner)});
  }
  bool page_ended(bool last, std::uint64_t behind) override {
    if (!page_.entries.empty()) {
      const auto& newest = page_.entries.back().record;
      watch_->saw(wanted_.stream_index,
                  {newest.sequence, newest.found ? newest.found->commit.id : commit_id{}});
    }
    page_.last = last;
    page_.up_to_date = wanted_.up_to_date;
    page_.behind = behind;
    return handler_(std::exchange(page_, {}));
  }
  void failed(error why) override { (void)handler_(std::unexpected(std::move(why))); }

 private:
  subjects names_;
  wanted_shards wanted_;
  std::shared_ptr<stream_watch> watch_;
  event_store::shard_handler handler_;
  shard_page page_;
};

class snapshots_collector final : public scan_sink {
 public:
  snapshots_collector(subjects names, shard_range which, std::uint32_t shards,
                      snapshot_store::shard_handler handler)
      : names_{std::move(names)}, which_{which}, shards_{shards}, handler_{std::move(handler)} {}
  void take(const stored_record& record) override {
    auto whose = names_.parse_snapshot(record.subject);
    if (!whose) return report_stray(record, whose.error());
    if (!which_.contains(whose->shard)) return;
    if (shard_of(whose->address, shards_) != whose->shard) return report_stray(record, misplaced());
    auto read = snapshot_of(record, owner_mark(names_.name(), whose->address));
    if (!read) return report_stray(record, read.error());
    found_.push_back({std::move(whose->address), std::move(*read)});
  }
  bool page_ended(bool last, std::uint64_t) override {
    if (last) handler_(std::move(found_));
    return true;
  }
  void failed(error why) override { handler_(std::unexpected(std::move(why))); }

 private:
  subjects names_;
  shard_range which_;
  std::uint32_t shards_;
  snapshot_store::shard_handler handler_;
  std::vector<snapshot_store::placed> found_;
};

class snapshot_chooser final : public scan_sink {
 public:
  snapshot_chooser(event_version at_most, std::uint64_t owner, snapshot_store::load_handler handler)
      : at_most_{at_most}, owner_{owner}, handler_{std::move(handler)} {}
  void take(const stored_record& record) override {
    auto read = snapshot_of(record, owner_);
    if (!read)
      unreadable_.emplace(std::move(read).error());
    else if (read->position.version <= at_most_ &&
             (!best_ || best_->position.version <= read->position.version))
      best_ = std::move(*read);
  }
  bool page_ended(bool last, std::uint64_t) override {
    if (!last) return true;
    if (!best_ && unreadable_)
      handler_(std::unexpected(*unreadable_));
    else
      handler_(std::move(best_));
    return true;
  }
  void failed(error why) override { handler_(std::unexpected(std::move(why))); }

 private:
  event_version at_most_;
  std::uint64_t owner_;
  snapshot_store::load_handler handler_;
  std::optional<snapshot> best_;
  std::optional<error> unreadable_;
};

}  // namespace

result<snapshot> snapshot_of(const stored_record& record, std::uint64_t owner) {
  auto read = decode_snapshot(record.payload, record.format, owner);
  if (!read) return read;
  if (auto sound = check_headers(*read, record.header); !sound)
    return std::unexpected(std::move(sound).error());
  return read;
}

std::unique_ptr<scan_sink> records_sink(commit_place place, event_store::records_handler handler) {
  return std::make_unique<records_collector>(std::move(place), std::move(handler));
}

std::unique_ptr<scan_sink> shards_sink(subjects names, wanted_shards wanted,
                                       std::shared_ptr<stream_watch> watch,
                                       event_store::shard_handler handler) {
  return std::make_unique<shards_collector>(std::move(names), std::move(wanted), std::move(watch),
                                            std::move(handler));
}

std::unique_ptr<scan_sink> snapshots_sink(subjects names, shard_range which, std::uint32_t shards,
                                          snapshot_store::shard_handler handler) {
  return std::make_unique<snapshots_collector>(std::move(names), which, shards, std::move(handler));
}

std::unique_ptr<scan_sink> snapshot_sink(event_version at_most, std::uint64_t owner,
                                         snapshot_store::load_handler handler) {
  return std::make_unique<snapshot_chooser>(at_most, owner, std::move(handler));
}

}  // namespace aether
