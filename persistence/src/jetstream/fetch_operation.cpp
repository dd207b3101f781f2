#include "fetch_operation.hpp"

#include <algorithm>
#include <utility>

namespace aether {

void fetch_operation::start() {
  if (sequences_.empty()) return finish();
  const std::size_t first = std::min(window, sequences_.size());
  // Before the first is asked for: an answer asks for the next one after these.
  asked_ = first;
  for (std::size_t nth = 0; nth < first; ++nth)
    ask(nth, nth + 1 == first ? nats_flush::now : nats_flush::soon);
}

void fetch_operation::ask(std::size_t nth, nats_flush flush) {
  direct_get(
      *connection_, place_.stream, sequence_query(sequences_[nth]), timeout_,
      [self = shared_from_this(), nth](result<std::optional<stored_record>> read) {
        self->answered(nth, read);
      },
      flush);
}

void fetch_operation::answered(std::size_t nth, const result<std::optional<stored_record>>& read) {
  std::optional<std::size_t> next;
  {
    const std::lock_guard lock{mutex_};
    if (!read) {
      failed_ = at_place(place_, read.error());
      // Nothing more is asked for; what is under way is awaited.
      missing_ -= sequences_.size() - std::exchange(asked_, sequences_.size());
    } else if (*read && (*read)->subject == place_.subject) {
      if (auto commit = decode_record(**read, place_)) found_[nth] = std::move(*commit);
    }
    if (asked_ < sequences_.size()) next = asked_++;
    if (--missing_ > 0 && !next) return;
  }
  next ? ask(*next, nats_flush::soon) : finish();
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
