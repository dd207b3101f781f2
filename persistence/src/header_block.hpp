#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether {

/// Headers under construction: names are literals, values are kept in one buffer.
class header_block {
 public:
  using view = std::vector<std::pair<std::string_view, std::string_view>>;

  header_block() {
    text_.reserve(400);
    entries_.reserve(12);
  }
  /// @param name must outlive this; @param value without CR or LF.
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::uint64_t value);
  /// RFC 3339 in UTC with milliseconds: `2026-11-23T16:30:00.000Z`.
  void add(std::string_view name, std::chrono::sys_time<std::chrono::milliseconds> value);
  /// Borrowed from this; invalid after the next `add`.
  [[nodiscard]] view headers() const;

 private:
  struct entry {
    std::string_view name;
    std::size_t begin, size;
  };
  std::string text_;
  std::vector<entry> entries_;
};

}  // namespace aether
