#pragma once

#include <aether/runtime/bytes.hpp>

#include <optional>
#include <string_view>

namespace aether {

/// RFC 4648, standard alphabet, with padding; none for anything else.
[[nodiscard]] std::optional<bytes> decode_base64(std::string_view text);

}  // namespace aether
