#include "options_table.hpp"

#include <aether/runtime/ids.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace aether::detail {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds duration_min{1};
constexpr milliseconds duration_max{std::chrono::hours{24}};

/// The number at the front of `text`, which is moved behind it.
std::optional<std::uint64_t> read_number(std::string_view& text) noexcept {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<milliseconds> read_duration(std::string_view text) noexcept {
  const auto count = read_number(text);
  if (!count || *count > static_cast<std::uint64_t>(duration_max.count())) return std::nullopt;
  const auto number = static_cast<std::int64_t>(*count);
  if (text == "ms") return milliseconds{number};
  if (text == "s") return std::chrono::seconds{number};
  if (text == "m") return std::chrono::minutes{number};
  if (text == "h") return std::chrono::hours{number};
  return std::nullopt;
}

std::string show_duration(milliseconds value) {
  if (value.count() % 1000 != 0 || value.count() == 0) return std::to_string(value.count()) + "ms";
  return std::to_string(value.count() / 1000) + "s";
}

template <class Number>
option_row number(std::string name, Number options::*at, std::pair<Number, Number> range,
                  std::string about) {
  const auto [min, max] = range;
  const auto set = [at, min, max](options& to, std::string_view text) {
    const auto value = read_number(text);
    if (!value || !text.empty() || *value < min || *value > max) return false;
    to.*at = static_cast<Number>(*value);
    return true;
  };
  const auto show = [at](const options& from) { return std::to_string(from.*at); };
  return {.name = std::move(name),
          .about = std::move(about),
          .domain = std::to_string(min) + ".." + std::to_string(max),
          .set = set,
          .show = show};
}

option_row duration(std::string name, milliseconds options::*at, std::string about) {
  const auto set = [at](options& to, std::string_view text) {
    const auto value = read_duration(text);
    if (!value || *value < duration_min || *value > duration_max) return false;
    to.*at = *value;
    return true;
  };
  const auto show = [at](const options& from) { return show_duration(from.*at); };
  return {.name = std::move(name),
          .about = std::move(about),
          .domain = "1ms..24h",
          .set = set,
          .show = show};
}

using text_rule = bool (*)(std::string_view);

option_row text(std::string name, std::string options::*at, text_rule allows, std::string domain,
                std::string about) {
  const auto set = [at, allows](options& to, std::string_view value) {
    if (!allows(value)) return false;
    to.*at = value;
    return true;
  };
  const auto show = [at](const options& from) { return from.*at; };
  return {.name = std::move(name),
          .about = std::move(about),
          .domain = std::move(domain),
          .set = set,
          .show = show};
}

template <class Enum>
option_row choice(std::string name, Enum options::*at,
                  std::optional<Enum> (*read)(std::string_view) noexcept, std::string domain,
                  std::string about) {
  const auto set = [at, read](options& to, std::string_view value) {
    const auto found = read(value);
    if (found) to.*at = *found;
    return found.has_value();
  };
  const auto show = [at](const options& from) { return std::string{to_string(from.*at)}; };
  return {.name = std::move(name),
          .about = std::move(about),
          .domain = std::move(domain),
          .set = set,
          .show = show};
}

option_row on_off(std::string name, bool options::*at, std::string about) {
  const auto set = [at](options& to, std::string_view value) {
    to.*at = value == "on";
    return value == "on" || value == "off";
  };
  const auto show = [at](const options& from) { return std::string{from.*at ? "on" : "off"}; };
  return {.name = std::move(name),
          .about = std::move(about),
          .domain = "on|off",
          .set = set,
          .show = show};
}

bool allows_nats(std::string_view text) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto one = text.substr(0, comma);
    const bool visible = one.find_first_of(" \t\r\n") == std::string_view::npos;
    const auto scheme = one.substr(0, one.find("://"));
    const bool known = (scheme == "nats" || scheme == "tls") && one.size() > scheme.size() + 3;
    if (!known || !visible) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
    if (text.empty()) return false;
  }
  return true;
}
bool allows_namespace(std::string_view text) { return namespace_rule::refuse(text).empty(); }
bool allows_prefix(std::string_view text) {
  return allows_namespace(text) && text.find('_') == std::string_view::npos && text != "KV";
}
bool allows_node(std::string_view text) {
  return text.empty() || node_id_rule::refuse(text).empty();
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}
bool allows_path(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\0' || c == '\n'; });
}
bool allows_word(std::string_view text) { return text.size() <= 255 && is_printable(text); }
bool allows_nkey(std::string_view text) {
  constexpr std::size_t public_key_size = 56;
  return text.empty() ||
         (text.size() == public_key_size && text[0] == 'U' && std::ranges::all_of(text, [](char c) {
            return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
          }));
}
bool allows_labels(std::string_view text) {
  constexpr std::size_t bytes_max = 1'024;
  if (text.size() > bytes_max || !is_printable(text)) return false;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto equals = text.substr(0, comma).find('=');
    if (equals == 0 || equals == std::string_view::npos) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
    if (text.empty()) return false;
  }
  return true;
}
bool allows_build(std::string_view text) {
  constexpr std::size_t bytes_max = 64;
  return text.size() <= bytes_max && is_printable(text);
}

std::vector<option_row> place_rows() {
  option_row nats = text("nats", &options::nats, allows_nats, "nats://host:port[,...] or tls://...",
                         "NATS servers; without: one node, in memory");
  nats.secret = true;
  return {
      std::move(nats),
      text("namespace", &options::ns, allows_namespace, "[A-Za-z0-9_-]{1,64}",
           "the world this node belongs to"),
      text("prefix", &options::prefix, allows_prefix, "[A-Za-z0-9-]{1,64}, not KV",
           "first token of every subject"),
      text("node", &options::node, allows_node, "[A-Za-z0-9_-]{1,64}",
           "this node's id; without: host name and process id"),
      number("shards", &options::shards, {1, 65'536}, "shards; fixed when a namespace is created"),
      number("streams", &options::streams, {1, 64},
             "event streams, at most shards; fixed likewise"),
      number("replicas", &options::replicas, {1, 5}, "copies the NATS servers keep of a stream"),
      number("snapshots-kept", &options::snapshots_kept, {1, 64}, "snapshots kept of an actor"),
      number("weight", &options::weight, {0, 1'000}, "share of the shards; 0 hosts none"),
      text("labels", &options::labels, allows_labels, "key=value[,...]",
           "what allocation strategies and operators know this node by"),
      text("build", &options::build, allows_build, "up to 64 printable characters",
           "what this node calls its build, for roll-outs"),
      number("moves-max", &options::moves_max, {1, 65'536}, "slots handed over at once"),
  };
}

option_row file(std::string name, std::string options::*at, std::string about) {
  return text(std::move(name), at, allows_path, "a file", std::move(about));
}

std::vector<option_row> security_rows() {
  return {
      text("nats-user", &options::nats_user, allows_word, "up to 255 printable characters",
           "user of NATS; with nats-password-file"),
      file("nats-password-file", &options::nats_password_file, "its first line is the password"),
      file("nats-token-file", &options::nats_token_file, "its first line is the token"),
      file("nats-creds", &options::nats_creds, "credentials, JWT and seed, as nsc writes them"),
      text("nats-nkey", &options::nats_nkey, allows_nkey, "a user's public NKey, U...",
           "NKey of this node; with nats-nkey-seed"),
      file("nats-nkey-seed", &options::nats_nkey_seed, "seed of that NKey"),
      on_off("nats-tls", &options::nats_tls, "refuse a NATS server without TLS"),
      file("nats-tls-ca", &options::nats_tls_ca,
           "PEM, who vouches for the servers; without: whom the system trusts"),
      file("nats-tls-cert", &options::nats_tls_cert, "PEM, this node's certificate"),
      file("nats-tls-key", &options::nats_tls_key, "PEM, its private key"),
      text("nats-tls-name", &options::nats_tls_name, allows_word, "up to 255 printable characters",
           "name in the servers' certificates; without: the host of the address"),
  };
}

std::vector<option_row> time_rows() {
  return {
      duration("heartbeat", &options::heartbeat, "time between two signs of life"),
      duration("failure-timeout", &options::failure_timeout,
               "silence after which a node is down; at least 3 heartbeats"),
      duration("lease", &options::lease,
               "how long a leader leads without renewing; at least 100ms"),
      duration("passivate-after", &options::passivate_after,
               "an actor idle for so long leaves memory"),
      duration("drain-timeout", &options::drain_timeout,
               "how long a shutdown waits for work under way"),
      duration("ask-attempt", &options::ask_attempt,
               "how long one attempt of an ask waits before the next"),
  };
}

std::vector<option_row> other_rows() {
  return {
      number("workers", &options::workers, {0, 1'024}, "threads that run actors; 0: one a core"),
      number("recovery-permits", &options::recovery_permits, {1, 100'000},
             "actors that recover at once"),
      on_off("warm-up", &options::warm_up, "bring the actors of shards taken over to life at once"),
      number("mailbox-max", &options::mailbox_max, {1, 1'000'000},
             "commands that wait for one actor"),
      number("waiting-bytes-max", &options::waiting_bytes_max, {4'096, 1'099'511'627'776},
             "bytes of commands that wait in this node, and of asks under way from it"),
      number("asks-max", &options::asks_max, {1, 100'000'000},
             "asks that are under way from this node"),
      number("resident-max", &options::resident_max, {0, 1'000'000'000},
             "actors in memory; 0: no bound"),
      number("resident-bytes-max", &options::resident_bytes_max, {0, 1'099'511'627'776},
             "bytes that actors in memory take; 0: no bound"),
      choice("log-level", &options::log_level, log::parse_level, "trace|debug|info|warn|error|off",
             "the least important line that is written"),
      choice("log-format", &options::log_format, log::parse_format, "text|json",
             "one line for people, or JSON"),
  };
}

}  // namespace

std::string option_row::variable() const {
  std::string out = "AETHER_";
  for (const char c : name) out += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
  return out;
}

const std::vector<option_row>& option_table() {
  static const std::vector<option_row> table = [] {
    std::vector<option_row> all = place_rows();
    for (auto& row : security_rows()) all.push_back(row);
    for (auto& row : time_rows()) all.push_back(row);
    for (auto& row : other_rows()) all.push_back(row);
    return all;
  }();
  return table;
}

}  // namespace aether::detail
