#pragma once

#include <aether/runtime/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace aether::nats {

/// What a server said that this user may not do.
struct violation {
  enum class action { publish, subscribe };
  action what = action::publish;
  /// As the server named it; see `cut`.
  std::string subject;
  /// The client library keeps 255 bytes of what a server says: only the beginning of the subject is
  /// known.
  bool cut = false;

  /// Whether it may speak of `other`.
  [[nodiscard]] bool concerns(std::string_view other) const noexcept {
    return cut ? other.starts_with(subject) : other == subject;
  }
};

/// Reads `Permissions Violation for Publish to "subject"`, or for `Subscription`, perhaps cut
/// short; none when it is another text.
[[nodiscard]] std::optional<violation> parse_violation(std::string_view text);

/// `not_permitted`. @param subject the whole of it, where it is known.
[[nodiscard]] error not_permitted(violation::action what, std::string_view subject);

}  // namespace aether::nats
