#include "coordinator.hpp"

#include <aether/runtime/codec.hpp>
#include <aether/runtime/log.hpp>
#include "coordinator_impl.hpp"
#include "core/join_check.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace aether::cluster {

namespace {

constexpr const char* settings_key = "settings";
constexpr int ticks_per_heartbeat = 4;
constexpr int ticks_per_lease = 20;
constexpr std::chrono::milliseconds tick_min{5};
constexpr int requests_per_lease = 2;
constexpr int lease_margin_divisor = 8;
/// Candidates wait up to this part of the lease longer, each as chance has it.
constexpr int jitter_divisor = 20;
constexpr std::chrono::milliseconds between_tries{100};

using clock = std::chrono::steady_clock;

bool worth_another_try(const error& why) {
  return why.code() == errc::unavailable || why.code() == errc::timed_out;
}

coordination_options options_of(const coordinator_options& from, incarnation_id incarnation) {
  coordination_options made{.node = from.node, .incarnation = incarnation, .types = from.types};
  made.weight = from.weight;
  made.shards = from.layout.shards;
  made.labels = from.labels;
  made.version = from.version;
  made.heartbeat = from.heartbeat;
  made.failure_timeout = from.failure_timeout;
  made.lease_ttl = from.lease;
  made.lease_margin = from.lease / lease_margin_divisor;
  made.observe = from.observe;
  made.strategy = from.strategy;
  made.moves_max = from.moves_max;
  return made;
}

std::chrono::milliseconds tick_of(const coordinator_options& from) {
  return std::max(tick_min,
                  std::min(from.heartbeat / ticks_per_heartbeat, from.lease / ticks_per_lease));
}

/// What the server refused of what was sent so far, by its name.
result<void> all_permitted(nats_connection& connection, clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
  // A connection that is away is the join's own business.
  (void)connection.flush(std::max(left, std::chrono::milliseconds{0}));
  if (auto no = connection.refused()) return std::unexpected(*std::move(no));
  return {};
}

coordinator_options in_order(coordinator_options options) {
  options.types = sorted(std::move(options.types));
  std::ranges::sort(options.labels);
  return options;
}

}  // namespace

coordinator::impl::impl(std::shared_ptr<nats_connection> connection, subjects names, timers& clock,
                        coordinator_options options)
    : connection_{std::move(connection)},
      names_{std::move(names)},
      clock_{clock},
      options_{in_order(std::move(options))},
      bucket_{connection_, names_, options_.lease / requests_per_lease},
      core_{options_of(options_, incarnation_)},
      random_{std::random_device{}()} {}

result<void> coordinator::impl::join(std::chrono::milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  auto ready = fix_settings(deadline);
  if (ready) ready = listen();
  if (ready) ready = await_joined(deadline);
  if (!ready) leave();
  return ready;
}

result<void> coordinator::impl::fix_settings(time_point deadline) {
  while (true) {
    auto done = bucket_.create_wait(options_.layout.replicas);
    if (done) done = agree_on_settings();
    if (done || !worth_another_try(done.error()) || clock::now() >= deadline) return done;
    std::this_thread::sleep_for(between_tries);
  }
}

/// The first node writes its settings, all others compare theirs.
result<void> coordinator::impl::agree_on_settings() {
  const namespace_settings own{.shards = options_.layout.shards,
                               .streams = options_.layout.streams};
  auto found = bucket_.read_wait(settings_key);
  if (!found) return std::unexpected(std::move(found).error());
  if (found->value.empty()) {
    const auto written = bucket_.write_wait(settings_key, found->revision, encode(own));
    if (!written) return std::unexpected(written.error());
    if (written->outcome == write_outcome::stored) return {};
    return fail(errc::unavailable, "another node is writing the namespace's settings");
  }
  auto stored = decode<namespace_settings>(found->value);
  if (!stored) return std::unexpected(std::move(stored).error());
  return check_settings(own, *stored);
}

result<void> coordinator::impl::listen() {
  const auto weak = weak_from_this();
  auto heartbeats = connection_->subscribe(names_.all_heartbeats(), [weak](nats_message message) {
    if (auto self = weak.lock()) self->heard(message);
  });
  if (!heartbeats) return std::unexpected(std::move(heartbeats).error());
  auto questions = connection_->subscribe(names_.node(options_.node), [weak](nats_message message) {
    if (auto self = weak.lock()) self->asked(std::move(message));
  });
  if (!questions) return std::unexpected(std::move(questions).error());
  auto probes =
      connection_->subscribe(names_.process(incarnation_.hex()), [weak](nats_message message) {
        if (auto self = weak.lock()) self->asked(std::move(message));
      });
  if (!probes) return std::unexpected(std::move(probes).error());
  heartbeats_ = std::move(*heartbeats);
  probes_ = std::move(*probes);
  questions_ = std::move(*questions);
  connection_->on_state([weak](bool connected) {
    if (auto self = weak.lock())
      self->post({}, [connected](coordination& core, time_point now) {
        log::warn("cluster", connected ? "connection_regained" : "connection_lost");
        return core.connection_changed(connected, now);
      });
  });
  return {};
}

result<void> coordinator::impl::await_joined(time_point deadline) {
  {
    const std::lock_guard gate{gate_};
    started_ = true;
    input start = [alone = !bucket_.clustered()](coordination& core, time_point now) {
      core.trust_missing_responders(alone);
      return core.start(now);
    };
    feed(start);
  }
  tick();
  // The first heartbeat has been sent: whether it was refused, or what we listen to, is known now.
  if (auto ok = all_permitted(*connection_, deadline); !ok) return ok;
  std::unique_lock lock{view_mutex_};
  view_changed_.wait_until(lock, deadline, [&] { return view_.joined || refused_; });
  if (view_.joined) return {};
  if (refused_) return std::unexpected(*refused_);
  return fail(errc::unavailable,
              "the node did not hear its own heartbeat, or another node did not say what it hosts, "
              "in time: is the connection to NATS good, and may this user subscribe?");
}

void coordinator::impl::announce_leaving() {
  post({}, [](coordination& core, time_point now) { return core.announce_leaving(now); });
}

void coordinator::impl::settled(std::uint64_t revision) {
  post({}, [revision](coordination& core, time_point now) { return core.settled(revision, now); });
}

void coordinator::impl::leave() {
  bool running = false;
  {
    const std::lock_guard gate{gate_};
    running = std::exchange(started_, false);
    input leave = [](coordination& core, time_point now) { return core.leave(now); };
    if (running) feed(leave);
  }
  {
    std::unique_lock lock{view_mutex_};
    view_.joined = false;
    if (running) view_changed_.wait_for(lock, options_.lease / 2, [&] { return left_; });
  }
  {
    const std::lock_guard lock{post_mutex_};
    closed_ = true;
  }
  const std::lock_guard gate{gate_};  // an input may still be under way
  heartbeats_ = {};
  questions_ = {};
  probes_ = {};
}

void coordinator::impl::post(duration delay, input next) {
  const std::lock_guard lock{post_mutex_};
  if (closed_) return;
  clock_.after(delay, [weak = weak_from_this(), next = std::move(next)]() mutable {
    const auto self = weak.lock();
    if (!self) return;
    const std::lock_guard gate{self->gate_};
    {
      const std::lock_guard still_open{self->post_mutex_};
      if (self->closed_) return;
    }
    self->feed(next);
  });
}

void coordinator::impl::feed(input& next) {
  auto effects = next(core_, clock::now());
  publish_view();
  tell_contact();
  for (auto& one : effects) std::visit([this](auto& effect) { carry_out(effect); }, one);
}

void coordinator::impl::tick() {
  post(tick_of(options_), [this](coordination& core, time_point now) {
    const auto longest = std::chrono::duration_cast<duration>(options_.lease) / jitter_divisor;
    const duration jitter{
        std::uniform_int_distribution<duration::rep>{0, longest.count()}(random_)};
    tick();
    return core.tick(now, jitter);
  });
}

void coordinator::impl::publish_view() {
  auto members = core_.members();
  const std::lock_guard lock{view_mutex_};
  view_.table = core_.table();
  view_.members = std::move(members);
  view_.term = core_.term();
  view_.leading_until = core_.leading_until();
}

void coordinator::impl::tell_contact() {
  if (!on_contact) return;
  if (connection_->connected())
    on_contact(core_.contact_until(), core_.serves_until(clock::now()));
  else
    on_contact({}, {});
}

coordinator::impl::view coordinator::impl::look() const {
  const std::lock_guard lock{view_mutex_};
  return view_;
}

coordinator::coordinator(std::shared_ptr<nats_connection> connection, subjects names, timers& clock,
                         coordinator_options options)
    : impl_{std::make_shared<impl>(std::move(connection), std::move(names), clock,
                                   std::move(options))} {}

coordinator::~coordinator() { impl_->leave(); }

void coordinator::on_table(table_handler handler) { impl_->on_table = std::move(handler); }

void coordinator::on_contact(contact_handler handler) { impl_->on_contact = std::move(handler); }

void coordinator::on_evicted(eviction_handler handler) { impl_->on_evicted = std::move(handler); }

result<void> coordinator::join(std::chrono::milliseconds timeout) { return impl_->join(timeout); }

bool coordinator::joined() const { return impl_->look().joined; }

std::shared_ptr<const shard_table> coordinator::table() const { return impl_->look().table; }

std::vector<member> coordinator::members() const { return impl_->look().members; }

bool coordinator::leading() const {
  const auto until = impl_->look().leading_until;
  return until && clock::now() < *until;
}

std::uint64_t coordinator::term() const { return impl_->look().term; }

incarnation_id coordinator::incarnation() const { return impl_->incarnation(); }

void coordinator::settled(std::uint64_t revision) { impl_->settled(revision); }

void coordinator::announce_leaving() { impl_->announce_leaving(); }

void coordinator::leave() { impl_->leave(); }

}  // namespace aether::cluster
