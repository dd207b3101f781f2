#include "back_trail.hpp"

#include <algorithm>

namespace aether {

void back_trail::clear() noexcept {
  packed_ = {};
  size_ = 0;
  newest_ = {};
}

void back_trail::push(stream_sequence next) {
  AETHER_ASSERT(next > newest_);
  if (size_ == commit_back_pointers_max) {
    // Half of them at once, so that a long life without snapshots does not repack each time.
    auto all = list();
    all.erase(all.begin(), all.begin() + commit_back_pointers_max / 2);
    rebuild(all);
  }
  std::uint64_t step = next.value() - newest_.value();
  for (; step >= 0x80; step >>= 7) packed_ += static_cast<char>(step | 0x80);
  packed_ += static_cast<char>(step);
  newest_ = next;
  ++size_;
}

void back_trail::forget_before(stream_sequence from) {
  auto all = list();
  const auto kept = std::ranges::lower_bound(all, std::min(from, newest_));
  if (kept == all.begin()) return;
  all.erase(all.begin(), kept);
  rebuild(all);
}

std::vector<stream_sequence> back_trail::list() const {
  std::vector<stream_sequence> all;
  all.reserve(size_);
  std::uint64_t sequence = 0, step = 0;
  unsigned shift = 0;
  for (const char c : packed_) {
    const auto byte = static_cast<unsigned char>(c);
    step |= std::uint64_t{byte & 0x7fU} << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    all.emplace_back(sequence += step);
    step = 0;
    shift = 0;
  }
  return all;
}

void back_trail::rebuild(const std::vector<stream_sequence>& from) {
  clear();
  for (const auto next : from) push(next);
}

}  // namespace aether
