#pragma once

#include "or_error.hpp"

#include <filesystem>
#include <string>

namespace flights {

/// A fresh directory below TMPDIR, or /tmp, that only we may read; removed at the end.
class temp_directory {
 public:
  /// @param name begins its name.
  [[nodiscard]] static or_error<temp_directory> make(const std::string& name = "aether-flights");
  temp_directory(temp_directory&& other) noexcept;
  temp_directory& operator=(temp_directory&&) = delete;
  ~temp_directory();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Leaves it where it is at the end.
  void keep() noexcept { keep_ = true; }

 private:
  explicit temp_directory(std::filesystem::path path) noexcept : path_{std::move(path)} {}
  std::filesystem::path path_;
  bool keep_ = false;
};

}  // namespace flights
