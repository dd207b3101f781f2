#include <aether/persistence/history.hpp>
#include "recorded_events.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

namespace aether {

namespace {

/// Takes commits in reading order and keeps the events that were asked for.
class selection {
 public:
  explicit selection(const history_query& query) : query_{query} {}

  [[nodiscard]] bool complete() const noexcept { return complete_; }

  void take(const recorded_commit& from) {
    if (complete_) return;
    const commit& of = from.commit;
    const bool early = query_.since && of.at < *query_.since;
    const bool late = query_.until && of.at >= *query_.until;
    if (query_.newest_first ? early : late) {
      complete_ = true;
      return;
    }
    if (early || late) return;
    const std::size_t size = of.events.size();
    for (std::size_t i = 0; i < size && !complete_; ++i)
      take(from, query_.newest_first ? size - 1 - i : i);
  }

  history_part taken() && { return std::move(part_); }

 private:
  void take(const recorded_commit& from, std::size_t nth) {
    const event_version version{from.commit.first.value() + nth};
    const bool before = version<query_.from, behind = version> query_.to;
    if (query_.newest_first ? before : behind) {
      complete_ = true;
      return;
    }
    if (before || behind) return;
    if (part_.events.size() == query_.limit) {
      part_.more = complete_ = true;
      return;
    }
    part_.events.push_back(recorded_event_of(from, nth));
  }

  history_query query_;
  history_part part_;
  bool complete_ = false;
};

/// One reading under way. Owned by the call it waits for.
///
///   forwards: read a page, and so on; backwards: the tail, then what its back-pointers name, and
///   so on; where one does not surely follow the other, everything in order. Where pages are
///   damaged: everything at once, repaired.
class history_reading : public std::enable_shared_from_this<history_reading> {
 public:
  history_reading(event_store& store, const actor_address& address, const history_query& query,
                  history_handler handler)
      : store_{store},
        address_{address},
        query_{query},
        chosen_{query},
        handler_{std::move(handler)} {}

  void start() {
    if (query_.careful) return read_everything();
    if (query_.newest_first) return query_.resume.value() == 0 ? read_tail() : read_resumed();
    read_page(query_.from, query_.resume);
  }

 private:
  static constexpr std::size_t page_commits = 256;

  void read_page(event_version from, stream_sequence after) {
    store_.read(address_, from, after, page_commits,
                [self = shared_from_this()](result<std::vector<recorded_commit>> page) {
                  self->page_read(std::move(page));
                });
  }

  void page_read(result<std::vector<recorded_commit>> page) {
    if (!page) return trouble(page.error());
    for (const auto& next : *page) chosen_.take(next);
    if (chosen_.complete() || page->size() < page_commits) return finish();
    read_page(event_version{page->back().commit.last().value() + 1}, page->back().sequence);
  }

  /// Where it is no commit of the actor any more, from the tail.
  void read_resumed() {
    store_.fetch(address_, {query_.resume},
                 [self = shared_from_this()](result<std::vector<recorded_commit>> there) {
                   if (!there) return self->handler_(std::unexpected(there.error()));
                   if (there->empty()) return self->read_tail();
                   self->step_back(std::move(*there));
                 });
  }

  void read_tail() {
    store_.latest(address_,
                  [self = shared_from_this()](result<std::optional<recorded_commit>> tail) {
                    if (!tail) return self->trouble(tail.error());
                    if (!*tail) return self->finish();
                    self->step_back({std::move(**tail)});
                  });
  }

  /// `found` ascends, and ends right before what was taken last. What only the first of them says
  /// of its version is not believed before the one that it follows was seen.
  void step_back(std::vector<recorded_commit> found) {
    if (!joins(found)) return read_in_order();
    const bool sure = oldest_.has_value();
    for (auto it = found.rbegin(); it != found.rend(); ++it) chosen_.take(*it);
    oldest_ = std::move(found.front());
    if (oldest_->surely_follows({}) || (sure && chosen_.complete())) return finish();
    auto before = oldest_->believable_back_pointers();
    if (before.empty()) return read_in_order();
    if (chosen_.complete()) before.erase(before.begin(), before.end() - 1);
    store_.fetch(address_, std::move(before),
                 [self = shared_from_this()](result<std::vector<recorded_commit>> earlier) {
                   if (!earlier) return self->handler_(std::unexpected(earlier.error()));
                   self->step_back(std::move(*earlier));
                 });
  }

  [[nodiscard]] bool joins(const std::vector<recorded_commit>& found) const {
    if (found.empty()) return false;
    const recorded_commit* next = oldest_ ? &*oldest_ : nullptr;
    for (auto it = found.rbegin(); it != found.rend(); ++it) {
      if (next != nullptr && !next->surely_follows(it->position())) return false;
      next = &*it;
    }
    return true;
  }

  /// Everything, where the newest commits cannot be taken by their word.
  void read_in_order() {
    const bool begun = !in_order_.empty();
    store_.read(
        address_,
        begun ? event_version{in_order_.back().commit.last().value() + 1} : event_version{1},
        begun ? in_order_.back().sequence : stream_sequence{}, page_commits,
        [self = shared_from_this()](result<std::vector<recorded_commit>> page) {
          if (!page) return self->trouble(page.error());
          std::ranges::move(*page, std::back_inserter(self->in_order_));
          if (page->size() == page_commits) return self->read_in_order();
          self->take_all(std::move(self->in_order_));
        });
  }

  void trouble(const error& why) {
    if (why.code() != errc::corrupt_history) return handler_(std::unexpected(why));
    trouble_ = why;
    read_everything();
  }

  void read_everything() {
    store_.records(address_,
                   [self = shared_from_this()](result<std::vector<history_record>> records) {
                     if (!records) return self->handler_(std::unexpected(records.error()));
                     self->take_all(repaired(std::move(*records)));
                   });
  }

  void take_all(result<std::vector<recorded_commit>> all) {
    // What was found first knows the place better.
    if (!all) return handler_(std::unexpected(trouble_ ? std::move(*trouble_) : all.error()));
    chosen_ = selection{query_};
    if (query_.newest_first) std::ranges::reverse(*all);
    for (const auto& next : *all) chosen_.take(next);
    finish();
  }

  void finish() { handler_(std::move(chosen_).taken()); }

  event_store& store_;
  const actor_address address_;
  const history_query query_;
  selection chosen_;
  std::vector<recorded_commit> in_order_;
  std::optional<error> trouble_;
  /// The oldest commit taken.
  std::optional<recorded_commit> oldest_;
  history_handler handler_;
};

}  // namespace

void read_history(event_store& store, const actor_address& address, const history_query& query,
                  history_handler handler) {
  std::make_shared<history_reading>(store, address, query, std::move(handler))->start();
}

}  // namespace aether
