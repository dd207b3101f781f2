#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace aether {

/// Holds calls back until it is opened. Thread-safe; runs calls outside its lock.
class call_gate {
 public:
  using call = std::move_only_function<void()>;

  /// Runs `what` now, or holds it while closed.
  /// @param is_append also held where only appends are.
  void pass(bool is_append, call what) {
    {
      const std::lock_guard lock{mutex_};
      if (all_ || (is_append && appends_)) {
        held_.push_back(std::move(what));
        return;
      }
    }
    what();
  }
  void hold(call what) {
    const std::lock_guard lock{mutex_};
    held_.push_back(std::move(what));
  }
  void close_for_appends() {
    const std::lock_guard lock{mutex_};
    appends_ = true;
  }
  void close() {
    const std::lock_guard lock{mutex_};
    all_ = true;
  }
  /// Stays closed until nothing is held, so that what comes meanwhile overtakes nothing.
  void open() {
    std::vector<call> now;
    while (true) {
      {
        const std::lock_guard lock{mutex_};
        if (held_.empty()) {
          all_ = appends_ = false;
          return;
        }
        now.swap(held_);
      }
      for (auto& next : now) next();
      now.clear();
    }
  }
  [[nodiscard]] std::size_t held() const {
    const std::lock_guard lock{mutex_};
    return held_.size();
  }

 private:
  mutable std::mutex mutex_;
  bool all_ = false;
  bool appends_ = false;
  std::vector<call> held_;
};

/// Steps that are taken one by one. Thread-safe.
template <class Step>
class script {
 public:
  void add(Step step, std::size_t count) {
    const std::lock_guard lock{mutex_};
    steps_.insert(steps_.end(), count, step);
  }
  /// The next one; `Step{}` when there is none.
  [[nodiscard]] Step take() {
    const std::lock_guard lock{mutex_};
    if (steps_.empty()) return {};
    Step next = std::move(steps_.front());
    steps_.pop_front();
    return next;
  }
  void clear() {
    const std::lock_guard lock{mutex_};
    steps_.clear();
  }

 private:
  std::mutex mutex_;
  std::deque<Step> steps_;
};

}  // namespace aether
