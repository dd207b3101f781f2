#pragma once

#include <aether/runtime/codec.hpp>
#include <aether/runtime/footprint.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

class any_message;

/// What the runtime knows of one message type. One object per type; compare by address.
struct message_type {
  std::string_view wire_name;
  void (*encode)(const void* object, bytes& out);
  result<any_message> (*decode)(bytes_view data);
  std::size_t (*footprint)(const void* object) noexcept;
};

template <message T>
[[nodiscard]] const message_type& message_type_of() noexcept;

/// Owns one message of any type; empty when moved from. The local path carries these, so nothing is
/// encoded between two actors of one process. Copies are made by `share` alone.
class any_message {
 public:
  any_message() = default;
  any_message(any_message&& other) noexcept : held_{std::exchange(other.held_, nullptr)} {}
  any_message& operator=(any_message&& other) noexcept {
    any_message taken{std::move(other)};
    std::swap(held_, taken.held_);
    return *this;
  }
  ~any_message() {
    if (held_ != nullptr && held_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
      held_->destroy(held_);
  }

  template <message T>
  [[nodiscard]] static any_message of(T value) {
    any_message made;
    made.held_ = new box<T>(std::move(value));
    return made;
  }

  /// One that this process only passes on: encoded already, and of a type that need not be known
  /// here. It has no object, so nothing that looks for one takes it.
  [[nodiscard]] static any_message encoded(std::string wire_name, bytes data);

  /// A second owner of the same object, on any thread; nobody may change the object from then on.
  [[nodiscard]] any_message share() const noexcept {
    any_message second;
    second.held_ = held_;
    if (held_ != nullptr) held_->owners.fetch_add(1, std::memory_order_relaxed);
    return second;
  }

  [[nodiscard]] bool empty() const noexcept { return held_ == nullptr; }
  /// @pre not empty, for this and everything below.
  [[nodiscard]] const message_type& type() const noexcept { return *held_->type; }
  [[nodiscard]] const void* object() const noexcept { return held_->object; }
  /// The message, or nullptr when it is of another type.
  template <message T>
  [[nodiscard]] T* get_if() noexcept {
    return held_->type == &message_type_of<T>() ? static_cast<T*>(held_->object) : nullptr;
  }
  template <message T>
  [[nodiscard]] const T* get_if() const noexcept {
    return held_->type == &message_type_of<T>() ? static_cast<const T*>(held_->object) : nullptr;
  }
  void encode_to(bytes& out) const { held_->type->encode(held_->object, out); }
  /// About how many bytes of memory it takes.
  [[nodiscard]] std::size_t footprint() const noexcept {
    return sizeof(header) + held_->type->footprint(held_->object);
  }

 private:
  struct header {
    const message_type* type;
    void* object;
    void (*destroy)(header* whole) noexcept;
    std::atomic<std::uint32_t> owners{1};
  };
  template <class T>
  struct box : header {
    explicit box(T from)
        : header{&message_type_of<T>(), &value,
                 [](header* whole) noexcept { delete static_cast<box*>(whole); }},
          value{std::move(from)} {}
    T value;
  };

  struct parcel;

  header* held_ = nullptr;
};

struct any_message::parcel : any_message::header {
  parcel(std::string wire_name, bytes encoded)
      : header{&own, this, [](header* whole) noexcept { delete static_cast<parcel*>(whole); }},
        name{std::move(wire_name)},
        data{std::move(encoded)},
        own{name,
            [](const void* whole, bytes& out) {
              const auto& from = static_cast<const parcel*>(whole)->data;
              out.insert(out.end(), from.begin(), from.end());
            },
            [](bytes_view) -> result<any_message> {
              return fail(errc::unknown_message, "a message that is only passed on");
            },
            [](const void* whole) noexcept {
              const auto* self = static_cast<const parcel*>(whole);
              return sizeof(parcel) + self->name.capacity() + self->data.capacity();
            }} {}
  std::string name;
  bytes data;
  message_type own;
};

inline any_message any_message::encoded(std::string wire_name, bytes data) {
  any_message made;
  made.held_ = new parcel(std::move(wire_name), std::move(data));
  return made;
}

namespace detail {

template <message T>
inline constexpr message_type message_type_object{
    T::aether_wire_name,
    [](const void* object, bytes& out) { aether::encode_to(out, *static_cast<const T*>(object)); },
    [](bytes_view data) -> result<any_message> {
      auto value = aether::decode<T>(data);
      if (!value) return std::unexpected(std::move(value).error());
      return any_message::of<T>(std::move(*value));
    },
    [](const void* object) noexcept { return aether::footprint(*static_cast<const T*>(object)); }};

}  // namespace detail

template <message T>
const message_type& message_type_of() noexcept {
  return detail::message_type_object<T>;
}

/// The typed reason that `why` carries, when it is a `Reason`.
template <message Reason>
[[nodiscard]] std::optional<Reason> reason_of(const error& why) {
  const auto* carried = why.reason();
  if (carried == nullptr || carried->wire_name != Reason::aether_wire_name) return std::nullopt;
  auto read = decode<Reason>(carried->data);
  return read ? std::optional{std::move(*read)} : std::nullopt;
}

}  // namespace aether
