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

// Back-pointers are LEB128 in one binary: the first sequence, then the distances.
void append_varint(bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

std::optional<std::uint64_t> take_varint(bytes_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto next = std::to_integer<std::uint64_t>(in.front());
    in = in.subspan(1);
    value |= (next & 0x7f) << shift;
    if (next < 0x80) return value;
  }
  return std::nullopt;
}

bytes packed(const std::vector<stream_sequence>& sequences) {
  bytes out;
  std::uint64_t before = 0;
  for (const auto next : sequences) {
    append_varint(out, next.value() - before);
    before = next.value();
  }
  return out;
}

bool read_back_pointers(value_reader& in, std::vector<stream_sequence>& into) {
  const auto found = in.binary();
  if (!found) return in.nil();
  bytes_view rest = *found;
  const auto count = std::ranges::count_if(rest, [](std::byte b) { return b < std::byte{0x80}; });
  into.reserve(std::min(static_cast<std::size_t>(count), commit_back_pointers_max));
  std::uint64_t sequence = 0;
  while (!rest.empty()) {
    const auto step = take_varint(rest);
    if (!step || *step == 0 || *step > ~sequence) return false;
    if (into.size() == commit_back_pointers_max) return false;
    into.emplace_back(sequence += *step);
  }
  return true;
}

bool read_field(value_reader& in, std::string_view key, framed_commit& made) {
  commit& into = made.commit;
  if (key == "of") return read_number(in, made.frame.owner);
  if (key == "prev") return read_id(in, made.frame.previous);
  if (key == "back") return read_back_pointers(in, into.back_pointers);
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

void append_distinct_types(const commit& from, std::string& text) {
  const std::size_t begin = text.size();
  std::vector<std::string_view> seen;
  for (const auto& event : from.events) {
    if (std::ranges::find(seen, event.type) != seen.end()) continue;
    seen.push_back(event.type);
    if (text.size() - begin + event.type.size() + 3 > types_header_bytes_max) {
      text += ",*";
      return;
    }
    if (text.size() > begin) text += ',';
    text += event.type;
  }
}

std::size_t size_hint(const commit& from) {
  std::size_t sum = 210 + from.writer.size() + 5 * from.back_pointers.size();
  for (const auto& event : from.events) sum += 24 + event.type.size() + event.data.size();
  for (const auto& command : from.commands)
    sum += 64 + command.reply_type.size() + command.reply.size();
  return sum;
}

}  // namespace

std::uint64_t owner_mark(const namespace_name& ns, const actor_address& address) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, as the hash of shards
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text)
      hash = (hash ^ static_cast<unsigned char>(c)) * std::uint64_t{0x100000001b3};
    hash *= std::uint64_t{0x100000001b3};  // the end of each text, a zero byte
  };
  mix(ns.str());
  mix(address.type.str());
  mix(address.id.str());
  return hash == 0 ? 1 : hash;
}

bytes encode_commit(const commit& from, const commit_frame& frame) {
  bytes payload;
  payload.reserve(size_hint(from));
  encoder out{payload};
  const bool chained = !frame.previous.is_nil(), pointed = !from.back_pointers.empty();
  out.map(9U + (frame.owner != 0 ? 1U : 0U) + (chained ? 1U : 0U) + (pointed ? 1U : 0U));
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
  if (frame.owner != 0) {
    out.text("of");
    out.unsigned_integer(frame.owner);
  }
  if (chained) {
    out.text("prev");
    write_id(out, frame.previous);
  }
  if (pointed) {
    out.text("back");
    out.binary(packed(from.back_pointers));
  }
  out.text("commands");
  write_all(out, from.commands, &write_command);
  out.text("events");
  write_all(out, from.events, &write_event);
  return payload;
}

std::string commit_header(const commit& from) {
  std::string text;
  text.reserve(128);
  text += std::to_string(commit_format_version);
  text += ' ';
  text += from.id.hex();
  text += ' ';
  text += std::to_string(from.first.value());
  text += '-';
  text += std::to_string(from.last().value());
  text += ' ';
  append_distinct_types(from, text);
  return text;
}

std::optional<std::string_view> announced_format(std::string_view header) {
  const auto end = header.find(' ');
  return end == header.npos ? std::nullopt : std::optional{header.substr(0, end)};
}

result<framed_commit> decode_framed(bytes_view payload, std::optional<std::string_view> format,
                                    std::uint64_t owner) {
  if (auto known = check_format("commit", payload, format, commit_format_version); !known)
    return std::unexpected(std::move(known).error());
  framed_commit made;
  value_reader in{payload};
  const auto damaged = read_fields(in, [&made](value_reader& value, std::string_view key) {
    return read_field(value, key, made);
  });
  if (damaged)
    return fail(errc::corrupt_history,
                damaged->empty() ? "commit cut short"
                                 : "commit field '" + std::string{*damaged} + "' is damaged");
  if (!in.at_end()) return fail(errc::corrupt_history, "bytes left over after a commit");
  if (const auto why = contradiction(made.commit); !why.empty())
    return fail(errc::corrupt_history, "no commit: " + std::string{why});
  if (owner != 0 && made.frame.owner != 0 && owner != made.frame.owner)
    return fail(errc::corrupt_history, "the commit of another actor or namespace");
  return made;
}

result<commit> decode_commit(bytes_view payload, std::optional<std::string_view> format,
                             std::uint64_t owner) {
  auto read = decode_framed(payload, format, owner);
  if (!read) return std::unexpected(std::move(read).error());
  return std::move(read->commit);
}

}  // namespace aether
