#pragma once

#include <aether/persistence/event_bus.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace aether {

/// The log of a namespace.
using log_finder = std::function<result<std::shared_ptr<event_store>>(const namespace_name&)>;

/// The shards of the `index`-th of the streams in which a store keeps its shards; none where it has
/// not so many.
[[nodiscard]] std::optional<shard_range> shards_of(const event_store& store, std::uint32_t index);

/// Waits for one page of a log. Shared with the handler, which may come later than who waits.
class page_slot {
 public:
  /// For one call of `read_shards`; wants no second page.
  [[nodiscard]] static event_store::shard_handler handler(std::shared_ptr<page_slot> slot);
  void set(result<shard_page> page);
  /// Ends the wait without a page.
  void abandon();
  /// @returns none when abandoned.
  [[nodiscard]] std::optional<result<shard_page>> wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<result<shard_page>> page_;
  bool abandoned_ = false;
};

}  // namespace aether
