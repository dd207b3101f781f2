#pragma once

#include <aether/runtime/bytes.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace aether {

/// RFC 4648, standard alphabet, with padding; none for anything else.
[[nodiscard]] std::optional<bytes> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(bytes_view data);

}  // namespace aether
