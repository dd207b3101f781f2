#pragma once

#include "checker.hpp"

#include <expected>
#include <istream>
#include <string>

namespace aether::chaos {

/// Reads a history, one operation a line, and judges it. Lines of blanks are passed over.
/// @errors a line that is no operation, or appends a number for the second time.
[[nodiscard]] std::expected<verdict, bad_input> judge(std::istream& history);

/// For people: the counts, every violation that is kept, and the verdict in the last line.
[[nodiscard]] std::string as_text(const verdict& what);
/// For programs: one object, on one line (docs/chaos.md).
[[nodiscard]] std::string as_json(const verdict& what);
/// `line 7, field value: why`
[[nodiscard]] std::string as_text(const bad_input& what);

}  // namespace aether::chaos
