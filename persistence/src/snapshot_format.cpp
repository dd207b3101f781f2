#include "snapshot_format.hpp"

#include <aether/runtime/message.hpp>
#include "record_codec.hpp"

namespace aether {

namespace {

bool read_field(value_reader& in, std::string_view key, snapshot& into, std::uint64_t& owner) {
  if (key == "of") return read_number(in, owner);
  if (key == "type") return read_text(in, into.state_type);
  if (key == "schema") return read_number(in, into.schema);
  if (key == "version") return read_number(in, into.position.version);
  if (key == "seq") return read_number(in, into.position.sequence);
  if (key == "commit") return read_id(in, into.position.commit);
  if (key == "state") return read_embedded(in, into.state);
  if (key == "window") return read_embedded(in, into.window);
  return in.value().has_value();
}

}  // namespace

result<void> validate(const snapshot& taken) {
  if (!detail::valid_wire_name(taken.state_type))
    return fail(errc::invalid_argument,
                "'" + taken.state_type + "' is no wire name of a state: 1-128 of [A-Za-z0-9._-]");
  if (taken.position.version.value() == 0 || taken.position.sequence.value() == 0)
    return fail(errc::invalid_argument, "a snapshot covers at least one event");
  return {};
}

bytes encode_snapshot(const snapshot& from, std::uint64_t owner) {
  bytes payload;
  payload.reserve(128 + from.state_type.size() + from.state.size() + from.window.size());
  encoder out{payload};
  const bool witnessed = !from.position.commit.is_nil();
  out.map(7U + (witnessed ? 1U : 0U) + (owner != 0 ? 1U : 0U));
  out.text("v");
  out.unsigned_integer(snapshot_format_version);
  out.text("type");
  out.text(from.state_type);
  out.text("schema");
  out.unsigned_integer(from.schema);
  out.text("version");
  out.unsigned_integer(from.position.version.value());
  out.text("seq");
  out.unsigned_integer(from.position.sequence.value());
  if (witnessed) {
    out.text("commit");
    write_id(out, from.position.commit);
  }
  if (owner != 0) {
    out.text("of");
    out.unsigned_integer(owner);
  }
  out.text("state");
  write_embedded(out, from.state);
  out.text("window");
  write_embedded(out, from.window);
  return payload;
}

header_block snapshot_headers(const snapshot& from) {
  header_block headers;
  headers.add("Aether-Format", std::uint64_t{snapshot_format_version});
  headers.add("Aether-State", from.state_type);
  headers.add("Aether-Schema", std::uint64_t{from.schema});
  headers.add("Aether-Version", from.position.version.value());
  headers.add("Aether-Sequence", from.position.sequence.value());
  return headers;
}

result<snapshot> decode_snapshot(bytes_view payload, std::optional<std::string_view> format,
                                 std::uint64_t owner) {
  if (auto known = check_format("snapshot", payload, format, snapshot_format_version); !known)
    return std::unexpected(std::move(known).error());
  snapshot read;
  std::uint64_t says = 0;
  value_reader in{payload};
  const auto damaged = read_fields(in, [&](value_reader& value, std::string_view key) {
    return read_field(value, key, read, says);
  });
  if (damaged)
    return fail(errc::corrupt_history,
                damaged->empty() ? "snapshot cut short"
                                 : "snapshot field '" + std::string{*damaged} + "' is damaged");
  if (!in.at_end()) return fail(errc::corrupt_history, "bytes left over after a snapshot");
  if (auto sound = validate(read); !sound)
    return fail(errc::corrupt_history, "no snapshot: " + sound.error().text());
  if (owner != 0 && says != 0 && owner != says)
    return fail(errc::corrupt_history, "the snapshot of another actor or namespace");
  return read;
}

result<void> check_headers(const snapshot& read, const header_lookup& stored) {
  const auto block = snapshot_headers(read);
  for (const auto& [name, value] : block.headers())
    if (const auto said = stored(name.data()); said && *said != value)
      return fail(errc::corrupt_history, "the header " + std::string{name} +
                                             " of a snapshot does not go with its payload, which "
                                             "says " +
                                             std::string{value});
  return {};
}

}  // namespace aether
