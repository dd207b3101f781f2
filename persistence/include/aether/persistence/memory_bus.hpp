#pragma once

#include <aether/persistence/event_bus.hpp>
#include <aether/persistence/memory_store.hpp>

#include <memory>

namespace aether {

/// The bus over event stores in this process's memory, each of which is one stream of its
/// namespace. Loses nothing on the way: gaps are of full buffers alone.
class memory_event_bus final : public event_bus {
 public:
  /// @param own the bus's namespace. @param log its store, not null.
  memory_event_bus(namespace_name own, std::shared_ptr<memory_event_store> log);

  /// Another namespace, for those who subscribe to it.
  /// @pre `log` is not null, and `ns` has none yet.
  void attach(namespace_name ns, std::shared_ptr<memory_event_store> log);

  [[nodiscard]] result<event_subscription> subscribe(event_filter filter,
                                                     subscription_options options,
                                                     event_handlers handlers) override;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether
