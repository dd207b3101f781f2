#pragma once

#include <aether/persistence/event_bus.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace aether {

struct jetstream_bus_options {
  /// How often the ends of the streams are compared with what came, to find what was lost where
  /// nothing follows it; one request to the server each time, a few where there are many streams.
  /// A loss is told after two looks that agree, so within about twice as long. The same after a
  /// reconnect.
  std::chrono::milliseconds audit_interval{1'000};
  /// Between the two looks.
  std::chrono::milliseconds audit_again{200};
  std::chrono::milliseconds request_timeout{2'000};
  /// The log of another namespace, for subscriptions that catch up there; called on a
  /// subscription's thread, each time a page is to be read. Empty: they are refused.
  std::function<result<std::shared_ptr<event_store>>(const namespace_name&)> log_of{};
};

/// The bus over what the event streams republish (docs/formats.md). Holds one subscription at the
/// server for each namespace that is wanted, one for "all" and one for each single actor, shared by
/// the subscriptions here.
class jetstream_event_bus final : public event_bus {
 public:
  /// @param names the bus's own namespace. @param layout as `create_streams` returned it.
  /// @param log reads that namespace; not null.
  jetstream_event_bus(std::shared_ptr<nats_connection> connection, subjects names,
                      jetstream_layout layout, std::shared_ptr<event_store> log,
                      jetstream_bus_options options = {});
  ~jetstream_event_bus() override;

  [[nodiscard]] result<event_subscription> subscribe(event_filter filter,
                                                     subscription_options options,
                                                     event_handlers handlers) override;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether
