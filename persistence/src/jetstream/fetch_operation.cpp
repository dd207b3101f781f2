#include "fetch_operation.hpp"

namespace aether {

void fetch_operation::start(std::chrono::milliseconds timeout) {
  if (sequences_.empty()) return finish();
  for (std::size_t nth = 0; nth < sequences_.size(); ++nth) {
    const bool last = nth + 1 == sequences_.size();
    direct_get(
        *connection_, place_.stream, sequence_query(sequences_[nth]), timeout,
        [self = shared_from_this(), nth](result<std::optional<stored_record>> read) {
          self->answered(nth, read);
        },
        last ? nats_flush::now : nats_flush::soon);
  }
}

void fetch_operation::answered(std::size_t nth, const result<std::optional<stored_record>>& read) {
  {
    const std::lock_guard lock{mutex_};
    if (!read) {
      failed_ = at_place(place_, read.error());
    } else if (*read && (*read)->subject == place_.subject) {
      if (auto commit = decode_record(**read, place_)) found_[nth] = std::move(*commit);
    }
    if (--missing_ > 0) return;
  }
  finish();
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
