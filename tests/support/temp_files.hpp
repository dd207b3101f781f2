#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace aether::testing_support {

/// A directory of its own, removed with this object.
class temp_files {
 public:
  temp_files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aether-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
    directory_ = pattern;
  }
  temp_files(const temp_files&) = delete;
  temp_files& operator=(const temp_files&) = delete;
  ~temp_files() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::string path(std::string_view name) const {
    return (directory_ / name).string();
  }
  /// @returns the path.
  std::string write(std::string_view name, std::string_view text) const {
    std::ofstream{directory_ / name} << text;
    return path(name);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace aether::testing_support
