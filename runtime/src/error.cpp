#include <aether/runtime/error.hpp>

#include <cstdio>
#include <cstdlib>

namespace aether {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::invalid_options:
      return "invalid_options";
    case errc::decode_failed:
      return "decode_failed";
    case errc::unknown_message:
      return "unknown_message";
    case errc::unavailable:
      return "unavailable";
    case errc::overloaded:
      return "overloaded";
    case errc::not_owner:
      return "not_owner";
    case errc::timed_out:
      return "timed_out";
    case errc::quarantined:
      return "quarantined";
    case errc::not_running:
      return "not_running";
    case errc::not_permitted:
      return "not_permitted";
    case errc::rejected:
      return "rejected";
    case errc::handler_failed:
      return "handler_failed";
    case errc::version_conflict:
      return "version_conflict";
    case errc::outcome_unknown:
      return "outcome_unknown";
    case errc::commit_too_large:
      return "commit_too_large";
    case errc::store_failed:
      return "store_failed";
    case errc::corrupt_history:
      return "corrupt_history";
    case errc::stream_regressed:
      return "stream_regressed";
    case errc::unsupported_server:
      return "unsupported_server";
    case errc::incompatible_cluster:
      return "incompatible_cluster";
    case errc::node_id_in_use:
      return "node_id_in_use";
  }
  return "unknown";
}

std::string error::message() const {
  std::string text{to_string(code_)};
  return text.append(": ").append(text_);
}

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "aether: assertion failed: %s at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace aether
