#include <aether/runtime/value_reader.hpp>

#include <limits>

namespace aether {

namespace {

enum class kind {
  nil,
  boolean,
  unsigned_number,
  signed_number,
  real,
  text,
  binary,
  array,
  map,
  ext
};

/// The first bytes of a value, taken apart.
struct head {
  kind what = kind::nil;
  /// Bytes of the tag and of the length or number after it.
  std::size_t size = 0;
  /// The number itself, or how many bytes, elements or pairs follow.
  std::uint64_t number = 0;
};

std::uint64_t big_endian(bytes_view digits) noexcept {
  std::uint64_t value = 0;
  for (const std::byte digit : digits) value = value << 8 | std::to_integer<std::uint64_t>(digit);
  return value;
}

std::uint64_t extended(std::uint64_t value, std::size_t width) noexcept {
  const std::uint64_t sign = std::uint64_t{1} << (8 * width - 1);
  return (value ^ sign) - sign;
}

/// A tag followed by `width` bytes of number or length, and perhaps by `extra` bytes of payload
/// that no length counts (the type of an extension).
std::optional<head> wide(bytes_view data, kind what, std::size_t width) noexcept {
  if (data.size() < 1 + width) return std::nullopt;
  std::uint64_t number = big_endian(data.subspan(1, width));
  if (what == kind::signed_number) number = extended(number, width);
  if (what == kind::ext) ++number;
  return head{what, 1 + width, number};
}

std::optional<head> head_of_tagged(bytes_view data, unsigned tag) noexcept {
  const auto power = [tag](unsigned first) { return std::size_t{1} << (tag - first); };
  switch (tag) {
    case 0xc0:
      return head{kind::nil, 1, 0};
    case 0xc2:
    case 0xc3:
      return head{kind::boolean, 1, tag & 1};
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return wide(data, kind::binary, power(0xc4));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return wide(data, kind::ext, power(0xc7));
    case 0xca:
    case 0xcb:
      return wide(data, kind::real, 4 * power(0xca));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return wide(data, kind::unsigned_number, power(0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return wide(data, kind::signed_number, power(0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return head{kind::ext, 1, 1 + power(0xd4)};
    case 0xd9:
    case 0xda:
    case 0xdb:
      return wide(data, kind::text, power(0xd9));
    case 0xdc:
    case 0xdd:
      return wide(data, kind::array, 2 * power(0xdc));
    case 0xde:
    case 0xdf:
      return wide(data, kind::map, 2 * power(0xde));
    default:
      return std::nullopt;
  }
}

std::optional<head> head_of(bytes_view data) noexcept {
  if (data.empty()) return std::nullopt;
  const auto tag = std::to_integer<unsigned>(data[0]);
  if (tag < 0x80) return head{kind::unsigned_number, 1, tag};
  if (tag < 0x90) return head{kind::map, 1, tag & 0x0f};
  if (tag < 0xa0) return head{kind::array, 1, tag & 0x0f};
  if (tag < 0xc0) return head{kind::text, 1, tag & 0x1f};
  if (tag >= 0xe0) return head{kind::signed_number, 1, extended(tag, 1)};
  return head_of_tagged(data, tag);
}

/// How many bytes follow the head and belong to no other value.
std::uint64_t body_size(const head& of) noexcept {
  return of.what == kind::text || of.what == kind::binary || of.what == kind::ext ? of.number : 0;
}

std::uint64_t children(const head& of) noexcept {
  if (of.what == kind::array) return of.number;
  return of.what == kind::map ? 2 * of.number : 0;
}

}  // namespace

bool value_reader::nil() noexcept {
  const auto next = head_of(rest_);
  if (!next || next->what != kind::nil) return false;
  rest_ = rest_.subspan(next->size);
  return true;
}

std::optional<std::uint64_t> value_reader::unsigned_integer() noexcept {
  const auto next = head_of(rest_);
  if (!next) return std::nullopt;
  const bool negative =
      next->what == kind::signed_number && static_cast<std::int64_t>(next->number) < 0;
  if ((next->what != kind::unsigned_number && next->what != kind::signed_number) || negative)
    return std::nullopt;
  rest_ = rest_.subspan(next->size);
  return next->number;
}

std::optional<std::int64_t> value_reader::integer() noexcept {
  const auto next = head_of(rest_);
  if (!next || (next->what != kind::unsigned_number && next->what != kind::signed_number))
    return std::nullopt;
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (next->what == kind::unsigned_number && next->number > most) return std::nullopt;
  rest_ = rest_.subspan(next->size);
  return static_cast<std::int64_t>(next->number);
}

std::optional<std::string_view> value_reader::text() noexcept {
  const auto next = head_of(rest_);
  if (!next || next->what != kind::text || rest_.size() - next->size < next->number)
    return std::nullopt;
  const auto found = rest_.subspan(next->size, next->number);
  rest_ = rest_.subspan(next->size + next->number);
  return as_text(found);
}

std::optional<bytes_view> value_reader::binary() noexcept {
  const auto next = head_of(rest_);
  if (!next || next->what != kind::binary || rest_.size() - next->size < next->number)
    return std::nullopt;
  const auto found = rest_.subspan(next->size, next->number);
  rest_ = rest_.subspan(next->size + next->number);
  return found;
}

std::optional<std::size_t> value_reader::array() noexcept {
  const auto next = head_of(rest_);
  if (!next || next->what != kind::array) return std::nullopt;
  rest_ = rest_.subspan(next->size);
  return next->number;
}

std::optional<std::size_t> value_reader::map() noexcept {
  const auto next = head_of(rest_);
  if (!next || next->what != kind::map) return std::nullopt;
  rest_ = rest_.subspan(next->size);
  return next->number;
}

std::optional<bytes_view> value_reader::value() noexcept {
  bytes_view left = rest_;
  // A count instead of recursion: depth is the input's, the stack is ours.
  for (std::uint64_t wanted = 1; wanted > 0; --wanted) {
    const auto next = head_of(left);
    if (!next || left.size() - next->size < body_size(*next)) return std::nullopt;
    left = left.subspan(next->size + body_size(*next));
    wanted += children(*next);
    if (wanted - 1 > left.size()) return std::nullopt;
  }
  const auto found = rest_.first(rest_.size() - left.size());
  rest_ = left;
  return found;
}

bool is_encoded_map(bytes_view data) noexcept {
  if (!value_reader{data}.map()) return false;
  value_reader whole{data};
  return whole.value() && whole.at_end();
}

}  // namespace aether
