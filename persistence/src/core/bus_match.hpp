#pragma once

#include <aether/persistence/event_bus.hpp>

#include <string_view>

namespace aether {

/// Whether `text` has the form of `pattern`: `*` for any characters, none too, `?` for one
/// character of UTF-8. Takes time of at most the product of their lengths.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text) noexcept;

/// @errors `invalid_argument`: the text names the condition that is none.
[[nodiscard]] result<void> check(const event_filter& filter);
[[nodiscard]] result<void> check(const subscription_options& options,
                                 const event_handlers& handlers);

/// Decides for one subscription what it wants. Pure; immutable, for any thread.
class bus_match {
 public:
  /// @param own the bus's namespace. @pre `check(filter)`
  bus_match(event_filter filter, const namespace_name& own);

  [[nodiscard]] const event_filter& filter() const noexcept { return filter_; }
  /// Namespaces named, the bus's own included where none is; empty when all are wanted.
  [[nodiscard]] const std::vector<namespace_name>& namespaces() const noexcept {
    return filter_.namespaces;
  }
  [[nodiscard]] bool takes(const namespace_name& ns) const;
  [[nodiscard]] bool takes(const namespace_name& ns, const actor_address& address) const;
  [[nodiscard]] bool takes_type(std::string_view event_type) const;
  [[nodiscard]] bool any_type() const noexcept { return filter_.event_types.empty(); }
  /// The only one that is wanted, where that is one of the bus's own namespace.
  [[nodiscard]] const std::optional<actor_address>& one_actor() const noexcept { return one_; }

 private:
  event_filter filter_;
  std::optional<actor_address> one_;
};

}  // namespace aether
