#include "read_machine.hpp"

#include <algorithm>
#include <string>

namespace aether {

read_machine::read_machine(event_version from, stream_sequence after, std::size_t commits_max,
                           bool pages, bool confirm)
    : from_{std::max(from, event_version{1})},
      commits_max_{commits_max},
      pages_{pages},
      confirm_{confirm},
      next_{std::max(after, stream_sequence{1})},
      phase_{commits_max == 0 ? phase::done : phase::paging} {
  if (next_.value() == 1) expected_ = event_version{1};
}

read_machine::fetch read_machine::next() const {
  AETHER_ASSERT(!done());
  if (phase_ == phase::confirming) return {next_, 1, true};
  const auto left = commits_max_ - collected_.size();
  return {next_, pages_ ? std::min(left, page_commits_max) : 1, false};
}

bool read_machine::follows(const recorded_commit& next) const {
  if (!expected_) return next.commit.first <= from_;
  return next.follows({event_version{expected_->value() - 1}, {}, before_});
}

result<void> read_machine::take(recorded_commit read) {
  if (done()) return {};
  if (!follows(read))
    return fail(errc::corrupt_history,
                "expected version " + std::to_string(expected_.value_or(from_).value()) +
                    " at or before stream sequence " + std::to_string(read.sequence.value()) +
                    ", found version " + std::to_string(read.commit.first.value()) +
                    (read.commit.first == expected_ ? " of another history" : ""));
  before_ = read.commit.id;
  expected_ = event_version{read.commit.last().value() + 1};
  next_ = stream_sequence{read.sequence.value() + 1};
  if (read.commit.last() < from_) return {};
  collected_.push_back(std::move(read));
  if (collected_.size() == commits_max_) phase_ = phase::done;
  return {};
}

void read_machine::page_ended(bool more) {
  if (done() || more) return;
  phase_ = confirm_ && phase_ == phase::paging ? phase::confirming : phase::done;
}

}  // namespace aether
