#include "kv_records.hpp"

#include <string>

namespace aether::cluster {

result<record_store::record> kv_records::load(std::string_view key) {
  auto found = bucket_.read_wait(key);
  if (!found) return std::unexpected(std::move(found).error());
  return record{found->revision, std::move(found->value)};
}

result<std::uint64_t> kv_records::store(std::string_view key, std::uint64_t expected,
                                        bytes_view value) {
  const auto written = bucket_.write_wait(key, expected, value);
  const auto named = [&](const char* what) { return "key '" + std::string{key} + "': " + what; };
  if (!written) return std::unexpected(written.error());
  switch (written->outcome) {
    case write_outcome::stored:
      return written->revision;
    case write_outcome::conflict:
      return fail(errc::version_conflict, named("another wrote it first"));
    case write_outcome::not_stored:
      return fail(errc::unavailable, named("the server was not reached"));
    case write_outcome::unknown:
      break;
  }
  return fail(errc::outcome_unknown, named("no definite answer came"));
}

}  // namespace aether::cluster
