#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace aether::sim {

/// A move-only function that keeps up to `inline_bytes` of captures in itself: a simulation makes
/// millions of them, and few go to the heap.
template <class... Args>
class callback {
 public:
  static constexpr std::size_t inline_bytes = 96;

  callback() = default;
  template <class Function>
    requires(!std::is_same_v<std::decay_t<Function>, callback>)
  callback(Function&& function) {
    using held = std::decay_t<Function>;
    if constexpr (fits<held>) {
      ::new (static_cast<void*>(room_)) held(std::forward<Function>(function));
      ops_ = &in_place<held>;
    } else {
      ::new (static_cast<void*>(room_)) held*(new held(std::forward<Function>(function)));
      ops_ = &on_heap<held>;
    }
  }
  callback(callback&& other) noexcept : ops_{std::exchange(other.ops_, nullptr)} {
    if (ops_ != nullptr) ops_->move(other.room_, room_);
  }
  callback& operator=(callback&& other) noexcept {
    if (this == &other) return *this;
    reset();
    ops_ = std::exchange(other.ops_, nullptr);
    if (ops_ != nullptr) ops_->move(other.room_, room_);
    return *this;
  }
  ~callback() { reset(); }

  explicit operator bool() const noexcept { return ops_ != nullptr; }
  void operator()(Args... args) { ops_->call(room_, std::forward<Args>(args)...); }

 private:
  struct operations {
    void (*call)(std::byte* room, Args&&... args);
    void (*move)(std::byte* from, std::byte* to) noexcept;
    void (*destroy)(std::byte* room) noexcept;
  };

  template <class Held>
  static constexpr bool fits =
      sizeof(Held) <= inline_bytes &&
      alignof(Held) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<Held>;
  template <class Held>
  static Held& at(std::byte* room) noexcept {
    return *std::launder(reinterpret_cast<Held*>(room));
  }
  template <class Held>
  static constexpr operations in_place{
      [](std::byte* room, Args&&... args) { at<Held>(room)(std::forward<Args>(args)...); },
      [](std::byte* from, std::byte* to) noexcept {
        ::new (static_cast<void*>(to)) Held(std::move(at<Held>(from)));
        at<Held>(from).~Held();
      },
      [](std::byte* room) noexcept { at<Held>(room).~Held(); }};
  template <class Held>
  static constexpr operations on_heap{
      [](std::byte* room, Args&&... args) { (*at<Held*>(room))(std::forward<Args>(args)...); },
      [](std::byte* from, std::byte* to) noexcept {
        ::new (static_cast<void*>(to)) Held*(at<Held*>(from));
      },
      [](std::byte* room) noexcept { delete at<Held*>(room); }};

  void reset() noexcept {
    if (ops_ != nullptr) std::exchange(ops_, nullptr)->destroy(room_);
  }

  const operations* ops_ = nullptr;
  alignas(std::max_align_t) std::byte room_[inline_bytes];
};

using task = callback<>;

}  // namespace aether::sim
