#include "fetch_operation.hpp"

#include <algorithm>
#include <utility>

namespace aether {

void fetch_operation::start() {
  if (sequences_.empty()) return finish();
  asked_ = std::min(first_window, sequences_.size());
  ask({0, asked_});
}

void fetch_operation::ask(range some) {
  for (std::size_t nth = some.begin; nth < some.end; ++nth)
    direct_get(
        *connection_, place_.stream, sequence_query(sequences_[nth]), timeout_,
        [self = shared_from_this(), nth](result<std::optional<stored_record>> read) {
          self->answered(nth, read);
        },
        nth + 1 == some.end ? nats_flush::now : nats_flush::soon);
}

void fetch_operation::answered(std::size_t nth, const result<std::optional<stored_record>>& read) {
  range next;
  {
    const std::lock_guard lock{mutex_};
    --missing_;
    if (!read) {
      failed_ = at_place(place_, read.error());
      // Nothing more is asked for; what is under way is awaited.
      missing_ -= sequences_.size() - std::exchange(asked_, sequences_.size());
    } else if (*read && (*read)->subject == place_.subject) {
      if (auto commit = decode_record(**read, place_)) found_[nth] = std::move(*commit);
    }
    next = next_after(read && *read ? (*read)->payload.size() : 0);
    if (missing_ > 0 && next.begin == next.end) return;
  }
  next.begin == next.end ? finish() : ask(next);
}

fetch_operation::range fetch_operation::next_after(std::size_t size) {
  const std::size_t under_way = missing_ - (sequences_.size() - asked_);
  const std::size_t allowed =
      std::max<std::size_t>(1, bytes_in_flight / std::max<std::size_t>(1, size));
  const std::size_t begin = asked_;
  if (allowed > under_way) asked_ = std::min(sequences_.size(), begin + (allowed - under_way));
  return {begin, asked_};
}

void fetch_operation::finish() {
  if (failed_) return handler_(std::unexpected(std::move(*failed_)));
  std::vector<recorded_commit> readable;
  readable.reserve(found_.size());
  for (auto& one : found_)
    if (one) readable.push_back(std::move(*one));
  handler_(std::move(readable));
}

}  // namespace aether
