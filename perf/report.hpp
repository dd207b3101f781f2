#pragma once

#include "measure.hpp"

#include <string>

namespace aether::perf {

/// The first lines of the table.
[[nodiscard]] std::string table_head();
/// One line of the table, with its end.
[[nodiscard]] std::string table_row(const outcome& of);
/// One JSON object in one line.
[[nodiscard]] std::string json_line(const outcome& of);

}  // namespace aether::perf
