#pragma once

#include <aether/actors/actor_context.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace aether {

/// The CAF actors that entities of one host have beside them: see `in_caf`. Kept here rather than
/// with their entities, because they must end before the actor system does. Thread-safe.
class companions {
 public:
  /// Names one; 0: none.
  using key = std::uint64_t;
  using work = detail::effect_runtime::caf_work;

  /// Gives work to the companion `known`, or, where there is none or it has ended, to a new one.
  /// @returns its key; 0 after `close`: the work is dropped.
  [[nodiscard]] key give(key known, const actor_address& of, work what, caf::actor_system& in);
  /// Ends it, if it is still there.
  void dismiss(key known);
  /// Ends all; makes no more.
  void close();

 private:
  struct one {
    caf::actor actor;
    std::shared_ptr<std::atomic<bool>> ended;
  };

  std::mutex mutex_;
  std::map<key, one> all_;
  key last_ = 0;
  bool closed_ = false;
};

}  // namespace aether
