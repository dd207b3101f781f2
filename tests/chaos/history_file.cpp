#include "history_file.hpp"

#include <time.h>
#include <utility>

namespace aether::chaos {

std::int64_t now_us() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

history_file::history_file(std::filesystem::path path)
    : path_{std::move(path)}, out_{path_, std::ios::binary | std::ios::trunc} {}

std::expected<std::unique_ptr<history_file>, std::string> history_file::create(
    const std::filesystem::path& path) {
  auto made = std::unique_ptr<history_file>{new history_file{path}};
  if (!made->out_) return std::unexpected("cannot write " + path.string());
  return made;
}

void history_file::add(const operation& what) {
  const std::string line = to_line(what) + "\n";
  const std::lock_guard lock{mutex_};
  out_ << line;
  ++size_;
  times_.add(what);
}

std::expected<void, std::string> history_file::flush() {
  const std::lock_guard lock{mutex_};
  if (!out_.flush()) return std::unexpected("cannot write all of " + path_.string());
  return {};
}

std::size_t history_file::size() const {
  const std::lock_guard lock{mutex_};
  return size_;
}

}  // namespace aether::chaos
