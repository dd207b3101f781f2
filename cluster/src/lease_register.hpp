#pragma once

#include <aether/runtime/error.hpp>
#include "core/kv_outcome.hpp"
#include "core/lease_machine.hpp"

#include <cstdint>
#include <functional>

namespace aether::cluster {

/// Where the candidates of one election meet: one key, read and written by compare-and-set.
///
/// Handlers are called exactly once, from any thread, perhaps before the call returns; they hand
/// over and return. None need be called after the register is gone.
class lease_register {
 public:
  using ready_handler = std::move_only_function<void(result<void>)>;
  using read_handler = std::move_only_function<void(result<lease_state>)>;
  using write_handler = std::move_only_function<void(write_result)>;

  virtual ~lease_register() = default;
  /// Before all else, until it succeeds.
  /// @param announced called from now on when a candidate said that the lease changed hands. A
  ///        hint: it may be missing, or come when nothing changed.
  /// @errors (to `ready`) as for `kv_bucket::create`.
  virtual void prepare(std::function<void()> announced, ready_handler ready) = 0;
  virtual void read(read_handler handler) = 0;
  virtual void write(std::uint64_t expected, const lease_record& record, write_handler handler) = 0;
  /// Tells all candidates, this one too.
  virtual void announce() = 0;
};

}  // namespace aether::cluster
