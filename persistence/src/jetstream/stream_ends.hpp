#pragma once

#include <aether/runtime/nats.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// How far a stream reached when the server was asked.
struct stream_end {
  std::string name{};
  /// When it was created, in the server's words; two streams of one name differ in it.
  std::string created{};
  std::uint64_t last = 0;
  /// Where `last` is only about one subject: how far the stream reached before that was asked.
  std::uint64_t reaches = 0;
};

/// A page of `$JS.API.STREAM.LIST`.
struct stream_ends_page {
  std::vector<stream_end> ends;
  /// Of all pages.
  std::uint64_t total = 0;
};

/// @errors `unavailable`: the server could not say, or not of all; `decode_failed`: no such answer.
[[nodiscard]] result<stream_ends_page> parse_stream_ends(bytes_view payload);

using stream_ends_handler = std::move_only_function<void(result<std::vector<stream_end>>)>;

/// An answer to `$JS.API.STREAM.INFO.<stream>`; none: there is no such stream.
/// @errors as of `parse_stream_ends`.
[[nodiscard]] result<std::optional<stream_end>> parse_stream_end(bytes_view payload);

/// Finds the streams that hold subjects of `filter`, at most `stream_pages_max` pages of them.
/// @errors (to the handler) `unavailable`, `timed_out`, `not_running`, `decode_failed`.
void find_stream_ends(std::shared_ptr<nats_connection> connection, std::string filter,
                      std::chrono::milliseconds timeout, stream_ends_handler handler);

/// The same for streams whose names are known, with a request for each: all that a user who may
/// only see those is allowed. Leaves out what does not exist.
void ask_stream_ends(const std::shared_ptr<nats_connection>& connection,
                     const std::vector<std::string>& streams, std::chrono::milliseconds timeout,
                     stream_ends_handler handler);

inline constexpr std::size_t stream_pages_max = 1'000;

}  // namespace aether
