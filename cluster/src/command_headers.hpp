#pragma once

#include <string_view>

/// The headers of commands and answers: docs/formats.md, "Commands".
namespace aether::cluster {

inline constexpr const char* format_header = "Aether-Format";
inline constexpr const char* type_header = "Aether-Actor-Type";
inline constexpr const char* id_header = "Aether-Actor-Id";
inline constexpr const char* command_header = "Aether-Command";
inline constexpr const char* command_id_header = "Aether-Command-Id";
inline constexpr const char* correlation_header = "Aether-Correlation";
inline constexpr const char* timeout_header = "Aether-Timeout-Ms";
inline constexpr const char* repeated_header = "Aether-Repeated";
inline constexpr const char* read_header = "Aether-Read";
inline constexpr const char* sender_type_header = "Aether-Sender-Type";
inline constexpr const char* sender_id_header = "Aether-Sender-Id";
inline constexpr const char* error_header = "Aether-Error";
inline constexpr const char* reason_header = "Aether-Reason";
inline constexpr const char* reason_data_header = "Aether-Reason-Data";
inline constexpr const char* position_header = "Aether-Position";
inline constexpr std::string_view format_version = "1";

}  // namespace aether::cluster
