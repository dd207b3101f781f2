#pragma once

#include <aether/runtime/nats.hpp>
#include "stored_record.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace aether {

/// What a scan is to find.
struct scan_request {
  std::string stream;
  /// Subjects of the stream, wildcards allowed; none: all. More than one takes a server with
  /// `several_filters`.
  std::vector<std::string> filters;
  /// Only what was stored later.
  stream_sequence after{};
  /// Only the newest message of each subject.
  bool newest_only = false;
};

/// The filters that find these shards, and no others where the server can do so; else none.
/// @param subject_of the subjects of one shard.
template <class SubjectOf>
[[nodiscard]] std::vector<std::string> filters_of(const shard_range& which, bool several,
                                                  SubjectOf subject_of) {
  std::vector<std::string> filters;
  if (which.count > 1 && !several) return filters;
  for (std::uint32_t i = 0; i < which.count; ++i)
    filters.push_back(subject_of(shard_id{which.first.value() + i}));
  return filters;
}

/// Who gets what a scan finds. Called on one thread at a time.
class scan_sink {
 public:
  virtual ~scan_sink() = default;
  /// @param about how many messages come, if no other limit ends the page before.
  virtual void page_begins(std::size_t about) { (void)about; }
  virtual void take(const stored_record& record) = 0;
  /// @param last the end was reached.
  /// @param behind messages under the filter that lie behind it.
  /// @returns false when nothing more is wanted.
  virtual bool page_ended(bool last, std::uint64_t behind) = 0;
  /// The last call.
  virtual void failed(error why) = 0;
};

/// Reads all messages under a filter in the order of the stream: an ephemeral pull consumer without
/// acknowledgements, the same on every server, asked for a page at a time, so that the reader sets
/// the pace. Owned by the request it waits for. The server forgets its consumer when it is not
/// asked for `abandoned_after`.
///
///   creating --created--> pulling --a page, wanted more--> pulling
///   pulling --nothing left | not wanted--> done; any --error--> done
class scan_operation final : public std::enable_shared_from_this<scan_operation> {
 public:
  static constexpr std::size_t page_messages = 1'000;
  static constexpr std::size_t page_bytes = 8 << 20;
  static constexpr std::chrono::seconds abandoned_after{30};

  scan_operation(std::shared_ptr<nats_connection> connection, scan_request what,
                 std::chrono::milliseconds timeout, std::unique_ptr<scan_sink> sink)
      : connection_{std::move(connection)},
        what_{std::move(what)},
        timeout_{timeout},
        sink_{std::move(sink)} {}

  void start();

 private:
  void created(const result<nats_message>& answer);
  void pull();
  /// A message of a page; false when the page is over.
  bool page_part(const result<nats_message>& part);
  void end_page(bool last);
  void forget_consumer();
  bool fail_with(errc code, const std::string& why);

  std::shared_ptr<nats_connection> connection_;
  scan_request what_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<scan_sink> sink_;
  std::string consumer_;
  std::size_t in_page_ = 0;
  std::uint64_t behind_ = 0;
};

}  // namespace aether
