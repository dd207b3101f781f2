#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/runtime/nats.hpp>
#include "../commit_format.hpp"
#include "../header_block.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Reading single messages of a stream. Two ways: `direct_get`, which any replica answers and which
/// may lag behind, and `leader_get`, which sees every acknowledged append.
namespace aether {

/// A stored message, borrowed from the answer that carried it.
struct stored_record {
  stream_sequence sequence;
  /// The format it announces in a header.
  std::optional<std::string_view> format;
  std::string_view subject;
  bytes_view payload;
  header_lookup header = {};
};

/// @errors `corrupt_history`: the answer lacks what every stored message has.
[[nodiscard]] result<stored_record> record_of(const nats_message& answer);

/// The format that a message announces: a commit in its one header, a snapshot and a commit of the
/// first builds in `Aether-Format`.
/// @param header looks up a header by name.
template <class Lookup>
[[nodiscard]] std::optional<std::string_view> format_of(Lookup&& header) {
  if (const auto commit = header(commit_header_name))
    if (auto announced = announced_format(*commit)) return announced;
  return header("Aether-Format");
}

inline constexpr const char* condition_header = "Nats-Expected-Last-Subject-Sequence";
/// @param text the value of `condition_header`.
[[nodiscard]] std::optional<stream_sequence> condition_of(std::optional<std::string_view> text);

/// The answer of `$JS.API.STREAM.MSG.GET`, which is JSON with base64 inside; owns what it borrows
/// to.
class leader_answer {
 public:
  /// @returns none where the server has no such message.
  /// @errors `unavailable`: the server could not say; `corrupt_history`: no such answer.
  [[nodiscard]] static result<std::optional<leader_answer>> parse(bytes_view payload);
  [[nodiscard]] stored_record record() const;
  [[nodiscard]] std::optional<std::string_view> header(const char* name) const;

 private:
  stream_sequence sequence_;
  std::string subject_;
  std::string headers_;
  bytes payload_;
};

/// The request for the first message on `subject` at or after `from`, for the newest, and for the
/// message at a sequence, whatever its subject.
[[nodiscard]] std::string next_query(std::string_view subject, stream_sequence from);
[[nodiscard]] std::string last_query(std::string_view subject);
[[nodiscard]] std::string sequence_query(stream_sequence at);

/// Called exactly once; what it gets is valid during the call.
/// Errors: `unavailable`, `timed_out`, `not_running`, `corrupt_history`.
using record_handler = std::move_only_function<void(result<std::optional<stored_record>>)>;

void direct_get(nats_connection& connection, std::string_view stream, std::string_view query,
                std::chrono::milliseconds timeout, record_handler handler,
                nats_flush flush = nats_flush::now);
void leader_get(nats_connection& connection, std::string_view stream, std::string_view query,
                std::chrono::milliseconds timeout, record_handler handler,
                nats_flush flush = nats_flush::now);

}  // namespace aether
