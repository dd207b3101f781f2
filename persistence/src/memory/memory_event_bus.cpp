#include <aether/persistence/memory_bus.hpp>
#include "../bus/subscription_core.hpp"
#include "../core/bus_match.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace aether {

namespace {

class memory_item final : public bus_item {
 public:
  memory_item(event_place place, const memory_event_store::stored& from)
      : bus_item{std::move(place), from.bytes},
        recorded_{from.commit, from.sequence, from.expected.commit, from.expected.sequence} {}

  [[nodiscard]] bool may_hold(const bus_match& wanted) const override {
    return wanted.any_type() ||
           std::ranges::any_of(recorded_.commit.events, [&](const event_record& event) {
             return wanted.takes_type(event.type);
           });
  }

 private:
  [[nodiscard]] result<recorded_commit> decode() const override { return recorded_; }

  recorded_commit recorded_;
};

}  // namespace

struct memory_event_bus::impl : std::enable_shared_from_this<impl> {
  using core_pointer = std::shared_ptr<detail::subscription_core>;

  explicit impl(namespace_name ns) : own{std::move(ns)} {}

  const namespace_name own;
  std::mutex mutex;
  std::map<namespace_name, std::shared_ptr<memory_event_store>> logs;
  std::vector<core_pointer> subscriptions;

  void attach(namespace_name ns, std::shared_ptr<memory_event_store> log) {
    AETHER_ASSERT(log != nullptr);
    auto stream = std::make_shared<const bus_stream>(ns, ns.str() + " in memory", 0U);
    const std::uint32_t shards = log->shards();
    {
      const std::lock_guard lock{mutex};
      AETHER_ASSERT(logs.emplace(std::move(ns), log).second);
    }
    log->observe([whose = weak_from_this(), stream = std::move(stream),
                  shards](const memory_event_store::stored& commit) {
      const auto bus = whose.lock();
      if (bus) bus->saw(stream, shards, commit);
      return bus != nullptr;
    });
  }

  void saw(const std::shared_ptr<const bus_stream>& stream, std::uint32_t shards,
           const memory_event_store::stored& commit) {
    const std::lock_guard lock{mutex};
    const bool wanted = std::ranges::any_of(subscriptions, [&](const core_pointer& one) {
      return one->match().takes(stream->ns, commit.address);
    });
    if (!wanted) return;
    const auto item = std::make_shared<const memory_item>(
        event_place{stream, commit.address, shard_of(commit.address, shards), commit.sequence},
        commit);
    for (const auto& one : subscriptions) one->offer(item);
  }

  [[nodiscard]] result<std::shared_ptr<event_store>> log_of(const namespace_name& ns) {
    const std::lock_guard lock{mutex};
    const auto found = logs.find(ns);
    if (found == logs.end()) return fail(errc::unavailable, "no log of namespace " + ns.str());
    return found->second;
  }

  void forget(const detail::subscription_core* which) {
    const std::lock_guard lock{mutex};
    std::erase_if(subscriptions, [which](const auto& one) { return one.get() == which; });
  }
};

memory_event_bus::memory_event_bus(namespace_name own, std::shared_ptr<memory_event_store> log)
    : impl_{std::make_shared<impl>(own)} {
  impl_->attach(std::move(own), std::move(log));
}

void memory_event_bus::attach(namespace_name ns, std::shared_ptr<memory_event_store> log) {
  impl_->attach(std::move(ns), std::move(log));
}

result<event_subscription> memory_event_bus::subscribe(event_filter filter,
                                                       subscription_options options,
                                                       event_handlers handlers) {
  if (auto valid = check(filter); !valid) return std::unexpected(std::move(valid).error());
  if (auto valid = check(options, handlers); !valid)
    return std::unexpected(std::move(valid).error());
  auto core = std::make_shared<detail::subscription_core>(
      bus_match{std::move(filter), impl_->own}, std::move(options), std::move(handlers),
      [whose =
           std::weak_ptr{impl_}](const namespace_name& ns) -> result<std::shared_ptr<event_store>> {
        const auto bus = whose.lock();
        return bus ? bus->log_of(ns) : fail(errc::not_running, "the bus is gone");
      });
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->subscriptions.push_back(core);
  }
  // Ends with the subscription.
  const std::shared_ptr<void> source{
      core.get(), [bus = impl_](void* which) {
        bus->forget(static_cast<const detail::subscription_core*>(which));
      }};
  core->start({}, source);
  return event_subscription{std::move(core)};
}

}  // namespace aether
