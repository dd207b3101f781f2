#pragma once

#include <aether/actors/command.hpp>
#include <aether/actors/durable.hpp>
#include <aether/cluster/durable_sends.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aether::cluster {

/// A command that is kept until its actor has decided it.
struct stored_command {
  actor_address to;
  command_id id;
  command_id correlation{};
  /// It may have been sent, or asked, before.
  bool repeated = false;
  std::shared_ptr<const actor_address> sender{};
  /// Wire name and fields.
  std::string command{};
  bytes payload{};
  std::string outcome{};
  /// Of one that is not due yet: when, in milliseconds since 1970; 0: at once.
  std::uint64_t due_ms = 0;
  /// Of one that comes again and again: how often.
  std::uint64_t every_ms = 0;
  /// Of a reminder: the id that its sender knows it by, and which of a series it is, from 0. Its
  /// own id has the time when it is due: an actor that has forgotten younger ids has not forgotten
  /// it.
  command_id series{};
  std::uint64_t number = 0;
  /// In the queue; and where it is acknowledged.
  stream_sequence sequence{};
  std::string ack_to{};
};

/// The id under which its sender knows it.
[[nodiscard]] const command_id& receipt_id(const stored_command& of) noexcept;

/// What a sender asks for, as a stored command. @errors `invalid_argument`: an option is outside
/// its domain.
[[nodiscard]] result<stored_command> to_stored(const actor_address& to, const envelope& command,
                                               const durable_options& how,
                                               std::chrono::system_clock::time_point now);

/// The next of a series after `of`: due behind `now`, however many times were missed.
/// @pre `of.every_ms > 0`.
[[nodiscard]] stored_command successor(const stored_command& of, std::uint64_t now_ms);

/// A stored command as a message: as it travels to an actor's node, with some headers more.
class outgoing_stored {
 public:
  /// @param from outlives it.
  explicit outgoing_stored(const stored_command& from);
  /// Borrowed from this object. @param message_id under which the server drops copies; empty: none.
  [[nodiscard]] nats_outgoing message(std::string_view subject, std::string_view message_id) const;
  /// Bytes that the server counts, without a message id.
  [[nodiscard]] std::size_t size() const noexcept;
  /// With one header more. @param value outlives the message.
  void add(std::string_view name, std::string value);

 private:
  const stored_command& from_;
  std::vector<std::pair<std::string_view, std::string>> headers_;
};

/// @errors `decode_failed`: a header is missing or wrong.
[[nodiscard]] result<stored_command> parse_stored(const nats_message& from);

/// A parked one as a message: the stored command with why it is parked.
void add_parked(outgoing_stored& to, const error& why, std::uint32_t deliveries,
                std::chrono::system_clock::time_point now);

/// What became of a command, as a message to `subject`.
class outgoing_outcome {
 public:
  outgoing_outcome(const stored_command& of, const result<any_reply>& answer, bool parked);
  [[nodiscard]] nats_outgoing message(std::string_view subject) const;

 private:
  const stored_command& of_;
  std::vector<std::pair<std::string_view, std::string>> headers_;
  bytes payload_;
};
[[nodiscard]] result<durable_outcome> parse_outcome(const nats_message& from);

/// Names of headers that readers of raw messages need.
inline constexpr const char* parked_code_header = "Aether-Parked-Code";
inline constexpr const char* parked_reason_header = "Aether-Parked-Reason";
inline constexpr const char* deliveries_header = "Aether-Deliveries";
inline constexpr const char* parked_at_header = "Aether-Parked-At";

}  // namespace aether::cluster
