#pragma once

#include <aether/runtime/error.hpp>

#include <string>
#include <vector>

namespace aether::detail {

/// One `name = value` of an option file.
struct file_entry {
  std::string name;
  std::string value;
  std::size_t line;
};

/// Reads `text` as documented at `options`; does not know which names exist.
/// @param path for error texts.
/// @errors `invalid_options`, with path and line.
[[nodiscard]] result<std::vector<file_entry>> parse_option_file(const std::string& text,
                                                                const std::string& path);

/// The same for the file at `path`, at most 1 MiB.
[[nodiscard]] result<std::vector<file_entry>> read_option_file(const std::string& path);

}  // namespace aether::detail
