#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/runtime/ids.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Commits as they are stored: docs/formats.md, "Commits", pinned by tests/golden/commit-*.hex.
namespace aether {

/// What this build writes, and the newest it reads.
inline constexpr std::uint32_t commit_format_version = 1;
/// At most so many bytes of event types in the header; where more types are, it ends with `,*`.
inline constexpr std::size_t types_header_bytes_max = 512;
/// The name of the one header of a commit.
inline constexpr const char* commit_header_name = "Aether-Commit";

/// Whose commit it is, as a number that a commit carries: a commit copied to another actor's or
/// another namespace's subject is recognised. Never 0.
[[nodiscard]] std::uint64_t owner_mark(const namespace_name& ns, const actor_address& address);

/// What a stored commit says besides itself.
struct commit_frame {
  /// An `owner_mark`; 0 for none.
  std::uint64_t owner = 0;
  /// The id of the commit before it; nil where there is none, or it is not known.
  commit_id previous{};
};

/// The stored payload: enough to rebuild the commit without its header.
/// @pre `validate` accepted it.
[[nodiscard]] bytes encode_commit(const commit& from, const commit_frame& frame = {});

/// What brokers and tools see without decoding, in one header because each one costs the server as
/// much as the payload: `<format> <id> <first>-<last> <types>`.
[[nodiscard]] std::string commit_header(const commit& from);

/// The format that a stored message announces, to be checked before anything is decoded: the first
/// word of a `commit_header`, none of any other text.
[[nodiscard]] std::optional<std::string_view> announced_format(std::string_view header);

struct framed_commit {
  aether::commit commit;
  commit_frame frame;
};

/// @param format as announced; none is accepted.
/// @param owner whose it must be, if it says so; 0: anyone's.
/// @errors `corrupt_history`: a newer format, which the text names, damaged bytes, or another
///         actor's commit.
[[nodiscard]] result<framed_commit> decode_framed(bytes_view payload,
                                                  std::optional<std::string_view> format,
                                                  std::uint64_t owner = 0);
/// The same without the frame.
[[nodiscard]] result<commit> decode_commit(bytes_view payload,
                                           std::optional<std::string_view> format,
                                           std::uint64_t owner = 0);

}  // namespace aether
