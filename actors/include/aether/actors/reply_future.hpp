#pragma once

#include <aether/actors/command.hpp>
#include <aether/actors/durable.hpp>
#include <aether/persistence/stored_position.hpp>
#include <aether/runtime/error.hpp>

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace aether {

/// A reply, and how far its actor's history went when it was given: whoever has seen the log up to
/// there has seen what the reply tells of. A projection waits for it
/// (`projection_client::wait_for`).
template <class Reply>
struct answered {
  Reply reply;
  stored_position position;
};
template <>
struct answered<void> {
  stored_position position;
};

namespace detail {

/// Where an answer and the one who waits for it meet.
template <class Reply>
class reply_slot {
 public:
  void fill(result<Reply> answer, reply_mark mark = {}) {
    std::coroutine_handle<> waiting;
    {
      const std::lock_guard lock{mutex_};
      mark_ = mark;
      answer_.emplace(std::move(answer));
      waiting = std::exchange(waiting_, nullptr);
      filled_.notify_all();
    }
    if (waiting) waiting.resume();
  }
  [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point when) {
    std::unique_lock lock{mutex_};
    return filled_.wait_until(lock, when, [this] { return answer_.has_value(); });
  }
  [[nodiscard]] result<Reply> take() {
    std::unique_lock lock{mutex_};
    filled_.wait(lock, [this] { return answer_.has_value(); });
    return std::move(*answer_);
  }
  /// Of an answer that was taken.
  [[nodiscard]] reply_mark mark() {
    const std::lock_guard lock{mutex_};
    return mark_;
  }
  /// False when the answer is there already.
  [[nodiscard]] bool suspend(std::coroutine_handle<> waiting) {
    const std::lock_guard lock{mutex_};
    if (answer_) return false;
    waiting_ = waiting;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::optional<result<Reply>> answer_;
  reply_mark mark_{};
  std::coroutine_handle<> waiting_;
};

}  // namespace detail

/// The answer to an ask, some time: wait for it, or `co_await` it. It always comes, an error if
/// nothing else: through a node by the ask's deadline or shortly after; of an `actor_host` without
/// a node, when the actor is done with it. May be dropped; the command is not called back by that.
///
///     result<balance> left = alice.ask(withdraw{30'00}, 2s).get();
///     result<balance> left = co_await alice.ask(withdraw{30'00}, 2s);   // in any coroutine
///
/// Threads: for one at a time.
template <class Reply>
class [[nodiscard]] reply_future {
 public:
  reply_future(std::shared_ptr<detail::reply_slot<Reply>> slot,
               std::shared_ptr<const result<actor_address>> from)
      : slot_{std::move(slot)}, from_{std::move(from)} {}

  /// Waits. Once; not on a thread of the runtime (a handler, a side effect, an answer's handler):
  /// the answer may need that very thread.
  [[nodiscard]] result<Reply> get() { return slot_->take(); }
  /// The same, with the position. It covers the command's own events; of one that stored nothing,
  /// whatever the actor had stored before it answered. A receipt says nothing of the history: no
  /// command was decided.
  [[nodiscard]] result<answered<Reply>> get_with_position() requires(
      !std::is_same_v<Reply, durable_receipt>) {
    auto got = slot_->take();
    if (!got) return std::unexpected(std::move(got).error());
    const auto mark = slot_->mark();
    stored_position position{**from_, mark.version, mark.sequence};
    if constexpr (std::is_void_v<Reply>)
      return answered<void>{std::move(position)};
    else
      return answered<Reply>{std::move(*got), std::move(position)};
  }
  /// Waits at most so long. @returns whether the answer is there.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds limit) {
    return slot_->wait_until(std::chrono::steady_clock::now() + limit);
  }

  /// Goes on with the answer on the thread that brings it, or at once when it is there: hands over
  /// what takes long to a thread of its own, and never blocks there. The coroutine must not be
  /// destroyed while it waits.
  [[nodiscard]] auto operator co_await() && noexcept {
    struct awaiter {
      std::shared_ptr<detail::reply_slot<Reply>> slot;
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
        return slot->suspend(waiting);
      }
      [[nodiscard]] result<Reply> await_resume() { return slot->take(); }
    };
    return awaiter{std::move(slot_)};
  }

 private:
  std::shared_ptr<detail::reply_slot<Reply>> slot_;
  /// An address, wherever there is an answer.
  std::shared_ptr<const result<actor_address>> from_;
};

}  // namespace aether
