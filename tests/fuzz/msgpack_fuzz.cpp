// The two readers of msgpack against one another, and a message with a field of every kind.

#include <aether/runtime/codec.hpp>
#include <aether/runtime/value_reader.hpp>
#include "fuzz.hpp"

#include <vector>

using namespace aether;
using namespace aether::fuzz;

namespace {

enum class colour : std::uint8_t { red, green };

struct inner {
  std::int32_t n = 0;
  AETHER_MESSAGE("fuzz.inner", n)
};

struct sample {
  bool b = false;
  std::int8_t i8 = 0;
  std::uint16_t u16 = 0;
  std::int64_t i64 = 0;
  std::uint64_t u64 = 0;
  float f = 0;
  double d = 0;
  colour c = colour::red;
  std::string s;
  bytes y;
  std::chrono::milliseconds t{};
  std::optional<std::string> o;
  std::vector<inner> v;
  std::array<std::uint8_t, 2> a{};
  std::map<std::string, std::vector<double>> m;
  AETHER_MESSAGE("fuzz.sample", b, i8, u16, i64, u64, f, d, c, s, y, t, o, v, a, m)
};

constexpr const char* same = "both readers see the same value";

void compare(decoded parsed, value_reader& in);

void compare_scalar(decoded parsed, value_reader& in) {
  if (const auto number = parsed.as_unsigned())
    return require(in.unsigned_integer() == number, same);
  if (const auto number = parsed.as_integer()) return require(in.integer() == number, same);
  if (const auto text = parsed.as_text()) return require(in.text() == text, same);
  if (const auto data = parsed.as_binary()) {
    const auto read = in.binary();
    return require(read && as_text(*read) == as_text(*data), same);
  }
  if (parsed.is_nil()) return require(in.nil(), same);
  // Real numbers, booleans and extensions, which only one of the two takes apart.
  require(!in.nil() && !in.integer() && !in.text() && !in.binary() && !in.array() && !in.map(),
          same);
  require(in.value().has_value(), same);
}

/// @pre no more than `document::depth_max` levels.
void compare(decoded parsed, value_reader& in) {
  if (const auto size = parsed.array_size()) {
    require(in.array() == size, same);
    for (std::size_t i = 0; i < *size; ++i) compare(parsed.element(i), in);
  } else if (const auto pairs = parsed.map_size()) {
    require(in.map() == pairs, same);
    for (std::size_t i = 0; i < *pairs; ++i) {
      const auto [key, value] = parsed.pair(i);
      compare(key, in);
      compare(value, in);
    }
  } else {
    compare_scalar(parsed, in);
  }
}

void check_readers(bytes_view input) {
  // 32 bytes for each byte of input, and as much again on the way there.
  const auto parsed = within({.fixed = 2048, .per_byte = 64}, input, document::parse);
  value_reader whole{input};
  const bool one_value = whole.value().has_value() && whole.at_end();
  if (parsed) {
    require(one_value, same);
    value_reader in{input};
    compare(parsed->root(), in);
    require(in.at_end(), same);
    require(is_encoded_map(input) == parsed->root().map_size().has_value(), same);
    return;
  }
  require_documented(parsed.error(), {errc::decode_failed});
  require(!one_value || parsed.error().text().ends_with("nested too deep"),
          "a document refuses one whole value only for its depth");
}

void check_message(bytes_view input) {
  const auto read = within({}, input, decode<sample>);
  if (!read) return require_documented(read.error(), {errc::decode_failed});
  const bytes written = encode(*read);
  const auto again = decode<sample>(written);
  require(again.has_value(), "what was written can be read");
  require(encode(*again) == written, "what was written reads as the same message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_readers(as_input(data, size));
  check_message(as_input(data, size));
  return 0;
}
