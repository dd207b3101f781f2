#include "caf_host_core.hpp"

#include "caf_entity_runner.hpp"
#include "caf_eviction.hpp"

#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <ctime>
#include <thread>

namespace aether {

namespace {

/// Actors that may be too many at any rate before more are refused.
constexpr std::uint64_t crowd_min = 64;
constexpr unsigned parts = 16;
constexpr std::chrono::milliseconds eviction_pause{1'000};
constexpr std::chrono::milliseconds revival_pause{1'000};

void configure(caf::actor_system_config& config, const host_options& options) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  // "stealing", CAF's default, collapsed with many actors on few cores.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", options.workers == 0 ? cores : options.workers);
}

/// What it weighs before anything is known of it.
std::size_t weight_of(const actor_address& address) {
  return sizeof(entity_runner) + address.type.str().size() + address.id.str().size();
}

actor_address singleton_of(const actor_type& type) {
  return {type, actor_id::parse(singleton_id).value()};
}

std::uint64_t beyond(std::uint64_t is, std::uint64_t max, unsigned slack) noexcept {
  if (max == 0) return 0;
  const std::uint64_t wanted = max - max * slack / parts;
  return is > wanted ? is - wanted : 0;
}

}  // namespace

host_core::host_core(host_options host, std::shared_ptr<event_store> event,
                     std::shared_ptr<snapshot_store> snapshot, timers& timer)
    : options{std::move(host)},
      events{std::move(event)},
      snapshots{std::move(snapshot)},
      dead{options.dead_letters ? options.dead_letters : std::make_shared<dead_letters>()},
      clock{timer},
      permits{options.recovery_permits,
              [this](const activation_ptr& to) { return post(to, entity_input::permitted{}); }},
      waiting_{options.waiting_bytes_max} {
  AETHER_ASSERT(options.shards > 0 && options.mailbox_max > 0 && options.recovery_permits > 0);
  configure(config_, options);
  system_ = std::make_unique<caf::actor_system>(config_);
  system_->await_actors_before_shutdown(false);
  system_alive_ = system_.get();
}

std::chrono::system_clock::time_point host_core::wall_clock() const {
  try {
    return options.wall_clock();
  } catch (...) {
    return std::chrono::system_clock::now();
  }
}

instant host_core::now() const {
  const auto steady = std::chrono::steady_clock::now();
  // In the order opposite to that of `set_contact_until`: an end never goes with an older
  // beginning.
  const auto until = contact_until_.load();
  return {steady, wall_clock(), {contact_since_.load(), until, serves_until_.load()}};
}

void host_core::set_contact_until(std::chrono::steady_clock::time_point until,
                                  std::chrono::steady_clock::time_point serves_until) {
  const std::lock_guard lock{contact_mutex_};
  const auto now = std::chrono::steady_clock::now();
  if (contact_until_.load() <= now) contact_since_ = now;
  contact_until_ = until;
  serves_until_ = serves_until;
}

const host_core::hosted_type* host_core::find_type(const actor_type& type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second;
}

host_core::hosted_type* host_core::find(const actor_type& type) {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second;
}

void host_core::add_type(const actor_traits& traits, behavior_factory factory) {
  const auto [added, is_new] = types_.try_emplace(traits.type);
  auto& type = added->second;
  type.traits = &traits;
  type.factory = std::move(factory);
  if (!is_new) return;
  type.slots = std::vector<slot_service>(options.shards);
  if (traits.singleton) slot_of(type, stable_hash(singleton_of(traits.type))).kept = true;
  if (!options.accepts_all) return;
  for (auto& slot : type.slots) slot.now = slot_service::stage::accepted;
  if (traits.singleton) keep_alive(traits.type);
}

slot_service* host_core::find_slot(const actor_type& type, shard_id shard) {
  AETHER_ASSERT(shard.value() < options.shards);
  auto* known = find(type);
  return known == nullptr ? nullptr : &known->slots[shard.value()];
}

void host_core::accept(const actor_type& type, shard_id shard) {
  auto* slot = find_slot(type, shard);
  if (slot == nullptr) return;
  slot->now = slot_service::stage::accepted;
  tell_of(drains_.left(*slot, false));
  if (slot->kept) keep_alive(type);
}

void host_core::keep_alive(const actor_type& type) {
  const auto address = singleton_of(type);
  const std::uint64_t hash = stable_hash(address);
  auto& hosted = *find(type);
  auto& stripe = registry_.stripe_of(hash);
  const std::lock_guard lock{stripe.mutex};
  if (stopping_ || !slot_of(hosted, hash).keeps() || stripe.find(hash, address) != nullptr) return;
  wake(*activate(address, hash, hosted, stripe));
}

void host_core::keep_alive(const activation& gone) {
  if (!gone.home.keeps()) return;
  clock.after(revival_pause, [weak = weak_from_this(), type = gone.self.type] {
    if (const auto self = weak.lock()) self->keep_alive(type);
  });
}

bool host_core::accepts(const actor_type& type, shard_id shard) const noexcept {
  const auto* known = find_type(type);
  return known != nullptr && shard.value() < options.shards &&
         known->slots[shard.value()].accepts();
}

std::uint32_t host_core::now_ms() const noexcept {
  ::timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint32_t>(now.tv_sec * 1'000 + now.tv_nsec / 1'000'000);
}

result<void> host_core::deliver(const actor_address& to, envelope& command, bool bounded) {
  if (command.id.is_nil() || command.command.empty())
    return fail(errc::invalid_argument, "a command needs an id and a content");
  const std::uint64_t hash = stable_hash(to);
  const std::size_t size = command.command.footprint() + sizeof(envelope);
  auto& stripe = registry_.stripe_of(hash);
  const std::lock_guard lock{stripe.mutex};
  if (stopping_) return fail(errc::not_running, "this node is stopping");
  const activation_ptr* found = stripe.find(hash, to);
  hosted_type* const type = found == nullptr ? find(to.type) : nullptr;
  if (found == nullptr && type == nullptr)
    return fail(errc::unknown_message,
                "actor type '" + to.type.str() + "' is not hosted here; call host<...>() first");
  if (type != nullptr && type->traits->singleton && to.id.str() != singleton_id)
    return fail(errc::invalid_argument, "actor type '" + to.type.str() +
                                            "' is a singleton: its one id is '" +
                                            std::string{singleton_id} + "'");
  if (!(type == nullptr ? (*found)->home : slot_of(*type, hash)).accepts())
    return fail(errc::not_owner,
                to_string(slot{to.type, shard_id{hash % options.shards}}) + ": not served here");
  const auto refuse = [&](std::string why) -> result<void> {
    stripe.count.overloaded.fetch_add(1, std::memory_order_relaxed);
    return fail(errc::overloaded, std::move(why));
  };
  if (size > options.waiting_bytes_max)
    return fail(errc::invalid_argument, "the command takes " + std::to_string(size) +
                                            " bytes of memory; all together may " +
                                            std::to_string(options.waiting_bytes_max));
  if (bounded) {
    if (found == nullptr && crowded())
      return refuse("this node has as many actors in memory as it may; send it again");
    if (found != nullptr && (*found)->held.load(std::memory_order_relaxed) >= options.mailbox_max)
      return refuse(to_string(to) + " has " + std::to_string(options.mailbox_max) +
                    " commands waiting; slow down and send it again");
    if (!stripe.waiting.spend(size, waiting_))
      return refuse("this node has " + std::to_string(options.waiting_bytes_max) +
                    " bytes of commands waiting; slow down and send it again");
  } else {
    stripe.waiting.spend_anyway(size, waiting_);
  }
  const activation_ptr actor = found == nullptr ? activate(to, hash, *type, stripe) : *found;
  put(actor, stripe, command);
  wake(*actor);
  stripe.count.commands.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void host_core::put(const activation_ptr& to, activation_registry::stripe& stripe,
                    envelope& command) {
  to->last_used = now_ms();
  to->held.fetch_add(1, std::memory_order_relaxed);
  if (to->wants_permit) permits.now_has_commands(to);
  stripe.spare.lend(to->inbox);
  to->inbox.emplace_back(std::move(command));
}

void host_core::deliver_home(const actor_address& to, envelope command) {
  const auto id = command.id, correlation = command.correlation;
  const auto name = command.command.type().wire_name;
  auto sent = deliver(to, command, false);
  if (!sent && sent.error().code() == errc::not_owner)
    if (auto* over = router.load()) sent = over->tell(to, std::move(command));
  if (sent) return;
  dead->publish({to, id, correlation, std::string{name}, std::move(sent).error()});
}

void host_core::ended(activation& of, const envelope& command, const result<any_reply>& how,
                      bool expired) {
  of.held.fetch_sub(1, std::memory_order_relaxed);
  auto& count_in = registry_.stripe_of(of.hash).count;
  const auto add = [](std::atomic<std::uint64_t>& to) {
    to.fetch_add(1, std::memory_order_release);
  };
  if (expired) add(count_in.expired);
  if (how) return add(count_in.handled);
  if (how.error().code() == errc::rejected) return add(count_in.rejected);
  if (command.answer) return add(count_in.failed);
  add(count_in.dead_letters);
  dead->publish({of.self, command.id, command.correlation,
                 std::string{command.command.type().wire_name}, how.error()});
}

void host_core::handed_on(activation& from) {
  from.held.fetch_sub(1, std::memory_order_relaxed);
  registry_.stripe_of(from.hash).count.handed_on.fetch_add(1, std::memory_order_release);
}

activation_ptr host_core::bring_to_life(const actor_address& address) {
  const std::uint64_t hash = stable_hash(address);
  auto* type = find(address.type);
  auto& stripe = registry_.stripe_of(hash);
  const std::lock_guard lock{stripe.mutex};
  if (stopping_ || type == nullptr || !slot_of(*type, hash).accepts() || crowded()) return nullptr;
  if (stripe.find(hash, address) != nullptr) return nullptr;
  const auto actor = activate(address, hash, *type, stripe);
  actor->expects_ahead = true;
  actor->last_used = now_ms();
  wake(*actor);
  return actor;
}

activation_ptr host_core::activate(const actor_address& address, std::uint64_t hash,
                                   hosted_type& type, activation_registry::stripe& stripe) {
  activation_ptr made{new entity_runner{*this, type, address, hash, slot_of(type, hash)}, false};
  made->inbox.emplace_back(entity_input::begin{std::chrono::steady_clock::now()});
  stripe.actors.insert(hash, made);
  ++count.activations;
  ++count.resident;
  ++made->home.resident;
  weigh(*made, weight_of(address));
  return made;
}

void host_core::weigh(activation& one, std::size_t size) {
  const auto now = static_cast<std::uint32_t>(std::min<std::size_t>(size, UINT32_MAX));
  const std::uint32_t before = one.weight.exchange(now, std::memory_order_relaxed);
  count.resident_bytes.fetch_add(std::uint64_t{now} - before, std::memory_order_relaxed);
  evict_if_crowded();
}

std::pair<std::uint64_t, std::uint64_t> host_core::surplus(unsigned slack) const noexcept {
  return {beyond(count.resident, options.resident_max, slack),
          beyond(count.resident_bytes, options.resident_bytes_max, slack)};
}

std::optional<error> host_core::crowded() const {
  const auto [actors, memory] = surplus(0);
  const bool too_many = actors > std::max(options.resident_max / 8, crowd_min);
  const bool too_much = memory > options.resident_bytes_max / 8;
  if ((options.resident_max == 0 || !too_many) && (options.resident_bytes_max == 0 || !too_much))
    return std::nullopt;
  return error{errc::overloaded, ""};
}

void host_core::evict_if_crowded() {
  if (options.resident_max == 0 && options.resident_bytes_max == 0) return;
  const auto [actors, memory] = surplus(0);
  if ((actors == 0 && memory == 0) || stopping_ || evicting_.exchange(true)) return;
  std::make_shared<eviction>(weak_from_this())->start(clock);
}

void host_core::eviction_ended(std::chrono::milliseconds rest) {
  if (rest == std::chrono::milliseconds::zero()) evicting_ = false;
  // Who was busy just now may be idle then.
  clock.after(rest == std::chrono::milliseconds::zero() ? eviction_pause : rest,
              [weak = weak_from_this(), rest] {
                const auto self = weak.lock();
                if (!self) return;
                if (rest > std::chrono::milliseconds::zero()) self->evicting_ = false;
                self->evict_if_crowded();
              });
}

void host_core::wake(activation& sleeper) {
  if (std::exchange(sleeper.awake, true)) return;
  sleeper.ref();  // the scheduler's
  system_->scheduler().enqueue(&sleeper);
}

bool host_core::post(const activation_ptr& to, any_entity_input input) {
  if (entity_runner::joins_round(*to, input)) return true;
  auto& stripe = registry_.stripe_of(to->hash);
  const std::lock_guard lock{stripe.mutex};
  if (to->gone) return false;
  to->inbox.push_back(std::move(input));
  wake(*to);
  return true;
}

bool host_core::take_inbox(activation& self, std::vector<any_entity_input>& into,
                           std::size_t freed) {
  auto& stripe = registry_.stripe_of(self.hash);
  std::vector<any_entity_input> surplus;
  const std::lock_guard lock{stripe.mutex};
  if (freed > 0) stripe.waiting.earn(freed, waiting_);
  if (self.inbox.empty()) {
    self.awake = false;
    surplus = stripe.spare.take_back(self.inbox);
    return false;
  }
  into.swap(self.inbox);
  return true;
}

void host_core::earn(activation& self, std::size_t freed) {
  auto& stripe = registry_.stripe_of(self.hash);
  const std::lock_guard lock{stripe.mutex};
  stripe.waiting.earn(freed, waiting_);
}

bool host_core::let_go(const activation_ptr& self, bool forced,
                       std::vector<any_entity_input>& left) {
  auto& stripe = registry_.stripe_of(self->hash);
  const std::lock_guard lock{stripe.mutex};
  if (!self->inbox.empty() && !forced) return false;
  left = std::exchange(self->inbox, {});
  leave(*self, stripe);
  if (!forced) follow(*self, stripe);
  return true;
}

void host_core::succeed(const activation_ptr& self, bool ended, std::vector<envelope> first,
                        std::vector<any_entity_input>& left) {
  auto& stripe = registry_.stripe_of(self->hash);
  const std::lock_guard lock{stripe.mutex};
  auto inbox = std::exchange(self->inbox, {});
  leave(*self, stripe);
  activation_ptr next;
  const bool drains = ended && self->home.now == slot_service::stage::draining;
  const bool serves = !stopping_ && (drains || self->home.accepts());
  const auto pass_on = [&](envelope& command) {
    if (!next) next = activate(self->self, self->hash, *find(self->self.type), stripe);
    self->held.fetch_sub(1, std::memory_order_relaxed);
    put(next, stripe, command);
  };
  for (auto& command : first)
    serves ? pass_on(command) : void(left.emplace_back(std::move(command)));
  for (auto& input : inbox) {
    auto* command = std::get_if<envelope>(&input);
    serves&& command != nullptr ? pass_on(*command) : void(left.push_back(std::move(input)));
  }
  if (!next) follow(*self, stripe);
  if (next && drains) next->inbox.emplace_back(entity_input::retire{departure::when_done});
  if (next) wake(*next);
}

void host_core::follow(const activation& gone, activation_registry::stripe& stripe) {
  if (stopping_ || !gone.home.keeps()) return;
  wake(*activate(gone.self, gone.hash, *find(gone.self.type), stripe));
}

void host_core::leave(activation& gone, activation_registry::stripe& stripe) {
  gone.gone = true;
  stripe.erase(&gone);
  ++count.passivations;
  weigh(gone, 0);
}

void host_core::left_memory(slot_service& home) {
  const bool last = --count.resident == 0;
  if (--home.resident == 0 && !home.accepts()) tell_of(drains_.left(home, true));
  if (!last) return;
  const std::lock_guard lock{gone_mutex_};
  gone_.notify_all();
}

std::size_t host_core::waiting_bytes() {
  const std::size_t used = waiting_.used();
  std::size_t unspent = 0;
  for (std::size_t i = 0; i < activation_registry::stripes_max; ++i) {
    auto& stripe = registry_.at(i);
    const std::lock_guard lock{stripe.mutex};
    unspent += stripe.waiting.left();
  }
  return used - std::min(used, unspent);
}

host_stats host_core::stats() {
  host_stats made;
  made.resident = count.resident;
  made.resident_bytes = count.resident_bytes;
  made.activations = count.activations;
  made.passivations = count.passivations;
  made.evictions = count.evictions;
  made.commits = count.commits;
  made.conflicts = count.conflicts;
  made.restarts = count.restarts;
  made.quarantines = count.quarantines;
  for (std::size_t i = 0; i < activation_registry::stripes_max; ++i) {
    const auto& stripe = registry_.at(i).count;
    // What ended before what began, so that the difference is never negative.
    made.handled += stripe.handled;
    made.rejected += stripe.rejected;
    made.failed += stripe.failed;
    made.dead_letters += stripe.dead_letters;
    made.handed_on += stripe.handed_on;
    made.expired += stripe.expired;
    made.overloaded += stripe.overloaded;
    made.commands += stripe.commands;
  }
  made.waiting_bytes = waiting_bytes();
  made.waiting = made.commands - made.handled - made.rejected - made.failed - made.dead_letters -
                 made.handed_on;
  return made;
}

}  // namespace aether
