#include "record_codec.hpp"

#include <charconv>

namespace aether {

namespace {

std::unexpected<error> corrupt(std::string text) {
  return fail(errc::corrupt_history, std::move(text));
}

result<void> check_version(std::string_view what, std::uint64_t found, std::uint32_t newest) {
  if (found >= 1 && found <= newest) return {};
  return corrupt(std::string{what} + " format " + std::to_string(found) +
                 " is unknown, this build reads up to " + std::to_string(newest) +
                 ": upgrade this node");
}

}  // namespace

void write_embedded(encoder& out, bytes_view data) {
  if (data.empty())
    out.nil();
  else if (is_encoded_map(data))
    out.raw(data);
  else
    out.binary(data);
}

bool read_embedded(value_reader& in, bytes& data) {
  if (in.nil()) return true;
  auto found = in.binary();
  if (!found) {
    found = in.value();
    if (!found || !is_encoded_map(*found)) return false;
  }
  data.assign(found->begin(), found->end());
  return true;
}

void write_id(encoder& out, const detail::uuid& id) {
  if (id.is_nil())
    out.nil();
  else
    out.binary(std::as_bytes(std::span{id.raw()}));
}

bool read_text(value_reader& in, std::string& text) {
  const auto found = in.text();
  if (found) text = *found;
  return found.has_value();
}

result<void> check_format(std::string_view what, bytes_view payload,
                          std::optional<std::string_view> header, std::uint32_t newest) {
  if (header) {
    std::uint64_t announced = 0;
    const char* const end = header->data() + header->size();
    const auto parsed = std::from_chars(header->data(), end, announced);
    if (parsed.ec != std::errc{} || parsed.ptr != end)
      return corrupt(std::string{what} + " format header is no number");
    if (auto known = check_version(what, announced, newest); !known) return known;
  }
  value_reader in{payload};
  if (!in.map() || in.text() != "v")
    return corrupt("no " + std::string{what} + ": expected a msgpack map that begins with 'v'");
  const auto version = in.unsigned_integer();
  if (!version) return corrupt(std::string{what} + " field 'v' is no number");
  return check_version(what, *version, newest);
}

}  // namespace aether
