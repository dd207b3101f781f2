#include <aether/persistence/jetstream_bus.hpp>
#include <aether/runtime/timers.hpp>
#include "../bus/subscription_core.hpp"
#include "../core/bus_match.hpp"
#include "bus_wire.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace aether {

namespace {

using core_pointer = bus_wire::core_pointer;

/// The wires that somebody lives on.
class wire_set {
 public:
  std::shared_ptr<bus_wire> find(const std::string& subject) {
    const std::lock_guard lock{mutex_};
    const auto found = wires_.find(subject);
    return found == wires_.end() ? nullptr : found->second.lock();
  }
  void add(const std::string& subject, const std::shared_ptr<bus_wire>& wire) {
    const std::lock_guard lock{mutex_};
    std::erase_if(wires_, [](const auto& one) { return one.second.expired(); });
    wires_.insert_or_assign(subject, wire);
  }
  void audit(std::chrono::milliseconds interval) {
    for (const auto& one : all()) one->audit(interval);
  }

 private:
  std::vector<std::shared_ptr<bus_wire>> all() {
    std::vector<std::shared_ptr<bus_wire>> alive;
    const std::lock_guard lock{mutex_};
    for (const auto& [subject, wire] : wires_)
      if (auto one = wire.lock()) alive.push_back(std::move(one));
    return alive;
  }

  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<bus_wire>> wires_;
};

/// What brings a subscription its events, for as long as it lives.
struct attachment {
  std::vector<std::shared_ptr<bus_wire>> wires;
  const detail::subscription_core* core = nullptr;
  /// Has the timer that audits the wires.
  std::shared_ptr<void> bus;

  attachment() = default;
  attachment(const attachment&) = delete;
  attachment& operator=(const attachment&) = delete;
  ~attachment() {
    for (const auto& wire : wires) wire->detach(core);
  }
};

}  // namespace

struct jetstream_event_bus::impl : std::enable_shared_from_this<impl> {
  impl(std::shared_ptr<nats_connection> to, subjects own, jetstream_layout shape,
       std::shared_ptr<event_store> own_log, jetstream_bus_options chosen)
      : connection{std::move(to)},
        names{std::move(own)},
        layout{shape},
        log{std::move(own_log)},
        options{std::move(chosen)} {
    AETHER_ASSERT(log != nullptr);
  }

  const std::shared_ptr<nats_connection> connection;
  const subjects names;
  const jetstream_layout layout;
  const std::shared_ptr<event_store> log;
  const jetstream_bus_options options;
  std::mutex subscribing;
  const std::shared_ptr<wire_set> wires = std::make_shared<wire_set>();
  /// Its tasks own none of this, which may go only where they do not run. Made when first needed.
  std::optional<timers> clock;

  [[nodiscard]] log_finder logs() const {
    return [own = names.name(), log = log, others = options.log_of](
               const namespace_name& ns) -> result<std::shared_ptr<event_store>> {
      if (ns == own) return log;
      if (others) return others(ns);
      return fail(errc::invalid_argument, "no log is known of namespace " + ns.str());
    };
  }

  /// @errors `invalid_argument`
  [[nodiscard]] result<void> check_logs(const bus_match& match,
                                        const subscription_options& how) const {
    const bool others =
        match.filter().all_namespaces || match.namespaces() != std::vector{names.name()};
    if (how.on_gap == subscription_options::gaps::report || !others || options.log_of) return {};
    return fail(errc::invalid_argument,
                "cannot subscribe: nothing says how to catch up in other namespaces than " +
                    names.name().str() + "; give the bus log_of, or have gaps reported");
  }

  [[nodiscard]] std::vector<wire_scope> scopes_of(const bus_match& match) const {
    if (match.filter().all_namespaces) return {{.names = names, .everywhere = true}};
    const bool replicated = layout.replicas > 1;
    if (const auto& one = match.one_actor()) {
      const auto shard = shard_of(*one, layout.shards);
      const auto stream = stream_of(shard, layout.shards, layout.streams);
      return {{.names = names,
               .replicated = replicated,
               .only = wire_scope::one_actor{*one, shard, stream}}};
    }
    std::vector<wire_scope> scopes;
    for (const auto& ns : match.namespaces()) {
      const bool own = ns == names.name();
      scopes.push_back({.names = names.of_namespace(ns),
                        .streams = own ? layout.streams : 0,
                        .replicated = !own || replicated});
    }
    return scopes;
  }

  [[nodiscard]] result<std::shared_ptr<bus_wire>> wire_for(const wire_scope& scope) {
    const std::string subject = scope.subject();
    if (auto open = wires->find(subject)) return open;
    auto wire = std::make_shared<bus_wire>(connection, scope, options.request_timeout);
    if (auto opened = wire->open(); !opened) return std::unexpected(std::move(opened).error());
    wires->add(subject, wire);
    if (!clock) tick_on(clock.emplace(), wires, options.audit_again, options.audit_interval);
    return wire;
  }

  static void tick_on(timers& on, const std::shared_ptr<wire_set>& which,
                      std::chrono::milliseconds every, std::chrono::milliseconds interval) {
    on.after(every, [&on, which = std::weak_ptr{which}, every, interval] {
      const auto wires = which.lock();
      if (!wires) return;
      wires->audit(interval);
      tick_on(on, wires, every, interval);
    });
  }

  /// Attaches `core` to all that it needs, and says where the streams end after that.
  [[nodiscard]] result<bus_wire::positions> attach(attachment& source, const core_pointer& core) {
    source.core = core.get();
    source.bus = shared_from_this();
    bus_wire::positions behind;
    for (const auto& scope : scopes_of(core->match())) {
      auto wire = wire_for(scope);
      if (!wire) return std::unexpected(std::move(wire).error());
      source.wires.push_back(*wire);
      (*wire)->attach(core);
      auto ends = (*wire)->ends();
      if (!ends) return std::unexpected(std::move(ends).error());
      behind.merge(*ends);
    }
    return behind;
  }
};

jetstream_event_bus::jetstream_event_bus(std::shared_ptr<nats_connection> connection,
                                         subjects names, jetstream_layout layout,
                                         std::shared_ptr<event_store> log,
                                         jetstream_bus_options options)
    : impl_{std::make_shared<impl>(std::move(connection), std::move(names), layout, std::move(log),
                                   std::move(options))} {}

jetstream_event_bus::~jetstream_event_bus() = default;

result<event_subscription> jetstream_event_bus::subscribe(event_filter filter,
                                                          subscription_options options,
                                                          event_handlers handlers) {
  if (auto valid = check(filter); !valid) return std::unexpected(std::move(valid).error());
  if (auto valid = check(options, handlers); !valid)
    return std::unexpected(std::move(valid).error());
  bus_match match{std::move(filter), impl_->names.name()};
  if (auto known = impl_->check_logs(match, options); !known)
    return std::unexpected(std::move(known).error());
  auto core = std::make_shared<detail::subscription_core>(std::move(match), std::move(options),
                                                          std::move(handlers), impl_->logs());
  const std::lock_guard lock{impl_->subscribing};
  auto source = std::make_shared<attachment>();
  auto behind = impl_->attach(*source, core);
  if (!behind) return std::unexpected(std::move(behind).error());
  core->start(*std::move(behind), std::move(source));
  return event_subscription{std::move(core)};
}

}  // namespace aether
