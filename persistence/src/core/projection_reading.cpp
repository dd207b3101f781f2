// How a projection reads the log, and sees whether it is the one that it was.

#include "projection_machine.hpp"

#include <string>
#include <utility>

namespace aether {

/// Reads behind what was read, and after a pause from the position itself: is that still there?
void projection_machine::read_on(instant now, projection_effects& out) {
  // What is stored from now on is in it, or hinted at once more.
  hinted_ = fruitful_ = at_end_ = false;
  reading_ = true;
  reading_since_ = now.steady;
  const auto after = verified_ ? read_to_ : stream_sequence{position_.sequence.value() - 1};
  out.emplace_back(projection_effect::read{after, ++round_});
}

void projection_machine::page_read(std::uint64_t round, result<shard_page> page, bool more,
                                   instant now, projection_effects& out) {
  if (round != round_ || !reading_) return;
  if (page && !verified_)
    if (auto same = verify(*page); !same) page = std::unexpected(std::move(same).error());
  if (page) {
    take(*page, more);
    if (phase_ == phase::reading) go_on(now, out);
    return;
  }
  reading_ = false;
  ++round_;
  if (phase_ == phase::reading) back_off(resume::go_on, page.error(), now, out);
}

/// Whether the log has at the position what was handled there.
result<void> projection_machine::verify(const shard_page& page) {
  if (page.entries.empty() && !page.last) return {};
  if (page.entries.empty() || page.entries.front().record.sequence != position_.sequence)
    return missing(page);
  const auto found = id_of(page.entries.front().record);
  if (!found.is_nil() && !position_.commit.is_nil() && found != position_.commit)
    return replaced("another commit");
  verified_ = true;
  misses_ = 0;
  return {};
}

/// The commit at the position is not there.
result<void> projection_machine::missing(const shard_page& page) {
  if (log_forgets_) {
    verified_ = true;
    return {};
  }
  if (page.up_to_date || ++misses_ > misses_max) return replaced("nothing");
  return fail(errc::unavailable, to_string(key_) + ": a replica does not have sequence " +
                                     std::to_string(position_.sequence.value()) + " yet");
}

std::unexpected<error> projection_machine::replaced(const std::string& what) const {
  return fail(errc::stream_regressed,
              to_string(key_) + ": the log has " + what + " at sequence " +
                  std::to_string(position_.sequence.value()) +
                  ", where this projection stands; it was replaced by another or an older copy: "
                  "rebuild the projection as a new version");
}

void projection_machine::take(shard_page& page, bool more) {
  for (auto& entry : page.entries) {
    if (entry.record.sequence <= read_to_) continue;
    read_to_ = entry.record.sequence;
    fruitful_ = true;
    queue_.push_back(std::move(entry));
  }
  if (fruitful_) pause_ = options_.poll_interval;
  reading_ = more && !page.last;
  at_end_ = page.last;
  behind_ = page.behind;
}

}  // namespace aether
