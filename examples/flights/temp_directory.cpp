#include "temp_directory.hpp"

#include <cerrno>
#include <cstring>
#include <stdlib.h>
#include <utility>

namespace flights {

or_error<temp_directory> temp_directory::make(const std::string& name) {
  std::error_code problem;
  const auto parent = std::filesystem::temp_directory_path(problem);
  if (problem) return std::unexpected("no directory for temporary files: " + problem.message());
  std::string path = (parent / (name + "-XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr)
    return std::unexpected("cannot make a directory in " + parent.string() + ": " +
                           std::strerror(errno));
  return temp_directory{std::filesystem::path{path}};
}

temp_directory::temp_directory(temp_directory&& other) noexcept
    : path_{std::exchange(other.path_, {})}, keep_{other.keep_} {}

temp_directory::~temp_directory() {
  if (path_.empty() || keep_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace flights
