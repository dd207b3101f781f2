#include <aether/persistence/memory_store.hpp>
#include "../commit_rules.hpp"
#include "../snapshot_format.hpp"
#include "striped_map.hpp"

namespace aether {

struct memory_snapshot_store::impl {
  striped_map<snapshot> newest;

  result<void> save(const actor_address& address, snapshot taken) {
    if (auto valid = validate(taken); !valid) return valid;
    if (auto fits = check_size(taken.state.size() + taken.window.size(), commit_bytes_max); !fits)
      return fits;
    newest.with(address, [&](snapshot& mine, auto&) { mine = std::move(taken); });
    return {};
  }
};

memory_snapshot_store::memory_snapshot_store() : impl_{std::make_unique<impl>()} {}
memory_snapshot_store::~memory_snapshot_store() = default;

void memory_snapshot_store::save(const actor_address& address, snapshot taken,
                                 save_handler handler) {
  handler(impl_->save(address, std::move(taken)));
}

void memory_snapshot_store::load(const actor_address& address, load_handler handler) {
  handler(impl_->newest.with_existing(address, [](const snapshot* mine) {
    return mine == nullptr ? std::nullopt : std::optional{*mine};
  }));
}

}  // namespace aether
