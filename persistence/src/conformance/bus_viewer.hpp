#pragma once

#include "kit.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace aether::conformance {

/// A subscription that notes what it is shown, and can be held up in a handler.
class viewer {
 public:
  struct view {
    namespace_name ns;
    actor_address address;
    std::string stream;
    std::uint64_t sequence;
    recorded_event recorded;
    bool caught_up;
  };
  struct hole {
    std::string stream;
    std::uint64_t first, last;
    gap_reason reason;
  };

  viewer() = default;
  viewer(const viewer&) = delete;
  viewer& operator=(const viewer&) = delete;
  ~viewer() { let_go(); }

  void subscribe(event_bus& to, event_filter filter, subscription_options options = {}) {
    subscription_ = must_move(to.subscribe(
        std::move(filter), std::move(options),
        {.event = [this](const bus_event& one) { note(one); },
         .gap = [this](const event_gap& gap) { note(gap); },
         .unreadable = [this](const event_place&, const error& why) { note_unreadable(why); }}));
  }

  /// The next handler's call, and those after it, wait.
  void hold() {
    const std::lock_guard lock{mutex_};
    held_ = true;
  }
  void let_go() {
    const std::lock_guard lock{mutex_};
    held_ = false;
    changed_.notify_all();
  }
  void await_in_handler() {
    await([this] { return inside_; }, "a handler to be called");
  }
  void await_events(std::size_t count) {
    await([&] { return views_.size() >= count; }, std::to_string(count) + " events");
  }
  void await_version(const actor_address& of, event_version version) {
    await(
        [&] {
          for (const auto& one : views_)
            if (one.address == of && one.recorded.version == version) return true;
          return false;
        },
        "version " + std::to_string(version.value()) + " of " + to_string(of));
  }
  /// Every position up to there was shown or is in a hole.
  void await_position(const std::string& stream, std::uint64_t sequence) {
    await(
        [&] {
          for (const auto& one : views_)
            if (one.stream == stream && one.sequence >= sequence) return true;
          for (const auto& one : holes_)
            if (one.stream == stream && one.last >= sequence) return true;
          return false;
        },
        "position " + std::to_string(sequence) + " of " + stream);
  }

  [[nodiscard]] std::vector<view> views() const {
    const std::lock_guard lock{mutex_};
    return views_;
  }
  [[nodiscard]] std::vector<hole> holes() const {
    const std::lock_guard lock{mutex_};
    return holes_;
  }
  [[nodiscard]] subscription_stats stats() const { return subscription_.stats(); }
  void end() { subscription_ = {}; }

 private:
  static event_subscription must_move(result<event_subscription> made) {
    if (!made) fail_case("subscribe: expected success, found " + made.error().message());
    return *std::move(made);
  }

  template <class Condition>
  void await(Condition condition, const std::string& what) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, answer_limit, condition))
      fail_case("expected to see " + what + ", saw " + std::to_string(views_.size()) +
                " events and " + std::to_string(holes_.size()) + " gaps within 30 s");
  }
  void wait(std::unique_lock<std::mutex>& lock) {
    inside_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    inside_ = false;
  }
  void note(const bus_event& one) {
    std::unique_lock lock{mutex_};
    views_.push_back({one.place.ns(), one.place.address, one.place.stream->name,
                      one.place.sequence.value(), one.recorded, one.caught_up});
    wait(lock);
  }
  void note(const event_gap& gap) {
    std::unique_lock lock{mutex_};
    holes_.push_back({gap.stream->name, gap.first.value(), gap.last.value(), gap.reason});
    wait(lock);
  }
  void note_unreadable(const error& why) {
    std::unique_lock lock{mutex_};
    unreadable_.push_back(why.message());
    wait(lock);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool inside_ = false;
  std::vector<view> views_;
  std::vector<hole> holes_;
  std::vector<std::string> unreadable_;
  /// The last member: ends before the others.
  event_subscription subscription_;
};

/// The events that were shown of an actor are those from `first` on that were written, in order.
inline void must_show(const viewer& by, const writer& of, std::size_t first,
                      const std::string& what) {
  std::vector<recorded_event> shown;
  for (const auto& one : by.views())
    if (one.address == of.actor()) shown.push_back(one.recorded);
  std::size_t nth = 0;
  for (std::size_t i = first; i < of.written().size(); ++i) {
    const auto& one = of.written()[i];
    for (std::size_t k = 0; k < one.commit.events.size(); ++k, ++nth) {
      require(nth < shown.size(), what + ": fewer events were shown than were stored");
      const auto& event = shown[nth];
      require(event.version.value() == one.commit.first.value() + k &&
                  event.sequence == one.sequence && event.event == one.commit.events[k] &&
                  event.id == event_id{one.commit.id, static_cast<std::uint32_t>(k)} &&
                  event.at == one.commit.at,
              what + ": event " + std::to_string(nth) + " is not the one that was stored");
    }
  }
  require(nth == shown.size(), what + ": more events were shown than were stored");
}

}  // namespace aether::conformance
