#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/history.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Seeing what is stored, as it is stored.
namespace aether {

/// Which events a subscription wants. All conditions hold together; an empty one holds always.
struct event_filter {
  /// Empty: the bus's own namespace.
  std::vector<namespace_name> namespaces{};
  /// Every namespace, those that come into being later too; `namespaces` is empty then.
  bool all_namespaces = false;
  std::optional<actor_type> type{};
  /// Exactly this actor. With `type`, in the bus's own namespace, the cheapest filter: the server
  /// sends nothing else.
  std::optional<actor_id> id{};
  /// Ids of this form: `*` stands for any characters, none too, `?` for one. At most
  /// `id_pattern_bytes_max` bytes. Not together with `id`.
  std::string id_pattern{};
  /// Wire names of event types, at most `filter_event_types_max`.
  std::vector<std::string> event_types{};
};

inline constexpr std::size_t id_pattern_bytes_max = 255;
inline constexpr std::size_t filter_event_types_max = 256;
inline constexpr std::size_t filter_namespaces_max = 256;

/// A log whose sequences count its commits without a hole.
struct bus_stream {
  namespace_name ns;
  std::string name;
  /// Which one of its namespace, from 0.
  std::uint32_t index = 0;
};

/// Where a commit is.
struct event_place {
  std::shared_ptr<const bus_stream> stream;
  actor_address address;
  shard_id shard;
  stream_sequence sequence;
  [[nodiscard]] const namespace_name& ns() const noexcept { return stream->ns; }
};

/// One stored event. Borrows everything for the duration of the handler's call.
struct bus_event {
  const event_place& place;
  const recorded_event& recorded;
  /// It was in a gap, and was read from the log.
  bool caught_up = false;
};

enum class gap_reason : std::uint8_t {
  /// The subscription's own buffer was full.
  buffer_full,
  /// The server or the network did not deliver it.
  lost,
  /// The stream is another one than before, created anew or restored from an older copy: whatever
  /// it holds from 1 up to `last`, 0 for nothing yet, may not have been seen, or seen before.
  another_stream,
  /// It was to be caught up and the log does not have it: dropped by age, or no commit.
  not_in_log,
};
[[nodiscard]] std::string_view to_string(gap_reason why) noexcept;

/// Positions of a stream of which the subscription saw nothing; among them may be events that it
/// wanted.
struct event_gap {
  std::shared_ptr<const bus_stream> stream;
  /// Both inclusive.
  stream_sequence first;
  stream_sequence last;
  gap_reason reason = gap_reason::lost;
  /// Only this actor's events may be missing.
  std::optional<actor_address> only{};
  /// It was to be caught up, and the log could not be read: why.
  std::optional<error> unread{};
};

struct subscription_options {
  enum class gaps : std::uint8_t {
    /// The handler is told.
    report,
    /// The subscription reads the gap from the log itself, while what comes waits in its buffer.
    /// What it cannot read is reported, and so is `another_stream`.
    catch_up,
  };
  /// What waits for the handlers, at most: commits, and bytes of them. Both above 0.
  std::size_t buffer_max = 1'024;
  std::size_t buffer_bytes_max = 8 << 20;
  gaps on_gap = gaps::report;
  /// How often a page of the log is asked for before its gap is reported, at least once, and the
  /// pauses between: doubled from the first to the second value, above 0.
  std::uint32_t catch_up_attempts = 10;
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{2'000};
  /// For logs.
  std::string name = "unnamed";
};

/// All of one subscription run on its one thread, one after the other, and may take their time:
/// nobody else waits. What they throw goes to the log and is counted, and the subscription goes on
/// with the next.
struct event_handlers {
  /// Not empty.
  std::function<void(const bus_event&)> event;
  /// Empty: gaps go to the log as warnings.
  std::function<void(const event_gap&)> gap{};
  /// A stored message of a wanted actor that is no commit that can be read: corrupt, or of a newer
  /// format. Empty: goes to the log as a warning.
  std::function<void(const event_place&, const error&)> unreadable{};
};

struct subscription_stats {
  /// Commits that came in and that the filter takes, those dropped for a full buffer too.
  std::uint64_t seen = 0;
  /// Events that were handed to the handler, and those among them that were caught up.
  std::uint64_t delivered = 0;
  std::uint64_t caught_up = 0;
  /// Gaps that were reported, and positions in them.
  std::uint64_t gaps = 0;
  std::uint64_t gap_positions = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t handler_failures = 0;
  /// Commits that wait now.
  std::size_t buffered = 0;
};

namespace detail {
class subscription_core;
}

/// Lives as long as events are wanted. Its destructor ends it and returns when no handler runs any
/// more; destroyed within one of its handlers, that one is the last. What waits is dropped.
class event_subscription {
 public:
  event_subscription() = default;
  explicit event_subscription(std::shared_ptr<detail::subscription_core> core) noexcept;
  event_subscription(event_subscription&&) noexcept = default;
  event_subscription& operator=(event_subscription&& other) noexcept;
  ~event_subscription();

  [[nodiscard]] subscription_stats stats() const;

 private:
  std::shared_ptr<detail::subscription_core> core_;
};

/// Delivers what is stored to who wants to see it. What was rejected, or is under way, is never
/// seen; everything that is appended after `subscribe` has returned is: each position of a stream
/// is either handed to the subscription, or filtered out by it, or in one gap that it is told of,
/// and never two of these. In the order of each stream, and so of each actor.
///
/// A subscription costs a thread and a buffer: few, long-lived ones. One that is slow fills its own
/// buffer and has gaps; others, and those who append, notice nothing.
///
/// Two implementations pass one conformance kit: `memory_event_bus`, `jetstream_event_bus`.
/// Threads: any.
class event_bus {
 public:
  virtual ~event_bus() = default;

  /// May block for some round trips to the server; not from a handler of a store or a connection.
  /// Subscriptions may outlive the bus object, and end with what is behind it: the store, the
  /// connection.
  /// @errors `invalid_argument`: the text names the condition or option that is none.
  ///         `unavailable`, `timed_out`: the server was not reached; retry. `not_permitted`: the
  ///         server refuses this user a subject, the text names it. `not_running`: the connection
  ///         is closed.
  [[nodiscard]] virtual result<event_subscription> subscribe(event_filter filter,
                                                             subscription_options options,
                                                             event_handlers handlers) = 0;
};

}  // namespace aether
