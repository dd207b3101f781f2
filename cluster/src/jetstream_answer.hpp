#pragma once

#include <aether/runtime/nats.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace aether::cluster {

/// For one request to the JetStream API.
inline constexpr std::chrono::milliseconds jetstream_timeout{5'000};

/// What the JetStream API answered to a request.
struct jetstream_answer {
  /// 0: it was done.
  std::uint64_t error_code = 0;
  std::string text{};
  nlohmann::json document{};

  static constexpr std::uint64_t stream_not_found = 10059;
  static constexpr std::uint64_t no_message_found = 10037;
  static constexpr std::uint64_t wrong_last_sequence = 10071;

  /// The whole number under `key`; 0 where there is none.
  [[nodiscard]] std::uint64_t number(const char* key) const;
  /// Of an error: what it means for the caller, with `what` before the server's words.
  [[nodiscard]] error as_error(const std::string& what) const;
};

/// The whole number under `key` in the object under `outer`; 0 where there is none.
[[nodiscard]] std::uint64_t number_in(const nlohmann::json& document, const char* outer,
                                      const char* key);
/// Whether `key` is true there.
[[nodiscard]] bool flag_in(const nlohmann::json& document, const char* outer, const char* key);

/// @errors those of the request; `store_failed`: no JSON.
[[nodiscard]] result<jetstream_answer> parse_jetstream(const result<nats_message>& answer);

}  // namespace aether::cluster
