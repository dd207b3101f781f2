#include "sequence_tracker.hpp"

#include <algorithm>
#include <utility>

namespace aether {

sequence_tracker::gap sequence_tracker::missing_to(std::uint64_t end) {
  return {std::exchange(last_, end) + 1, end};
}

sequence_tracker::outcome sequence_tracker::message(std::uint64_t sequence, std::uint64_t before) {
  if (sequence <= last_ || before >= sequence) return {};
  outcome found{.accepted = true, .missing = {}};
  if (before > last_) found.missing = missing_to(before);
  last_ = sequence;
  shorter_ = 0;
  return found;
}

std::optional<sequence_tracker::gap> sequence_tracker::end(std::uint64_t last,
                                                           const std::string& created) {
  const bool recreated = !created.empty() && !created_.empty() && created != created_;
  if (created_.empty()) created_ = created;
  auto doubted = std::exchange(doubt_, std::nullopt);
  // Where something came meanwhile, what follows it will show what did not.
  if (doubted && doubted->last != last_) doubted.reset();
  if (recreated) return become_another(last, created);
  if (last < last_) {
    // An answer may be older than the message, or of a replica that is behind.
    if (++shorter_ >= shorter_looks_) return become_another(last, created_);
    doubt_ = {last, last_};
    return std::nullopt;
  }
  shorter_ = 0;
  if (last == last_) return std::nullopt;
  // What came into being since the first look has its own time.
  std::optional<gap> missing;
  if (doubted && doubted->end > last_) missing = missing_to(std::min(doubted->end, last));
  if (last > last_) doubt_ = {last, last_};
  return missing;
}

sequence_tracker::gap sequence_tracker::become_another(std::uint64_t last,
                                                       const std::string& created) {
  created_ = created;
  last_ = last;
  shorter_ = 0;
  return {1, last, true};
}

}  // namespace aether
