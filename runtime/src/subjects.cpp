#include <aether/runtime/subjects.hpp>

#include <charconv>
#include <iterator>

namespace aether {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

bool stays(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

void append_escaped(std::string& out, std::string_view id) {
  for (const char c : id) {
    if (stays(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '=';
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 0xF];
  }
}

/// -1 for anything but an upper-case hexadecimal digit.
int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Cuts the first token off `rest`; empty when there is none.
std::string_view next_token(std::string_view& rest) noexcept {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

std::optional<shard_id> read_shard(std::string_view token) noexcept {
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), value);
  const bool padded = token.size() > 1 && token.front() == '0';
  if (failed != std::errc{} || end != token.data() + token.size() || padded) return std::nullopt;
  return shard_id{value};
}

}  // namespace

std::string escape_token(std::string_view id) {
  std::string out;
  out.reserve(id.size());
  append_escaped(out, id);
  return out;
}

result<std::string> unescape_token(std::string_view token) {
  const auto refuse = [] {
    return fail(errc::decode_failed, "not an escaped id: '=' and two hexadecimal digits expected");
  };
  std::string out;
  out.reserve(token.size());
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (stays(token[i])) {
      out += token[i];
      continue;
    }
    if (token[i] != '=' || token.size() - i < 3) return refuse();
    const int high = hex_value(token[i + 1]);
    const int low = hex_value(token[i + 2]);
    if (high < 0 || low < 0) return refuse();
    const auto c = static_cast<char>(static_cast<unsigned char>(high << 4 | low));
    if (stays(c)) return refuse();  // a second spelling of the same id
    out += c;
    i += 2;
  }
  return out;
}

subjects::subjects(namespace_name prefix, namespace_name ns)
    : prefix_{std::move(prefix)},
      namespace_{std::move(ns)},
      root_{prefix_.str() + '.' + namespace_.str() + '.'},
      flat_root_{prefix_.str() + '_' + namespace_.str()} {
  AETHER_ASSERT(prefix_.str().find('_') == std::string::npos && prefix_.str() != "KV");
}

std::string subjects::of_actor(std::string_view kind, shard_id shard,
                               const actor_address& address) const {
  const auto& [type, id] = address;
  std::string out = of_shard(kind, shard, 2 + type.str().size() + 3 * id.str().size());
  out.append(1, '.').append(type.str()).append(1, '.');
  append_escaped(out, id.str());
  return out;
}

/// @param more how many characters the caller will append: one allocation, this is a hot path.
std::string subjects::of_shard(std::string_view kind, shard_id shard, std::size_t more) const {
  char digits[20];
  const char* const end = std::to_chars(digits, std::end(digits), shard.value()).ptr;
  std::string out;
  out.reserve(root_.size() + kind.size() + 1 + sizeof digits + more);
  return out.append(root_).append(kind).append(1, '.').append(static_cast<const char*>(digits),
                                                              end);
}

std::string subjects::commits(shard_id shard, const actor_address& address) const {
  return of_actor("evt", shard, address);
}
std::string subjects::shard_commits(shard_id shard) const {
  return of_shard("evt", shard, 2) + ".>";
}
std::string subjects::all_commits() const { return root_ + "evt.>"; }
std::string subjects::all_stored_events() const { return root_ + "bus.>"; }
std::string subjects::shard_stored_events(shard_id shard) const {
  return of_shard("bus", shard, 2) + ".>";
}
std::string subjects::stored_events(shard_id shard, const actor_address& address) const {
  return of_actor("bus", shard, address);
}
std::string subjects::commits_everywhere() const { return prefix_.str() + ".*.evt.>"; }
std::string subjects::stored_events_everywhere() const { return prefix_.str() + ".*.bus.>"; }
std::string subjects::snapshot(shard_id shard, const actor_address& address) const {
  return of_actor("snap", shard, address);
}
std::string subjects::type_commits(shard_id shard, const actor_type& type) const {
  return of_shard("evt", shard, 3 + type.str().size()) + '.' + type.str() + ".*";
}
std::string subjects::shard_snapshots(shard_id shard) const {
  return of_shard("snap", shard, 2) + ".>";
}
std::string subjects::all_snapshots() const { return root_ + "snap.>"; }
std::string subjects::commands(shard_id shard, const actor_type& type) const {
  return of_shard("cmd", shard, 1 + type.str().size()) + '.' + type.str();
}
std::string subjects::heartbeat(const node_id& node) const { return root_ + "hb." + node.str(); }
std::string subjects::all_heartbeats() const { return root_ + "hb.*"; }
std::string subjects::node(const node_id& node) const { return root_ + "node." + node.str(); }
std::string subjects::hand_over(const node_id& node, std::string_view process) const {
  return (root_ + "hand." + node.str()).append(1, '.').append(process);
}
std::string subjects::process(std::string_view incarnation) const {
  return (root_ + "proc.").append(incarnation);
}
std::string subjects::inboxes() const { return root_ + "inbox"; }
std::string subjects::projection_hint(std::string_view name, std::uint32_t version,
                                      std::uint32_t partition) const {
  return root_ + "proj." + std::string{name} + "." + std::to_string(version) + "." +
         std::to_string(partition);
}
std::string subjects::projection_hints(std::string_view name, std::uint32_t version) const {
  return root_ + "proj." + std::string{name} + "." + std::to_string(version) + ".*";
}
std::string subjects::election(std::string_view name) const {
  return (root_ + "election.").append(name);
}

std::string subjects::of_range(std::string_view kind, std::uint32_t k,
                               std::string_view rest) const {
  return (root_ + std::string{kind}).append(1, '.').append(std::to_string(k)).append(rest);
}
std::string subjects::durable(std::uint32_t k, shard_id shard, const actor_address& address) const {
  return of_actor(std::string{"dur."} + std::to_string(k), shard, address);
}
std::string subjects::all_durable(std::uint32_t k) const { return of_range("dur", k, ".>"); }
std::string subjects::later(std::uint32_t k, shard_id shard, const actor_address& address,
                            std::string_view name) const {
  return of_actor(std::string{"later."} + std::to_string(k), shard, address)
      .append(1, '.')
      .append(name);
}
std::string subjects::all_later(std::uint32_t k) const { return of_range("later", k, ".>"); }
std::string subjects::scheduled(std::uint32_t k, shard_id shard, const actor_address& address,
                                std::string_view name) const {
  return of_actor(std::string{"sched."} + std::to_string(k), shard, address)
      .append(1, '.')
      .append(name);
}
std::string subjects::all_scheduled(std::uint32_t k) const { return of_range("sched", k, ".>"); }
std::string subjects::parked(shard_id shard, const actor_address& address) const {
  return of_actor("parked", shard, address);
}
std::string subjects::all_parked() const { return root_ + "parked.>"; }
std::string subjects::outcomes(std::string_view name) const {
  return (root_ + "out.").append(name);
}
std::string subjects::durable_stream(std::uint32_t k) const {
  return flat_root_ + "_DUR_" + std::to_string(k);
}
std::string subjects::parked_stream() const { return flat_root_ + "_PARKED"; }

std::string subjects::event_stream(std::uint32_t k) const {
  return flat_root_ + "_EVT_" + std::to_string(k);
}
std::string subjects::snapshot_stream() const { return flat_root_ + "_SNAP"; }
std::string subjects::bucket() const { return flat_root_; }
std::string subjects::bucket_stream() const { return "KV_" + bucket(); }
std::string subjects::bucket_key(std::string_view key) const {
  return ("$KV." + bucket()).append(1, '.').append(key);
}

result<subjects::commit_subject> subjects::parse_commits(std::string_view subject) const {
  return parse_actor("evt", subject);
}

result<subjects::commit_subject> subjects::parse_snapshot(std::string_view subject) const {
  return parse_actor("snap", subject);
}

result<subjects::commit_subject> subjects::parse_stored_events(std::string_view subject) const {
  return parse_actor("bus", subject);
}

subjects subjects::of_namespace(namespace_name ns) const { return {prefix_, std::move(ns)}; }

result<subjects::stream_name> subjects::parse_event_stream(std::string_view name) const {
  constexpr std::string_view mark = "_EVT_";
  const auto refuse = [&] {
    return fail(errc::decode_failed,
                "no event stream under the prefix " + prefix_.str() + ": " + std::string{name});
  };
  const auto begin = prefix_.str().size() + 1;
  const auto end = name.rfind(mark);
  if (!name.starts_with(prefix_.str() + '_') || end == name.npos || end < begin) return refuse();
  auto ns = namespace_name::parse(name.substr(begin, end - begin));
  const auto k = read_shard(name.substr(end + mark.size()));
  if (!ns || !k) return refuse();
  return stream_name{*std::move(ns), static_cast<std::uint32_t>(k->value())};
}

result<subjects::commit_subject> subjects::parse_actor(std::string_view kind,
                                                       std::string_view subject) const {
  const auto refuse = [&](std::string_view why) {
    return fail(errc::decode_failed,
                "not an actor's subject of " + root_ + std::string{kind} + ": " + std::string{why});
  };
  if (!subject.starts_with(root_)) return refuse("another prefix or namespace");
  std::string_view rest = subject.substr(root_.size());
  if (next_token(rest) != kind) return refuse("another kind of subject");
  const auto shard = read_shard(next_token(rest));
  if (!shard) return refuse("no shard number");
  auto type = actor_type::parse(next_token(rest));
  if (!type) return refuse(type.error().text());
  auto unescaped = unescape_token(rest);
  if (!unescaped) return refuse(unescaped.error().text());
  auto id = actor_id::parse(*unescaped);
  if (!id) return refuse(id.error().text());
  return commit_subject{*shard, {std::move(*type), std::move(*id)}};
}

std::uint32_t stream_of(shard_id shard, std::uint32_t shards, std::uint32_t streams) {
  AETHER_ASSERT(streams > 0 && streams <= shards && shard.value() < shards);
  return static_cast<std::uint32_t>(shard.value() * streams / shards);
}

shard_range shards_of_stream(std::uint32_t k, std::uint32_t shards, std::uint32_t streams) {
  AETHER_ASSERT(streams > 0 && streams <= shards && k < streams);
  const auto begin = [&](std::uint64_t stream) {
    return (stream * shards + streams - 1) / streams;
  };
  return {shard_id{begin(k)}, static_cast<std::uint32_t>(begin(k + 1ULL) - begin(k))};
}

}  // namespace aether
