#include <aether/runtime/describe.hpp>
#include <aether/runtime/encoding.hpp>

namespace aether {

namespace {

std::string hex(bytes_view data) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "0x";
  for (const std::byte next : data) {
    out += digits[std::to_integer<std::size_t>(next) >> 4];
    out += digits[std::to_integer<std::size_t>(next) & 15];
  }
  return out;
}

std::string words(const decoded& value);

std::string words_of_map(const decoded& value, std::size_t size) {
  std::string out = "{";
  for (std::size_t i = 0; i < size; ++i) {
    const auto [key, held] = value.pair(i);
    out += (i == 0 ? "" : ", ") + std::string{key.as_text().value_or("?")} + ": " + words(held);
  }
  return out + "}";
}

std::string words_of_array(const decoded& value, std::size_t size) {
  std::string out = "[";
  for (std::size_t i = 0; i < size; ++i) out += (i == 0 ? "" : ", ") + words(value.element(i));
  return out + "]";
}

std::string words(const decoded& value) {
  if (value.is_nil()) return "nil";
  if (const auto truth = value.as_boolean()) return *truth ? "true" : "false";
  if (const auto number = value.as_integer()) return std::to_string(*number);
  if (const auto number = value.as_unsigned()) return std::to_string(*number);
  if (const auto number = value.as_real()) return std::to_string(*number);
  if (const auto text = value.as_text()) return '"' + std::string{*text} + '"';
  if (const auto data = value.as_binary()) return hex(*data);
  if (const auto size = value.map_size()) return words_of_map(value, *size);
  if (const auto size = value.array_size()) return words_of_array(value, *size);
  return "?";
}

}  // namespace

std::string describe(std::string_view wire_name, bytes_view data) {
  const auto parsed = document::parse(data);
  return std::string{wire_name} + (parsed ? words(parsed->root()) : "<" + hex(data) + ">");
}

std::string describe(const any_message& message) {
  if (message.empty()) return "nothing";
  bytes data;
  message.encode_to(data);
  return describe(message.type().wire_name, data);
}

}  // namespace aether
