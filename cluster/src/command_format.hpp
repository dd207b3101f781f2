#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/actors/command.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace aether::cluster {

/// A command as it travels to the owner of its shard: docs/formats.md, "Commands". Encoded once,
/// sent as often as needed.
class outgoing_command {
 public:
  outgoing_command(const subjects& names, std::uint32_t shards, const actor_address& to,
                   const envelope& command);

  /// The message, borrowed from this object.
  /// @param repeated the same id may have been sent before.
  /// @param answer_within what the receiver is told of the deadline; rounded to milliseconds.
  [[nodiscard]] nats_outgoing message(bool repeated, std::chrono::milliseconds answer_within);

 private:
  std::string subject_;
  std::string type_;
  std::string id_;
  std::string_view command_;
  std::string command_id_;
  std::string correlation_;
  bool stale_read_;
  std::string sender_type_;
  std::string sender_id_;
  std::string timeout_;
  bytes payload_;
};

/// Publishes a tell to wherever its actor's slot is served.
/// @errors `unavailable`: its deadline has passed, or it cannot be sent. `invalid_argument`: it is
/// too
///         large to be.
result<void> publish_tell(nats_connection& over, const subjects& names, std::uint32_t shards,
                          const actor_address& to, const envelope& command,
                          std::chrono::steady_clock::time_point now);

/// The id of a command that came, without reading the rest; nil where it has none.
[[nodiscard]] command_id command_id_of(const nats_message& from);
[[nodiscard]] bool is_repeated(const nats_message& from);

struct incoming_command {
  actor_address to;
  envelope command;
};

/// Finds what a node knows of an actor type; nullptr when it does not host it.
using traits_finder = std::function<const actor_traits*(const actor_type&)>;

/// Reads a command; its `answer` is left empty.
/// @errors `decode_failed`: a header is missing or wrong, or the payload is. `unknown_message`: the
///         actor type is not hosted here, or has no such command.
[[nodiscard]] result<incoming_command> parse_command(const nats_message& from,
                                                     const traits_finder& find,
                                                     std::chrono::steady_clock::time_point now);

/// An answer as it travels back.
class outgoing_answer {
 public:
  /// @param answer outlives it.
  explicit outgoing_answer(const result<any_reply>& answer);

  /// The message, borrowed from this object and the answer.
  [[nodiscard]] nats_outgoing message(std::string_view reply_to) const;

 private:
  const error* error_ = nullptr;
  const error_reason* reason_ = nullptr;
  std::string code_;
  std::string reason_data_;
  /// `<sequence> <version>`; empty where the answer has none.
  std::string position_;
  bytes encoded_;
  bytes_view payload_;
};

/// Publishes the answer to a command.
void send_answer(nats_connection& over, std::string_view reply_to, const result<any_reply>& answer);

/// Reads an answer.
[[nodiscard]] result<any_reply> parse_answer(const nats_message& from);

}  // namespace aether::cluster
