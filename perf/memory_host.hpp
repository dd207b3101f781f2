#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/memory_store.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace aether::perf {

/// A host of `Actor`s in this process whose events go to memory.
template <class Actor>
class memory_host {
  timers clock_;

 public:
  explicit memory_host(host_options options = {})
      : host{std::move(options), std::make_shared<memory_event_store>(),
             std::make_shared<memory_snapshot_store>(), clock_} {
    host.host<Actor>();
  }
  /// Patient: a million actors take longer to leave than a host gives them by itself.
  ~memory_host() { (void)host.stop(std::chrono::minutes{2}); }
  memory_host(const memory_host&) = delete;
  memory_host& operator=(const memory_host&) = delete;

  actor_host host;
};

}  // namespace aether::perf
