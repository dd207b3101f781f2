#include "commit_format.hpp"

#include "record_codec.hpp"

#include <algorithm>

namespace aether {

namespace {

// Written field by field instead of through AETHER_MESSAGE: no copy of the events on the way, and
// inner values come back as the very bytes that went in.
void write_event(encoder& out, const event_record& event) {
  out.map(2);
  out.text("type");
  out.text(event.type);
  out.text("data");
  write_embedded(out, event.data);
}

void write_command(encoder& out, const command_record& command) {
  const bool replied = !command.reply_type.empty() || !command.reply.empty();
  out.map(replied ? 4 : 2);
  out.text("id");
  write_id(out, command.id);
  out.text("events");
  out.unsigned_integer(command.events);
  if (!replied) return;
  out.text("type");
  out.text(command.reply_type);
  out.text("reply");
  write_embedded(out, command.reply);
}

template <class T>
void write_all(encoder& out, const std::vector<T>& items, void (*write)(encoder&, const T&)) {
  out.array(items.size());
  for (const auto& item : items) write(out, item);
}

template <class T>
bool read_all(value_reader& in, std::vector<T>& items, std::size_t most,
              bool (*read)(value_reader&, T&)) {
  const auto size = in.array();
  if (!size || *size > most) return false;
  items.resize(*size);
  return std::ranges::all_of(items, [&](T& item) { return read(in, item); });
}

bool skip(value_reader& in) { return in.value().has_value(); }

bool read_event(value_reader& in, event_record& event) {
  const auto damaged = read_fields(in, [&](value_reader& value, std::string_view key) {
    if (key == "type") return read_text(value, event.type);
    if (key == "data") return read_embedded(value, event.data);
    return skip(value);
  });
  return !damaged && !event.type.empty();
}

bool read_command(value_reader& in, command_record& command) {
  const auto damaged = read_fields(in, [&](value_reader& value, std::string_view key) {
    if (key == "id") return read_id(value, command.id);
    if (key == "events") return read_number(value, command.events);
    if (key == "type") return read_text(value, command.reply_type);
    if (key == "reply") return read_embedded(value, command.reply);
    return skip(value);
  });
  return !damaged;
}

bool read_time(value_reader& in, std::chrono::sys_time<std::chrono::milliseconds>& at) {
  const auto found = in.integer();
  if (found) at = std::chrono::sys_time{std::chrono::milliseconds{*found}};
  return found.has_value();
}

bool read_field(value_reader& in, std::string_view key, commit& into) {
  if (key == "id") return read_id(in, into.id);
  if (key == "first") return read_number(in, into.first);
  if (key == "at") return read_time(in, into.at);
  if (key == "corr") return read_id(in, into.correlation);
  if (key == "node") return read_text(in, into.writer);
  if (key == "epoch") return read_number(in, into.epoch);
  if (key == "commands") return read_all(in, into.commands, commit_commands_max, &read_command);
  if (key == "events") return read_all(in, into.events, commit_events_max, &read_event);
  return skip(in);
}

/// Why these fields, each sound, are no commit together; empty when they are.
std::string_view contradiction(const commit& read) {
  if (read.id.is_nil()) return "it has no id";
  if (read.first.value() == 0) return "it has no first version";
  if (read.events.empty()) return "it has no events";
  if (read.last() < read.first) return "its last version does not fit into 64 bits";
  std::uint64_t owned = 0;
  for (const auto& command : read.commands) owned += command.events;
  return owned > read.events.size() ? "its commands own more events than it has" : "";
}

std::string distinct_types(const commit& from) {
  std::string types;
  std::vector<std::string_view> seen;
  for (const auto& event : from.events) {
    if (std::ranges::find(seen, event.type) != seen.end()) continue;
    seen.push_back(event.type);
    if (types.size() + event.type.size() + 3 > types_header_bytes_max) return types + ",*";
    if (!types.empty()) types += ',';
    types += event.type;
  }
  return types;
}

std::size_t size_hint(const commit& from) {
  std::size_t sum = 160 + from.writer.size();
  for (const auto& event : from.events) sum += 24 + event.type.size() + event.data.size();
  for (const auto& command : from.commands)
    sum += 64 + command.reply_type.size() + command.reply.size();
  return sum;
}

}  // namespace

bytes encode_commit(const commit& from) {
  bytes payload;
  payload.reserve(size_hint(from));
  encoder out{payload};
  out.map(9);
  out.text("v");
  out.unsigned_integer(commit_format_version);
  out.text("id");
  write_id(out, from.id);
  out.text("first");
  out.unsigned_integer(from.first.value());
  out.text("at");
  out.integer(from.at.time_since_epoch().count());
  out.text("corr");
  write_id(out, from.correlation);
  out.text("node");
  out.text(from.writer);
  out.text("epoch");
  out.unsigned_integer(from.epoch.value());
  out.text("commands");
  write_all(out, from.commands, &write_command);
  out.text("events");
  write_all(out, from.events, &write_event);
  return payload;
}

header_block commit_headers(const commit& from) {
  header_block headers;
  headers.add("Aether-Format", std::uint64_t{commit_format_version});
  headers.add("Aether-Commit", from.id.hex());
  headers.add("Aether-Versions",
              std::to_string(from.first.value()) + "-" + std::to_string(from.last().value()));
  headers.add("Aether-Types", distinct_types(from));
  headers.add("Aether-Time", from.at);
  if (!from.commands.empty()) headers.add("Aether-Cause", from.commands.front().id.hex());
  if (!from.correlation.is_nil()) headers.add("Aether-Correlation", from.correlation.hex());
  if (!from.writer.empty()) headers.add("Aether-Node", from.writer);
  if (from.epoch.value() != 0) headers.add("Aether-Epoch", from.epoch.value());
  return headers;
}

result<commit> decode_commit(bytes_view payload, std::optional<std::string_view> format) {
  if (auto known = check_format("commit", payload, format, commit_format_version); !known)
    return std::unexpected(std::move(known).error());
  commit read;
  value_reader in{payload};
  const auto damaged = read_fields(in, [&read](value_reader& value, std::string_view key) {
    return read_field(value, key, read);
  });
  if (damaged)
    return fail(errc::corrupt_history,
                damaged->empty() ? "commit cut short"
                                 : "commit field '" + std::string{*damaged} + "' is damaged");
  if (!in.at_end()) return fail(errc::corrupt_history, "bytes left over after a commit");
  if (const auto why = contradiction(read); !why.empty())
    return fail(errc::corrupt_history, "no commit: " + std::string{why});
  return read;
}

}  // namespace aether
