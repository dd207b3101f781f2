#include <aether/persistence/scripted_store.hpp>
#include "call_gate.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace aether {

namespace {

struct save_step {
  std::optional<errc> code;
  bool lost = false;
};

std::unexpected<error> scripted(errc code) { return fail(code, "as scripted"); }

}  // namespace

struct scripted_snapshot_store::impl {
  explicit impl(std::shared_ptr<snapshot_store> store) : behind{std::move(store)} {
    AETHER_ASSERT(behind != nullptr);
  }

  const std::shared_ptr<snapshot_store> behind;
  call_gate gate;
  script<save_step> saves;
  script<std::optional<errc>> loads;
  struct {
    std::atomic<std::size_t> save{0}, load{0}, load_shards{0};
  } calls;
};

scripted_snapshot_store::scripted_snapshot_store(std::shared_ptr<snapshot_store> behind)
    : impl_{std::make_unique<impl>(std::move(behind))} {}
scripted_snapshot_store::~scripted_snapshot_store() = default;

void scripted_snapshot_store::fail_saves(errc code, std::size_t count) {
  impl_->saves.add({code, false}, count);
}
void scripted_snapshot_store::lose_saves(std::size_t count) {
  impl_->saves.add({std::nullopt, true}, count);
}
void scripted_snapshot_store::fail_loads(errc code, std::size_t count) {
  impl_->loads.add(code, count);
}
void scripted_snapshot_store::hold_calls() { impl_->gate.close(); }
void scripted_snapshot_store::release() { impl_->gate.open(); }
std::size_t scripted_snapshot_store::held() const { return impl_->gate.held(); }

scripted_snapshot_store::call_counts scripted_snapshot_store::calls() const {
  return {impl_->calls.save, impl_->calls.load, impl_->calls.load_shards};
}

void scripted_snapshot_store::save(const actor_address& address, snapshot taken,
                                   save_handler handler) {
  ++impl_->calls.save;
  impl_->gate.pass(false, [self = impl_.get(), address, taken = std::move(taken),
                           handler = std::move(handler)]() mutable {
    const save_step next = self->saves.take();
    if (next.code) return handler(scripted(*next.code));
    if (next.lost) return handler({});
    self->behind->save(address, std::move(taken), std::move(handler));
  });
}

void scripted_snapshot_store::load(const actor_address& address, event_version at_most,
                                   load_handler handler) {
  ++impl_->calls.load;
  impl_->gate.pass(false,
                   [self = impl_.get(), address, at_most, handler = std::move(handler)]() mutable {
                     if (const auto code = self->loads.take()) return handler(scripted(*code));
                     self->behind->load(address, at_most, std::move(handler));
                   });
}

void scripted_snapshot_store::load_shards(shard_range which, shard_handler handler) {
  ++impl_->calls.load_shards;
  impl_->gate.pass(false, [self = impl_.get(), which, handler = std::move(handler)]() mutable {
    if (const auto code = self->loads.take()) return handler(scripted(*code));
    self->behind->load_shards(which, std::move(handler));
  });
}

}  // namespace aether
