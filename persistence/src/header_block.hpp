#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether {

/// The headers of a stored message, borrowed from it.
class header_lookup {
 public:
  /// Finds nothing.
  header_lookup() = default;
  /// @param from has `header(const char*)`.
  template <class Message>
  explicit header_lookup(const Message& from)
      : from_{&from}, look_{[](const void* message, const char* name) {
          return static_cast<const Message*>(message)->header(name);
        }} {}

  [[nodiscard]] std::optional<std::string_view> operator()(const char* name) const {
    return look_ == nullptr ? std::nullopt : look_(from_, name);
  }

 private:
  const void* from_ = nullptr;
  std::optional<std::string_view> (*look_)(const void*, const char*) = nullptr;
};

/// Headers under construction: names are literals, values are kept in one buffer.
class header_block {
 public:
  using view = std::vector<std::pair<std::string_view, std::string_view>>;

  header_block() {
    text_.reserve(400);
    entries_.reserve(12);
  }
  /// @param name a literal; @param value without CR or LF.
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
