#include <aether/persistence/memory_store.hpp>
#include "../commit_rules.hpp"
#include "../snapshot_format.hpp"
#include "striped_map.hpp"

#include <algorithm>
#include <vector>

namespace aether {

struct memory_snapshot_store::impl {
  impl(std::size_t keep, std::uint32_t number_of_shards) : kept{keep}, shards{number_of_shards} {
    AETHER_ASSERT(kept > 0 && shards > 0);
  }

  const std::size_t kept;
  const std::uint32_t shards;
  /// Oldest first.
  striped_map<std::vector<snapshot>> newest;

  result<void> save(const actor_address& address, snapshot taken) {
    if (auto valid = validate(taken); !valid) return valid;
    if (auto fits = check_size(taken.state.size() + taken.window.size(), commit_bytes_max); !fits)
      return fits;
    newest.with(address, [&](std::vector<snapshot>& mine, auto&) {
      if (mine.size() == kept) mine.erase(mine.begin());
      mine.push_back(std::move(taken));
    });
    return {};
  }

  std::optional<snapshot> load(const actor_address& address, event_version at_most) {
    return newest.with_existing(
        address, [&](const std::vector<snapshot>* mine) -> std::optional<snapshot> {
          if (mine == nullptr) return std::nullopt;
          const auto fits = [&](const snapshot& one) { return one.position.version <= at_most; };
          const auto found = std::find_if(mine->rbegin(), mine->rend(), fits);
          return found == mine->rend() ? std::nullopt : std::optional{*found};
        });
  }
};

memory_snapshot_store::memory_snapshot_store(std::size_t kept, std::uint32_t shards)
    : impl_{std::make_unique<impl>(kept, shards)} {}
memory_snapshot_store::~memory_snapshot_store() = default;

void memory_snapshot_store::save(const actor_address& address, snapshot taken,
                                 save_handler handler) {
  handler(impl_->save(address, std::move(taken)));
}

void memory_snapshot_store::load(const actor_address& address, event_version at_most,
                                 load_handler handler) {
  handler(impl_->load(address, at_most));
}

void memory_snapshot_store::load_shards(shard_range which, shard_handler handler) {
  if (!which.within({shard_id{0}, impl_->shards}))
    return handler(fail(errc::invalid_argument, "there is no " + to_string(which)));
  std::vector<placed> found;
  impl_->newest.for_each([&](const actor_address& address, const std::vector<snapshot>& mine) {
    if (!mine.empty() && which.contains(shard_of(address, impl_->shards)))
      found.push_back({address, mine.back()});
  });
  handler(std::move(found));
}

}  // namespace aether
