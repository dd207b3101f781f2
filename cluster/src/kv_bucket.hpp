#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "core/kv_outcome.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace aether::cluster {

/// A key as it was read. Revision 0: it was never written. An empty value: written and deleted.
struct kv_entry {
  std::uint64_t revision = 0;
  bytes value = {};
};

/// The namespace's KV bucket: reads through the stream's leader, so that they show every write
/// acknowledged before, and conditional writes. A plain NATS KV bucket; any client can read it.
///
/// Threads: any. Handlers run as those of `nats_connection::request` do.
class kv_bucket {
 public:
  using read_handler = std::move_only_function<void(result<kv_entry>)>;
  using write_handler = std::move_only_function<void(write_result)>;
  using create_handler = std::move_only_function<void(result<void>)>;
  /// How long an answer is awaited; none: as long as the constructor says.
  using timeout = std::optional<std::chrono::milliseconds>;

  kv_bucket(std::shared_ptr<nats_connection> connection, subjects names,
            std::chrono::milliseconds request_timeout);

  /// Creates the bucket where it is missing; several nodes may do so at once. Up to two requests.
  /// @errors (to the handler) `unavailable`, `timed_out`: try again; `not_permitted`: it is not
  /// there
  ///         and this user may not create it, or may not look; `store_failed`: the server
  ///         refused, and why; `unsupported_server`: more than one replica, asked for or there
  ///         already, on a server before 2.9.21, where a conditional write does not keep two
  ///         writers apart.
  void create(std::uint32_t replicas, create_handler handler, timeout patience = {});

  /// Whether the bucket's server is one of a group; false before `create`.
  [[nodiscard]] bool clustered() const noexcept { return *clustered_; }

  /// @errors (to the handler) `unavailable`, `timed_out`, `not_permitted`, or `store_failed` with
  /// the server's words.
  void read(std::string_view key, read_handler handler, timeout patience = {});
  /// Writes if the key's revision is `expected`; 0: if it was never written.
  void write(std::string_view key, std::uint64_t expected, bytes_view value, write_handler handler,
             timeout patience = {});

  /// The same for threads that may block.
  [[nodiscard]] result<void> create_wait(std::uint32_t replicas);
  [[nodiscard]] result<kv_entry> read_wait(std::string_view key);
  /// @errors of `write_wait`: `not_permitted`, nothing is stored.
  [[nodiscard]] result<write_result> write_wait(std::string_view key, std::uint64_t expected,
                                                bytes_view value);

 private:
  /// The server refused to make it: is it there already?
  void look_up(const error& refused, create_handler handler,
               std::chrono::milliseconds patience) const;
  void write_request(std::string_view key, std::uint64_t expected, bytes_view value,
                     std::chrono::milliseconds patience,
                     nats_connection::reply_handler handler) const;

  std::shared_ptr<nats_connection> connection_;
  subjects names_;
  std::chrono::milliseconds request_timeout_;
  /// Shared with the requests under way.
  std::shared_ptr<std::atomic<bool>> clustered_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace aether::cluster
