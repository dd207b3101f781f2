#pragma once

#include <aether/persistence/event_bus.hpp>

#include <mutex>
#include <optional>
#include <utility>

namespace aether {

/// A stored commit on its way to subscriptions, shared by all of them; decoded at most once, by the
/// first that wants it and on that one's thread. Thread-safe.
class bus_item {
 public:
  virtual ~bus_item() = default;

  [[nodiscard]] const event_place& place() const noexcept { return place_; }
  /// What it costs to keep it.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] const result<recorded_commit>& recorded() const {
    std::call_once(once_, [this] { recorded_.emplace(decode()); });
    return *recorded_;
  }
  /// Whether an event of a type that `wanted` takes may be in it, as far as is known without
  /// decoding it.
  [[nodiscard]] virtual bool may_hold(const class bus_match& wanted) const = 0;

 protected:
  bus_item(event_place place, std::size_t bytes) : place_{std::move(place)}, bytes_{bytes} {}

 private:
  [[nodiscard]] virtual result<recorded_commit> decode() const = 0;

  event_place place_;
  std::size_t bytes_;
  mutable std::once_flag once_;
  mutable std::optional<result<recorded_commit>> recorded_;
};

}  // namespace aether
