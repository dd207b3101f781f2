#include "caf_host_core.hpp"

#include <aether/runtime/log.hpp>
#include "caf_entity_runner.hpp"

#include <caf/exit_reason.hpp>
#include <caf/logger.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <thread>

namespace aether {

namespace {

void configure(caf::actor_system_config& config, const host_options& options) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  // "stealing", CAF's default, collapsed with many actors on few cores.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", options.workers == 0 ? cores : options.workers);
}

}  // namespace

host_core::host_core(host_options host, std::shared_ptr<event_store> event,
                     std::shared_ptr<snapshot_store> snapshot, timers& timer)
    : options{std::move(host)},
      events{std::move(event)},
      snapshots{std::move(snapshot)},
      clock{timer},
      permits{options.recovery_permits,
              [this](const activation_ptr& to) { return post(to, entity_input::permitted{}); }},
      accepted_(options.shards) {
  AETHER_ASSERT(options.shards > 0 && options.mailbox_max > 0 && options.recovery_permits > 0);
  for (auto& shard : accepted_) shard = options.accepts_all;
  configure(config_, options);
  system_ = std::make_unique<caf::actor_system>(config_);
  system_->await_actors_before_shutdown(false);
}

const host_core::hosted_type* host_core::find_type(const actor_type& type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second;
}

void host_core::add_type(const actor_traits& traits, behavior_factory factory) {
  types_.insert_or_assign(traits.type, hosted_type{&traits, std::move(factory)});
}

result<void> host_core::deliver(const actor_address& to, envelope& command) {
  if (command.id.is_nil() || command.command.empty())
    return fail(errc::invalid_argument, "a command needs an id and a content");
  const std::uint64_t hash = stable_hash(to);
  const shard_id shard{hash % options.shards};
  auto& stripe = registry_.stripe_of(hash);
  const std::lock_guard lock{stripe.mutex};
  if (stopping_) return fail(errc::not_running, "this node is stopping");
  if (!accepts(shard))
    return fail(errc::not_owner, "shard " + std::to_string(shard.value()) + " is not served here");
  if (!in_contact.load(std::memory_order_relaxed))
    return fail(errc::unavailable, "this node has lost contact with the cluster");
  const activation_ptr* found = stripe.find(hash, to);
  activation* actor = found == nullptr ? nullptr : found->get();
  if (actor == nullptr) {
    if (find_type(to.type) == nullptr)
      return fail(errc::unknown_message,
                  "actor type '" + to.type.str() + "' is not hosted here; call host<...>() first");
    actor = activate(to, hash, shard, stripe).get();
  }
  if (actor->held.load(std::memory_order_relaxed) >= options.mailbox_max)
    return fail(errc::overloaded, to_string(to) + " has " + std::to_string(options.mailbox_max) +
                                      " commands waiting; slow down and send it again");
  actor->last_used = tick_.load(std::memory_order_relaxed);
  actor->held.fetch_add(1, std::memory_order_relaxed);
  if (found != nullptr && actor->wants_permit) permits.now_has_commands(*found);
  stripe.spare.lend(actor->inbox);
  actor->inbox.emplace_back(std::move(command));
  wake(*actor);
  count.commands.fetch_add(1, std::memory_order_relaxed);
  return {};
}

activation_ptr host_core::bring_to_life(const actor_address& address) {
  const std::uint64_t hash = stable_hash(address);
  const shard_id shard{hash % options.shards};
  auto& stripe = registry_.stripe_of(hash);
  const std::lock_guard lock{stripe.mutex};
  if (stopping_ || !accepts(shard) || find_type(address.type) == nullptr) return nullptr;
  if (stripe.find(hash, address) != nullptr) return nullptr;
  const auto actor = activate(address, hash, shard, stripe);
  actor->expects_ahead = true;
  actor->last_used = tick_.load(std::memory_order_relaxed);
  wake(*actor);
  return actor;
}

activation_ptr host_core::activate(const actor_address& address, std::uint64_t hash, shard_id shard,
                                   activation_registry::stripe& stripe) {
  auto made = std::make_shared<activation>(address, hash, shard);
  made->inbox.emplace_back(entity_input::begin{});
  made->runner = system_->spawn<entity_runner, caf::hidden>(shared_from_this(), made,
                                                            *find_type(address.type));
  // Spawning leaves CAF's logger with the calling thread, and the actor system waits in its
  // destructor until every thread has given the logger back.
  caf::logger::set_current_actor_system(nullptr);
  stripe.actors.insert(hash, made);
  ++count.activations;
  ++count.resident;
  return made;
}

void host_core::wake(activation& sleeper) {
  if (std::exchange(sleeper.awake, true)) return;
  caf::actor_cast<caf::abstract_actor*>(sleeper.runner)
      ->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), caf::no_stages,
                                          wake_atom::value),
                nullptr);
}

bool host_core::post(const activation_ptr& to, any_entity_input input) {
  if (entity_runner::joins_round(*to, input)) return true;
  auto& stripe = registry_.stripe_of(to->hash);
  const std::lock_guard lock{stripe.mutex};
  if (!to->runner) return false;
  to->inbox.push_back(std::move(input));
  wake(*to);
  return true;
}

bool host_core::take_inbox(activation& self, std::vector<any_entity_input>& into) {
  auto& stripe = registry_.stripe_of(self.hash);
  std::vector<any_entity_input> surplus;
  const std::lock_guard lock{stripe.mutex};
  if (self.inbox.empty()) {
    self.awake = false;
    surplus = stripe.spare.take_back(self.inbox);
    return false;
  }
  into.swap(self.inbox);
  return true;
}

bool host_core::let_go(const activation_ptr& self, bool forced,
                       std::vector<any_entity_input>& left) {
  caf::actor runner;  // released after the lock
  {
    auto& stripe = registry_.stripe_of(self->hash);
    const std::lock_guard lock{stripe.mutex};
    if (!self->inbox.empty() && !forced) return false;
    left = std::exchange(self->inbox, {});
    runner = std::exchange(self->runner, nullptr);
    stripe.erase(self);
  }
  ++count.passivations;
  if (--count.resident == 0) {
    const std::lock_guard lock{gone_mutex_};
    gone_.notify_all();
  }
  return true;
}

void host_core::release(shard_id shard) {
  accepted(shard) = false;
  std::vector<activation_ptr> leaving;
  registry_.for_each([&](const activation_ptr& actor) {
    if (actor->shard == shard) leaving.push_back(actor);
  });
  for (const auto& actor : leaving) post(actor, entity_input::retire{true});
}

void host_core::sweep_idle() {
  if (stopping_) return;
  const std::uint32_t now = ++tick_;
  std::vector<activation_ptr> idle;
  registry_.for_each([&](const activation_ptr& actor) {
    if (actor->inbox.empty() && actor->held == 0 && now - actor->last_used > 2)
      idle.push_back(actor);
  });
  for (const auto& actor : idle) post(actor, entity_input::retire{false});
  schedule_sweep();
}

void host_core::schedule_sweep() {
  using namespace std::chrono_literals;
  clock.after(std::max(options.passivate_after / 2, 1ms), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep_idle();
  });
}

bool host_core::stop(std::chrono::milliseconds timeout) {
  const std::lock_guard once{stop_mutex_};
  if (stopped_) return *stopped_;
  stopping_ = true;
  for (auto& shard : accepted_) shard = false;
  std::vector<activation_ptr> all;
  registry_.for_each([&](const activation_ptr& actor) { all.push_back(actor); });
  for (const auto& actor : all) post(actor, entity_input::retire{true});
  {
    std::unique_lock lock{gone_mutex_};
    stopped_ = gone_.wait_for(lock, timeout, [&] { return count.resident == 0; });
  }
  drop_all();
  return *stopped_;
}

void host_core::drop_all() {
  std::vector<activation_ptr> dropped;
  // Asks are answered by going with these, unlocked.
  std::vector<std::vector<any_entity_input>> inboxes;
  std::vector<caf::actor> runners;
  registry_.for_each([&](const activation_ptr& actor) {
    if (!actor->runner) return;
    caf::anon_send_exit(actor->runner, caf::exit_reason::kill);
    runners.push_back(std::exchange(actor->runner, nullptr));
    inboxes.push_back(std::exchange(actor->inbox, {}));
    dropped.push_back(actor);
  });
  runners.clear();
  system_.reset();
  std::uint64_t commands = 0;
  for (const auto& actor : dropped) commands += actor->held;
  if (!dropped.empty())
    log::warn("actor_host", "stopped_by_force",
              {{"actors", dropped.size()}, {"commands_without_outcome", commands}});
}

}  // namespace aether
