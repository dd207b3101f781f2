#pragma once

#include <expected>
#include <string>

namespace flights {

/// A value, or a sentence for the user that says what failed and what to do.
template <class T>
using or_error = std::expected<T, std::string>;

}  // namespace flights
