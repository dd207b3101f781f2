#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include <aether/runtime/subjects.hpp>
#include "stored_record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aether {

/// Where one actor's commits are: the stream and the subject in it, and the mark that they carry.
struct commit_place {
  std::string stream;
  std::string subject;
  std::uint64_t owner = 0;
  std::uint32_t stream_index = 0;
};

[[nodiscard]] commit_place place_of(const subjects& names, const jetstream_layout& layout,
                                    const actor_address& address);

/// `why`, with the place in front of its text.
[[nodiscard]] error at_place(const commit_place& place, const error& why);

/// @errors `corrupt_history`; the text has stream, subject and sequence.
[[nodiscard]] result<recorded_commit> decode_record(const stored_record& record,
                                                    const commit_place& place);
/// The same, but an error stays with its record.
[[nodiscard]] history_record history_record_of(const stored_record& record,
                                               const commit_place& place);
/// The same of a record that names its subject. @param owner an `owner_mark`.
[[nodiscard]] history_record history_record_of(const stored_record& record, std::string_view stream,
                                               std::uint64_t owner);

}  // namespace aether
