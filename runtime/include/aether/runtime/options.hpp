#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// Everything an operator sets. Each value can be given as a flag (`--failure-timeout 3s`), as an
/// environment variable (`AETHER_FAILURE_TIMEOUT`) or as a line of the file that `--config` or
/// `AETHER_CONFIG` names (`failure-timeout = 3s`); the first of these that is given wins, then the
/// default below. An empty environment variable counts as not given. Durations are whole numbers
/// with `ms`, `s`, `m` or `h`.
///
/// The file has one `name = value` a line, `#` and `;` begin comments, values may stand in quotes:
/// the common part of TOML and INI. Sections, unknown names and names given twice are errors.
struct options {
  /// `--nats`, AETHER_NATS: `nats://[user:password@]host:port`, several separated by commas; or
  /// `tls://...`, all of them. Empty: one node, in memory.
  std::string nats;
  /// `--nats-user`, AETHER_NATS_USER, with `--nats-password-file`, whose first line is the
  /// password. At most one kind of credentials: this, or one of those that follow, or a user in
  /// `nats`.
  std::string nats_user;
  std::string nats_password_file;
  /// `--nats-token-file`, AETHER_NATS_TOKEN_FILE: its first line is the token.
  std::string nats_token_file;
  /// `--nats-creds`, AETHER_NATS_CREDS: a credentials file, JWT and seed, as `nsc` writes it.
  std::string nats_creds;
  /// `--nats-nkey`, AETHER_NATS_NKEY: a user's public NKey, `U...`, with `--nats-nkey-seed`, the
  /// file that holds its seed.
  std::string nats_nkey;
  std::string nats_nkey_seed;
  /// `--nats-tls`, AETHER_NATS_TLS: on or off; on: refuse a NATS server without TLS.
  bool nats_tls = false;
  /// `--nats-tls-ca`, AETHER_NATS_TLS_CA: PEM file of who vouches for the servers; without, whom
  /// the system trusts. Implies TLS, as the next two do.
  std::string nats_tls_ca;
  /// `--nats-tls-cert` and `--nats-tls-key`: PEM files, this node's certificate and private key.
  std::string nats_tls_cert;
  std::string nats_tls_key;
  /// `--nats-tls-name`, AETHER_NATS_TLS_NAME: the name in the servers' certificates; without, the
  /// host of the address.
  std::string nats_tls_name;
  /// `--namespace`, AETHER_NAMESPACE: `[A-Za-z0-9_-]{1,64}`; what nodes share by carrying it.
  std::string ns = "default";
  /// `--prefix`, AETHER_PREFIX: `[A-Za-z0-9-]{1,64}` other than `KV`; the first token of every
  /// subject and name. No underscore: it ends the prefix in the names of streams and buckets.
  std::string prefix = "aether";
  /// `--node`, AETHER_NODE: `[A-Za-z0-9_-]{1,64}`, unique among live nodes. Empty: the node, or
  /// `parse`, makes one of host name and process id.
  std::string node;

  /// `--shards`, AETHER_SHARDS: 1..65536; fixed when the namespace is created.
  std::uint32_t shards = 256;
  /// `--streams`, AETHER_STREAMS: 1..64, at most `shards`; event streams, fixed likewise.
  std::uint32_t streams = 8;
  /// `--replicas`, AETHER_REPLICAS: 1..5; copies that the NATS servers keep of each stream.
  std::uint32_t replicas = 1;
  /// `--snapshots-kept`, AETHER_SNAPSHOTS_KEPT: 1..64 snapshots of each actor, the newest; applies
  /// when the namespace is created.
  std::uint32_t snapshots_kept = 1;
  /// `--weight`, AETHER_WEIGHT: 0..1000; this node's share of shards relative to others', 0: none.
  std::uint32_t weight = 1;

  /// `--labels`, AETHER_LABELS: `key=value`, several separated by commas, at most 1,024 bytes; for
  /// allocation strategies and operators.
  std::string labels;
  /// `--build`, AETHER_BUILD: up to 64 printable characters; what this node calls its build. While
  /// nodes are of different builds shards move only as they must, and to the newest.
  std::string build;
  /// `--moves-max`, AETHER_MOVES_MAX: 1..65536 slots (an actor type in a shard) that are handed
  /// over at once when shards are rebalanced.
  std::size_t moves_max = 32;

  /// `--heartbeat`, AETHER_HEARTBEAT: 1ms..24h, as every duration; between two signs of life.
  std::chrono::milliseconds heartbeat{500};
  /// `--failure-timeout`, AETHER_FAILURE_TIMEOUT: at least 3 heartbeats; silence that means down.
  std::chrono::milliseconds failure_timeout{2'000};
  /// `--lease`, AETHER_LEASE: at least 100ms; how long a leader leads without renewing. A dead
  /// leader is replaced after about so long; one that renews late is replaced as well, which stops
  /// no command.
  std::chrono::milliseconds lease{500};
  /// `--passivate-after`, AETHER_PASSIVATE_AFTER: an actor idle for so long leaves memory.
  std::chrono::milliseconds passivate_after{120'000};
  /// `--drain-timeout`, AETHER_DRAIN_TIMEOUT: how long a shutdown waits for work under way.
  std::chrono::milliseconds drain_timeout{10'000};
  /// `--ask-attempt`, AETHER_ASK_ATTEMPT: how long one attempt of an ask waits before the next.
  std::chrono::milliseconds ask_attempt{1'000};

  /// `--workers`, AETHER_WORKERS: 0..1024 threads that run actors, 0: one for each core.
  std::size_t workers = 0;
  /// `--recovery-permits`, AETHER_RECOVERY_PERMITS: 1..100000 actors that recover at once.
  std::size_t recovery_permits = 64;
  /// `--warm-up`, AETHER_WARM_UP: on or off; on: the actors of shards that this node takes over
  /// come to life at once, in bulk, instead of each with its first command. Costs the memory of all
  /// of them until they are passivated.
  bool warm_up = false;
  /// `--mailbox-max`, AETHER_MAILBOX_MAX: 1..1000000 commands that wait for one actor.
  std::size_t mailbox_max = 1024;
  /// `--waiting-bytes-max`, AETHER_WAITING_BYTES_MAX: 4096..1099511627776 bytes of commands that
  /// wait in this node; more are `overloaded`.
  std::size_t waiting_bytes_max = 268'435'456;
  /// `--asks-max`, AETHER_ASKS_MAX: 1..100000000 asks that are under way from this node, retries
  /// included; more are `overloaded` at once. So are those whose commands together would take more
  /// than `waiting_bytes_max`, counted apart from what waits for this node's actors.
  std::size_t asks_max = 65'536;
  /// `--resident-max`, AETHER_RESIDENT_MAX: 0..1000000000 actors in memory, 0: no bound; beyond,
  /// those unused longest leave.
  std::size_t resident_max = 0;
  /// `--resident-bytes-max`, AETHER_RESIDENT_BYTES_MAX: 0..1099511627776 bytes of memory that
  /// actors and their states take, estimated, 0: no bound; beyond, those unused longest leave.
  std::size_t resident_bytes_max = 0;

  /// `--log-level`, AETHER_LOG_LEVEL: trace, debug, info, warn, error or off.
  log::level log_level = log::level::info;
  /// `--log-format`, AETHER_LOG_FORMAT: text or json.
  log::format log_format = log::format::text;

  friend bool operator==(const options&, const options&) = default;

  /// For options put together in code.
  /// @errors `invalid_options`: a value is outside its domain; the text names option, value and
  ///         domain.
  [[nodiscard]] result<void> check() const;

  /// `<host>-<pid>`, every other character than `[A-Za-z0-9_-]` as `-`, at most 64.
  [[nodiscard]] static std::string generated_node();

  /// Reads a variable; none when it is not set.
  using environment = std::function<std::optional<std::string>(const char* name)>;

  struct parsed;
  /// @param arguments without the program's name.
  /// @errors `invalid_options`: an unknown flag, an unreadable file, an unknown name or a refused
  ///         value; the text says which, where it came from, and what is allowed. A NATS address is
  ///         never repeated: it may hold a password.
  [[nodiscard]] static result<parsed> parse(const std::vector<std::string>& arguments,
                                            const environment& lookup,
                                            const std::string& program = "aether");
  /// For a program with arguments of its own: what is no option of the above, and a `--` with all
  /// behind it, is not refused but left in `parsed::rest`.
  [[nodiscard]] static result<parsed> parse_known(const std::vector<std::string>& arguments,
                                                  const environment& lookup,
                                                  const std::string& program = "aether");

  /// `parse` for a main function, with the process's environment: prints what `--help` or
  /// `--version` ask for and exits with 0; prints an error and exits with 2.
  [[nodiscard]] static options from(int argc, const char* const* argv);
  /// The same with `parse_known`.
  /// @param rest gets the arguments that are the program's own; it refuses what it does not know.
  /// @param own_help what `--help` says of them, before the node's options.
  [[nodiscard]] static options from(int argc, const char* const* argv,
                                    std::vector<std::string>& rest, std::string_view own_help);
};

struct options::parsed {
  /// Valid, and `node` is not empty.
  options value;
  /// The help or version text, when that was asked for; then `value` is the default.
  std::optional<std::string> text;
  /// Of `parse_known`: the arguments that are none of these options, in order.
  std::vector<std::string> rest{};
};

}  // namespace aether
