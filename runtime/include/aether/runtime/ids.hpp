#pragma once

#include <aether/runtime/error.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

namespace detail {

/// A validated string that cannot be swapped for another kind of string.
template <class Tag>
class name {
 public:
  /// @errors `invalid_argument`: `text` is outside the domain that `Tag` documents.
  [[nodiscard]] static result<name> parse(std::string_view text) {
    if (auto why = Tag::refuse(text); !why.empty())
      return fail(errc::invalid_argument, std::move(why));
    return name{std::string{text}};
  }
  /// Whether `parse` takes it, in a constant expression; not for actor ids.
  [[nodiscard]] static constexpr bool allows(std::string_view text) noexcept {
    return Tag::allows(text);
  }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  friend auto operator<=>(const name&, const name&) = default;

 private:
  explicit name(std::string text) : text_{std::move(text)} {}
  std::string text_;
};

/// `[A-Za-z0-9_-]{1,64}`
struct token_rule {
  [[nodiscard]] static constexpr bool allows(std::string_view text) noexcept {
    for (const char c : text)
      if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
          c != '_' && c != '-')
        return false;
    return !text.empty() && text.size() <= 64;
  }
};

/// Each `refuse` returns an empty string, or why `text` is refused.
struct namespace_rule : token_rule {
  static std::string refuse(std::string_view text);
};
struct actor_type_rule : token_rule {
  static std::string refuse(std::string_view text);
};
struct actor_id_rule {
  static std::string refuse(std::string_view text);
};
struct node_id_rule : token_rule {
  static std::string refuse(std::string_view text);
};

/// 16 bytes, unique and sortable by the millisecond in which they were made (RFC 9562, version 7).
class uuid {
 public:
  static constexpr std::size_t size = 16;
  [[nodiscard]] const std::array<std::uint8_t, size>& raw() const noexcept { return raw_; }
  [[nodiscard]] bool is_nil() const noexcept { return raw_ == std::array<std::uint8_t, size>{}; }
  /// Milliseconds since 1970 by the maker's clock.
  [[nodiscard]] std::uint64_t made_at_ms() const noexcept;
  /// 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const;
  friend auto operator<=>(const uuid&, const uuid&) = default;

 protected:
  uuid() = default;
  explicit uuid(const std::array<std::uint8_t, size>& raw) noexcept : raw_{raw} {}
  static uuid make();
  static uuid make_after(const uuid& before);
  static std::optional<uuid> from_hex(std::string_view text);
  std::array<std::uint8_t, size> raw_{};
};

template <class Tag>
class uuid_of : public uuid {
 public:
  /// The nil id: 16 zero bytes.
  uuid_of() = default;
  explicit uuid_of(const std::array<std::uint8_t, size>& raw) noexcept : uuid{raw} {}
  /// A fresh id: 48 bits of wall-clock milliseconds, a per-thread counter of 26, 48 random bits.
  /// Within a thread each is greater than the one before, even when the clock steps back.
  /// Thread-safe.
  [[nodiscard]] static uuid_of make() { return uuid_of{uuid::make().raw()}; }
  /// A fresh id that is greater than `before`, whoever made that one and by whatever clock: the
  /// next of `make()`, or, where that is not greater, one with the millisecond of `before` and the
  /// next counter, and the next millisecond where the counter is full. What `make()` gives
  /// afterwards does not depend on `before`. Nothing is greater than the last counter of the last
  /// millisecond (2^48 - 1, in the year 10889): after it as `make()`. Thread-safe.
  [[nodiscard]] static uuid_of make_after(const uuid_of& before) {
    return uuid_of{uuid::make_after(before).raw()};
  }
  /// Reads what `hex` wrote; none for anything else.
  [[nodiscard]] static std::optional<uuid_of> from_hex(std::string_view text) {
    auto id = uuid::from_hex(text);
    return id ? std::optional{uuid_of{id->raw()}} : std::nullopt;
  }
};

template <class Tag>
class number {
 public:
  constexpr number() = default;
  constexpr explicit number(std::uint64_t value) noexcept : value_{value} {}
  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
  friend constexpr auto operator<=>(number, number) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace detail

/// A namespace: `[A-Za-z0-9_-]{1,64}`. Part of every subject, stream and bucket.
using namespace_name = detail::name<detail::namespace_rule>;
/// An actor type: `[A-Za-z0-9_-]{1,64}`; one subject token, stable for ever.
using actor_type = detail::name<detail::actor_type_rule>;
/// An actor's id within its type: 1-255 bytes of valid UTF-8, any characters.
using actor_id = detail::name<detail::actor_id_rule>;
/// A node: `[A-Za-z0-9_-]{1,64}`; one live process each.
using node_id = detail::name<detail::node_id_rule>;

using command_id = detail::uuid_of<struct command_id_tag>;
using commit_id = detail::uuid_of<struct commit_id_tag>;

/// How many events an actor has; the n-th event has version n, 0 is "none yet".
using event_version = detail::number<struct event_version_tag>;
/// A message's sequence in its stream; 0 is "none".
using stream_sequence = detail::number<struct stream_sequence_tag>;
/// The revision of the shard table under which a writer acts; informative in commits.
using writer_epoch = detail::number<struct writer_epoch_tag>;

/// A shard's index, below the namespace's shard count.
using shard_id = detail::number<struct shard_id_tag>;

/// `count` shards, `first` and those after it; one shard is a range too.
struct shard_range {
  shard_id first;
  std::uint32_t count = 1;

  constexpr shard_range(shard_id one) noexcept : first{one} {}  // NOLINT: a shard is a range
  constexpr shard_range(shard_id begin, std::uint32_t how_many) noexcept
      : first{begin}, count{how_many} {}

  [[nodiscard]] constexpr bool contains(shard_id shard) const noexcept {
    return shard >= first && shard.value() - first.value() < count;
  }
  /// Whether it has shards, and `outer` has them all.
  [[nodiscard]] constexpr bool within(const shard_range& outer) const noexcept {
    return count > 0 && outer.contains(first) &&
           count <= outer.count - (first.value() - outer.first.value());
  }
  friend constexpr bool operator==(const shard_range&, const shard_range&) = default;
};

/// The actors of one type in one shard: what is owned, and moves, as a whole.
struct slot {
  actor_type type;
  shard_id shard;
  friend auto operator<=>(const slot&, const slot&) = default;
};

/// `account, shard 7`, for logs.
[[nodiscard]] std::string to_string(const slot& which);

/// Reaches one actor anywhere in the cluster.
struct actor_address {
  actor_type type;
  actor_id id;
  friend auto operator<=>(const actor_address&, const actor_address&) = default;
};

/// `type/id`, for logs.
[[nodiscard]] std::string to_string(const actor_address& address);

/// FNV-1a (64 bit) over type, one zero byte, id, then the finaliser of SplitMix64 (without its
/// increment). Written down in docs/formats.md; it never changes.
[[nodiscard]] std::uint64_t stable_hash(const actor_address& address) noexcept;

/// `stable_hash(address) % shards`.
/// @pre `shards > 0`.
[[nodiscard]] shard_id shard_of(const actor_address& address, std::uint32_t shards) noexcept;

/// `shard 7`, `shards 0-31`.
[[nodiscard]] std::string to_string(const shard_range& range);

}  // namespace aether

template <>
struct std::hash<aether::actor_address> {
  std::size_t operator()(const aether::actor_address& address) const noexcept {
    return static_cast<std::size_t>(aether::stable_hash(address));
  }
};

template <class Tag>
struct std::hash<aether::detail::uuid_of<Tag>> {
  std::size_t operator()(const aether::detail::uuid_of<Tag>& id) const noexcept {
    std::size_t value = 0;  // the counter and random half
    for (std::size_t i = 8; i < id.size; ++i) value = value << 8 | id.raw()[i];
    return value;
  }
};
