#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "../bus/subscription_core.hpp"
#include "../core/sequence_tracker.hpp"
#include "stream_ends.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aether {

/// What one subscription at the server brings.
struct wire_scope {
  subjects names;
  /// All namespaces under the prefix of `names`; else its own.
  bool everywhere = false;
  /// How many event streams there must be; 0: any number.
  std::uint32_t streams = 0;
  /// A replica that lags behind may say where a stream ends.
  bool replicated = true;
  /// Only this actor's.
  struct one_actor {
    actor_address address;
    shard_id shard;
    std::uint32_t stream = 0;
  };
  std::optional<one_actor> only{};

  [[nodiscard]] std::string subject() const;
};

/// One subscription at the server, the trackers that find what it did not bring, and the
/// subscriptions of this process that live on it. Thread-safe; ends with its last owner.
class bus_wire : public std::enable_shared_from_this<bus_wire> {
 public:
  using core_pointer = std::shared_ptr<detail::subscription_core>;
  using positions = detail::subscription_core::positions;

  bus_wire(std::shared_ptr<nats_connection> connection, wire_scope scope,
           std::chrono::milliseconds timeout)
      : connection_{std::move(connection)}, scope_{std::move(scope)}, timeout_{timeout} {}

  /// Blocks for some round trips. Call once, before anything else.
  [[nodiscard]] result<void> open();
  void attach(core_pointer to);
  void detach(const detail::subscription_core* from);
  /// Where the streams end. Blocks for a round trip.
  [[nodiscard]] result<positions> ends();
  /// Asks where they end, and tells of what should have come: at most every `interval`, but at once
  /// after a loss of the connection or where the look before found something.
  void audit(std::chrono::milliseconds interval);

 private:
  using clock = std::chrono::steady_clock;
  struct followed {
    std::shared_ptr<const bus_stream> stream;
    subjects names;
    sequence_tracker tracker;
  };

  void ask_ends(stream_ends_handler handler);
  [[nodiscard]] std::vector<std::string> own_streams() const;
  [[nodiscard]] result<std::vector<stream_end>> ends_now();
  void on_message(nats_message message);
  void audited(const result<std::vector<stream_end>>& ends);
  /// Null where the name is no event stream's of this scope.
  [[nodiscard]] followed* find(std::string_view stream);
  [[nodiscard]] followed* follow(const stream_end& from);
  void tell(const followed& of, const sequence_tracker::gap& gap) const;
  void pass_on(followed& from, std::uint64_t sequence, nats_message message);
  void report_stray(std::string_view subject, const std::string& why);

  const std::shared_ptr<nats_connection> connection_;
  const wire_scope scope_;
  const std::chrono::milliseconds timeout_;

  std::mutex mutex_;
  std::map<std::string, followed, std::less<>> streams_;
  std::vector<core_pointer> subscriptions_;
  bool auditing_ = false;
  bool doubtful_ = false;
  std::uint64_t audited_losses_ = 0;
  clock::time_point audited_at_;
  std::uint64_t strays_ = 0;

  nats_connection::subscription listener_;
};

}  // namespace aether
