#pragma once

#include "history.hpp"
#include "unavailability.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

namespace aether::chaos {

/// Takes down operations as they end, one a line. Thread-safe.
class history_file {
 public:
  /// Empties the file.
  /// @errors it cannot be written.
  [[nodiscard]] static std::expected<std::unique_ptr<history_file>, std::string> create(
      const std::filesystem::path& path);

  void add(const operation& what);
  /// Everything is in the file. @errors it is not.
  [[nodiscard]] std::expected<void, std::string> flush();

  [[nodiscard]] std::size_t size() const;
  /// @pre nobody adds any more.
  [[nodiscard]] const unavailability& times() const noexcept { return times_; }

 private:
  explicit history_file(std::filesystem::path path);

  const std::filesystem::path path_;
  mutable std::mutex mutex_;
  std::ofstream out_;
  std::size_t size_ = 0;
  unavailability times_;
};

/// The history's clock: CLOCK_MONOTONIC, the same for every process of a machine.
[[nodiscard]] std::int64_t now_us() noexcept;

}  // namespace aether::chaos
