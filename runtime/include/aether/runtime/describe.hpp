#pragma once

#include <aether/runtime/any_message.hpp>
#include <aether/runtime/bytes.hpp>

#include <string>
#include <string_view>

namespace aether {

/// An encoded message in words that people read: `bank.deposited{cents: 50}`. What is no msgpack is
/// shown as hexadecimal digits. Not for machines: the form may change.
[[nodiscard]] std::string describe(std::string_view wire_name, bytes_view data);
/// The same of a message; `nothing` where it is empty.
[[nodiscard]] std::string describe(const any_message& message);

}  // namespace aether
