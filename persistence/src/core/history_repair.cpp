#include "history_repair.hpp"

#include <algorithm>

namespace aether {

namespace {

constexpr std::size_t reason_bytes_max = 1'000;

std::string number(std::uint64_t value) { return std::to_string(value); }

std::vector<skip_order> markers_in(const std::vector<history_record>& records) {
  std::vector<skip_order> found;
  for (const auto& record : records) {
    if (!record.found) continue;
    for (const auto& event : record.found->commit.events)
      if (event.type == skip_marker)
        if (auto order = decode<skip_order>(event.data)) found.push_back(std::move(*order));
  }
  return found;
}

class repair {
 public:
  explicit repair(const std::vector<history_record>& records) : orders_{markers_in(records)} {}

  result<void> take(history_record&& record) {
    if (skips_record(record.sequence)) {
      before_.reset();
      return {};
    }
    if (!record.found)
      return fail(errc::corrupt_history, record.found.error().text() + ", where version " +
                                             number(next_) + " was expected");
    recorded_commit& found = *record.found;
    const std::uint64_t first = found.commit.first.value();
    if (first < next_ || (first > next_ && !skips_events(next_, first - 1)))
      return fail(errc::corrupt_history,
                  "version " + number(next_) + " is missing: the commit at stream sequence " +
                      number(record.sequence.value()) + " begins with version " + number(first));
    if (first == next_ && before_ && !found.follows(*before_))
      return fail(errc::corrupt_history, "the commit at stream sequence " +
                                             number(record.sequence.value()) +
                                             " was written after another commit than the one "
                                             "before it: it belongs to another history");
    fill_up_to(found.commit, record.sequence);
    before_ = found.position();
    blank(found.commit);
    next_ = found.commit.last().value() + 1;
    whole_.push_back(std::move(found));
    return {};
  }

  std::vector<recorded_commit> whole() && { return std::move(whole_); }

 private:
  [[nodiscard]] bool skips_record(stream_sequence sequence) const {
    return std::ranges::any_of(
        orders_, [&](const skip_order& one) { return one.sequence == sequence.value(); });
  }
  [[nodiscard]] bool skips_events(std::uint64_t first, std::uint64_t last) const {
    return std::ranges::any_of(orders_, [&](const skip_order& one) {
      return one.first <= first && last <= one.last && one.last - one.first < skipped_events_max;
    });
  }
  /// Placeholders for versions that are gone. They take the time of what comes next, as nobody
  /// knows theirs.
  void fill_up_to(const commit& following, stream_sequence sequence) {
    const std::uint64_t first = following.first.value();
    while (next_ < first) {
      commit gone;
      gone.first = event_version{next_};
      gone.at = following.at;
      gone.events.resize(std::min<std::uint64_t>(first - next_, commit_events_max),
                         {std::string{skipped_event}, {}});
      next_ += gone.events.size();
      whole_.push_back({std::move(gone), sequence});
    }
  }
  void blank(commit& of) const {
    std::uint64_t version = of.first.value();
    for (auto& event : of.events) {
      if (skips_events(version, version)) event = {std::string{skipped_event}, {}};
      ++version;
    }
  }

  std::vector<skip_order> orders_;
  std::uint64_t next_ = 1;
  /// Where the record before ended; none where it was skipped.
  std::optional<log_position> before_;
  std::vector<recorded_commit> whole_;
};

std::unexpected<error> invalid(std::string text) {
  return fail(errc::invalid_argument, std::move(text));
}

result<void> check(const std::vector<history_record>& records, const skip_request& request) {
  if (request.reason.empty() || request.reason.size() > reason_bytes_max)
    return invalid("a reason has 1-" + number(reason_bytes_max) + " bytes");
  const auto first = request.first.value(), last = request.last.value();
  if ((first == 0) != (last == 0) || first > last || last - first >= skipped_events_max)
    return invalid("versions " + number(first) + "-" + number(last) + " are no range of 1-" +
                   number(skipped_events_max) + " events");
  if (first == 0 && request.sequence.value() == 0) return invalid("nothing is to be skipped");
  const auto is_it = [&](const history_record& one) { return one.sequence == request.sequence; };
  if (request.sequence.value() != 0 && std::ranges::none_of(records, is_it))
    return invalid("the actor has no record at stream sequence " +
                   number(request.sequence.value()));
  return {};
}

}  // namespace

result<std::vector<recorded_commit>> repaired(std::vector<history_record> records) {
  repair work{records};
  for (auto& record : records)
    if (auto taken = work.take(std::move(record)); !taken) return std::unexpected(taken.error());
  return std::move(work).whole();
}

result<planned_skip> plan_skip(const std::vector<history_record>& records,
                               const skip_request& request) {
  if (auto sound = check(records, request); !sound) return std::unexpected(sound.error());
  std::uint64_t version = 0;
  for (const auto& record : records)
    if (record.found && record.sequence != request.sequence)
      version = std::max(version, record.found->commit.last().value());
  const bool lost_its_tail = request.sequence.value() != 0 && !records.empty() &&
                             records.back().sequence == request.sequence;
  if (request.last.value() > version) {
    if (!lost_its_tail || request.first.value() != version + 1)
      return invalid("the history ends at version " + number(version));
    version = request.last.value();
  }
  planned_skip plan;
  plan.expected = {event_version{version},
                   records.empty() ? stream_sequence{} : records.back().sequence};
  plan.marker.first = event_version{version + 1};
  if (!records.empty()) plan.marker.back_pointers = {records.back().sequence};
  const skip_order order{request.first.value(), request.last.value(), request.sequence.value(),
                         request.reason};
  plan.marker.events.push_back({std::string{skip_marker}, encode(order)});
  return plan;
}

}  // namespace aether
