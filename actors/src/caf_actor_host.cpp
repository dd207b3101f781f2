#include <aether/actors/actor_host.hpp>
#include "caf_host_core.hpp"
#include "shard_warm_up.hpp"

namespace aether {

struct actor_host::impl {
  std::shared_ptr<host_core> core;
};

actor_host::actor_host(host_options options, std::shared_ptr<event_store> events,
                       std::shared_ptr<snapshot_store> snapshots, timers& clock)
    : impl_{std::make_unique<impl>()} {
  impl_->core = std::make_shared<host_core>(std::move(options), std::move(events),
                                            std::move(snapshots), clock);
  impl_->core->router = this;
  impl_->core->sweep_idle();
}

actor_host::~actor_host() { stop(std::chrono::seconds{5}); }

void actor_host::host_type(const actor_traits& traits, behavior_factory factory) {
  impl_->core->add_type(traits, std::move(factory));
}

const actor_traits* actor_host::find_type(const actor_type& type) const {
  const auto* found = impl_->core->find_type(type);
  return found == nullptr ? nullptr : found->traits;
}

result<void> actor_host::tell(const actor_address& to, envelope command) {
  return impl_->core->deliver(to, command);
}

void actor_host::ask(const actor_address& to, envelope command) {
  if (auto sent = impl_->core->deliver(to, command); !sent)
    command.answer(std::unexpected(std::move(sent).error()));
}

result<void> actor_host::deliver_waiting(const actor_address& to, envelope command) {
  auto sent = impl_->core->deliver(to, command, false);
  if (sent || !command.answer) return sent;
  command.answer(std::unexpected(std::move(sent).error()));
  return {};
}

void actor_host::lost(const dead_letter& letter) { impl_->core->dead->publish(letter); }

void actor_host::warm_up(std::vector<shard_range> which, warm_up_handler done) {
  std::make_shared<shard_warm_up>(impl_->core, std::move(which), std::move(done))->start();
}

void actor_host::accept(const actor_type& type, shard_id shard) {
  impl_->core->accept(type, shard);
}
void actor_host::release(const actor_type& type, shard_id shard) {
  impl_->core->release(type, shard);
}
void actor_host::drain(const std::vector<slot>& which,
                       std::chrono::steady_clock::time_point deadline, drain_handler done) {
  impl_->core->drain(which, deadline, std::move(done));
}
bool actor_host::accepts(const actor_type& type, shard_id shard) const noexcept {
  return impl_->core->accepts(type, shard);
}
bool actor_host::stop(std::chrono::milliseconds timeout) { return impl_->core->stop(timeout); }

void actor_host::set_contact_until(std::chrono::steady_clock::time_point until,
                                   std::chrono::steady_clock::time_point serves_until) {
  impl_->core->set_contact_until(until, serves_until);
}

void actor_host::set_epoch(writer_epoch epoch) noexcept { impl_->core->epoch = epoch.value(); }

void actor_host::send_through(command_router& router) noexcept { impl_->core->router = &router; }

dead_letters& actor_host::dead_letters() const noexcept { return *impl_->core->dead; }

host_stats actor_host::stats() const { return impl_->core->stats(); }

}  // namespace aether
