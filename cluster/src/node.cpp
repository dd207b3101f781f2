#include <aether/cluster/node.hpp>
#include <aether/runtime/log.hpp>
#include "node_parts.hpp"

#include <csignal>
#include <stdexcept>
#include <sys/eventfd.h>
#include <unistd.h>

namespace aether {

namespace {

/// Stands for the node's router before it joins and after it is gone.
class front_door final : public command_router {
 public:
  explicit front_door(aether::dead_letters& dead) : dead_{dead} {}
  void open(cluster::node_parts* to) { to_ = to; }
  /// Null before the node has joined.
  [[nodiscard]] cluster::node_parts* behind() const { return to_; }

  result<void> tell(const actor_address& to, envelope command) override {
    auto* parts = to_.load();
    return parts == nullptr ? fail(errc::not_running, not_joined)
                            : parts->commands().tell(to, std::move(command));
  }

  void ask(const actor_address& to, envelope command) override {
    auto* parts = to_.load();
    if (parts == nullptr) return command.answer(fail(errc::not_running, not_joined));
    parts->commands().ask(to, std::move(command));
  }
  void send(const actor_address& to, envelope command, const durable_options& how,
            receipt_sink done) override {
    auto* parts = to_.load();
    if (parts == nullptr) return done(fail(errc::not_running, not_joined));
    parts->commands().send(to, std::move(command), how, std::move(done));
  }
  void lost(const dead_letter& letter) override { dead_.publish(letter); }

 private:
  static constexpr const char* not_joined = "the node has not joined; call join() first";
  aether::dead_letters& dead_;
  std::atomic<cluster::node_parts*> to_{nullptr};
};

std::atomic<int> signal_fd{-1};

/// Only what is allowed in a signal handler.
void on_signal(int) {
  const std::uint64_t one = 1;
  static std::atomic<int> seen{0};
  if (seen.fetch_add(1) > 0) _exit(130);
  (void)!write(signal_fd.load(), &one, sizeof one);
}

}  // namespace

struct node::impl {
  explicit impl(options wanted) : settings{std::move(wanted)} {
    if (settings.node.empty()) settings.node = options::generated_node();
  }
  options settings;
  std::vector<cluster::hosted> types;
  /// What the cluster knows of projections as types.
  std::vector<std::unique_ptr<const actor_traits>> projection_types;
  cluster::choices chosen;
  const std::shared_ptr<aether::dead_letters> dead = std::make_shared<aether::dead_letters>();
  front_door door{*dead};
  std::unique_ptr<cluster::node_parts> parts;

  /// The actors' types, and those that stand for projections.
  std::vector<cluster::hosted> all_types() {
    auto all = types;
    projection_types.clear();
    for (const auto& one : chosen.projections) {
      projection_types.push_back(cluster::projection_traits(one));
      all.push_back({projection_types.back().get(),
                     [](const actor_address& self) { return refuse_actor(self); }});
    }
    return all;
  }
  /// Nobody can address one through Aether: it would have to come over the network.
  static std::unique_ptr<behavior> refuse_actor(const actor_address& self) {
    throw std::runtime_error{to_string(self) + " stands for a projection and is no actor"};
  }
};

node::node(options wanted) : impl_{std::make_unique<impl>(std::move(wanted))} {}

node::~node() { leave(); }

void node::host_type(const actor_traits& traits, behavior_factory factory) {
  AETHER_ASSERT(!impl_->parts && "host() comes before join()");
  std::erase_if(impl_->types,
                [&](const cluster::hosted& known) { return known.traits->type == traits.type; });
  impl_->types.push_back({&traits, std::move(factory)});
}

void node::project(projection_definition wanted) {
  AETHER_ASSERT(!impl_->parts && "project() comes before join()");
  std::erase_if(impl_->chosen.projections, [&](const projection_definition& known) {
    return known.name == wanted.name && known.version == wanted.version;
  });
  impl_->chosen.projections.push_back(std::move(wanted));
}

void node::set_wall_clock(std::function<std::chrono::system_clock::time_point()> now) {
  AETHER_ASSERT(!impl_->parts && now && "set_wall_clock() comes before join()");
  impl_->chosen.wall_clock = std::move(now);
}

void node::allocate(std::shared_ptr<const cluster::allocation_strategy> strategy) {
  AETHER_ASSERT(!impl_->parts && strategy && "allocate() comes before join()");
  impl_->chosen.strategy = std::move(strategy);
}

command_router& node::router() noexcept { return impl_->door; }

result<void> node::join() {
  if (impl_->parts) return fail(errc::invalid_argument, "this node has joined already");
  if (auto valid = impl_->settings.check(); !valid) return valid;
  for (const auto& one : impl_->chosen.projections)
    if (auto valid = check(one); !valid) return valid;
  log::configure({impl_->settings.log_level, impl_->settings.log_format});
  auto joined =
      cluster::node_parts::join(impl_->settings, impl_->all_types(), impl_->chosen, impl_->dead);
  if (!joined) return std::unexpected(std::move(joined).error());
  impl_->parts = std::move(*joined);
  impl_->door.open(impl_->parts.get());
  return {};
}

namespace {

std::unexpected<error> not_joined() {
  return fail(errc::not_running, "the node has not joined; call join() first");
}

}  // namespace

std::shared_ptr<event_store> node::events() const {
  const auto* in = impl_->door.behind();
  return in != nullptr ? in->events() : nullptr;
}
std::shared_ptr<snapshot_store> node::snapshots() const {
  const auto* in = impl_->door.behind();
  return in != nullptr ? in->snapshots() : nullptr;
}

std::shared_ptr<event_bus> node::bus() const {
  auto* in = impl_->door.behind();
  return in != nullptr ? in->bus() : nullptr;
}

result<projection_client> node::projection(std::string_view name, std::uint32_t version,
                                           std::shared_ptr<projection_positions> positions) const {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  if (!valid_projection_name(name))
    return fail(errc::invalid_argument, "'" + std::string{name} + "' is no name of a projection");
  const auto& all = in->projections();
  const auto which = version != 0 ? version : all.newest(name);
  if (which == 0)
    return fail(errc::invalid_argument, "this node does not run projection '" + std::string{name} +
                                            "': say which version is meant");
  return all.client(name, which, std::move(positions));
}

result<cluster::leader_election> node::election(std::string_view name,
                                                cluster::election_handlers handlers) {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  return in->election(name, std::move(handlers));
}

result<outcome_subscription> node::outcomes(std::string_view name, outcome_handler handler) {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  if (!detail::token_rule::allows(name))
    return fail(errc::invalid_argument, "an outcome's name is [A-Za-z0-9_-]{1,64}");
  return in->stored_commands().outcomes(name, std::move(handler));
}

result<std::vector<parked_send>> node::parked_sends(std::size_t limit) const {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  return in->stored_commands().parked(limit);
}

result<void> node::resend_parked(const parked_send& which) {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  return in->stored_commands().resend(which);
}

result<void> node::discard_parked(const parked_send& which) {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  return in->stored_commands().discard(which);
}

result<bool> node::cancel_reminder(const actor_address& to, const command_id& id) {
  auto* in = impl_->door.behind();
  if (in == nullptr) return not_joined();
  return in->stored_commands().cancel(to, id);
}

dead_letters& node::dead_letters() const noexcept { return *impl_->dead; }

bool node::leave() { return !impl_->parts || impl_->parts->leave(); }

void node::catch_signals() {
  static std::once_flag once;
  std::call_once(once, [] {
    signal_fd = eventfd(0, EFD_CLOEXEC);
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
  });
}

int node::run_until_signal() {
  catch_signals();
  std::uint64_t count = 0;
  while (read(signal_fd.load(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  log::info("node", "stopping", {{"node", impl_->settings.node}});
  return leave() ? 0 : 1;
}

node_status node::status() const {
  if (const auto* in = impl_->door.behind()) return in->status();
  node_status alone;
  alone.node = impl_->settings.node;
  return alone;
}

const options& node::settings() const noexcept { return impl_->settings; }

}  // namespace aether
