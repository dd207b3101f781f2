#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct __natsConnection;

/// The limits that NATS sets: its own client, with nothing of Aether's about it. Where something
/// fails, these throw.
namespace aether::perf {

/// Conditional publishes over `subjects` subjects in turn, at most `window` under way.
struct raw_publishes {
  std::size_t subjects = 1;
  std::size_t window = 1;
  std::size_t total = 0;
  /// What a commit of the measured actor takes, headers included.
  std::size_t payload_bytes = 450;
  /// The value of one header besides the condition; empty: no such header.
  std::string header{};
};

/// One message to read: by `$JS.API.DIRECT.GET.<stream>`, with this query.
struct raw_get {
  std::string stream;
  std::string query;
};

class raw_connection {
 public:
  explicit raw_connection(const std::string& url);
  ~raw_connection();
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  /// Streams `raw_0`, `raw_1` ... in files, one replica, as Aether's are; removed if they exist.
  void make_streams(std::size_t count, bool republishing = false);
  /// Publishes acknowledged in a second, the subjects spread over the streams.
  [[nodiscard]] double publish(const raw_publishes& what);
  /// The same on one subject, the next after the acknowledgement of the one before.
  [[nodiscard]] double publish_one_at_a_time(std::size_t total);
  /// The median time of a request to a responder, in microseconds.
  [[nodiscard]] double request_p50(std::size_t total);
  /// The median time of reading one message, in microseconds.
  [[nodiscard]] double get_p50(const std::vector<raw_get>& each);
  /// The median time of reading all messages of a batch, requests pipelined, in microseconds.
  [[nodiscard]] double batch_get_p50(const std::vector<std::vector<raw_get>>& batches);
  /// Messages a second that consumers of whole streams get, all streams at once, until all `total`
  /// have come.
  [[nodiscard]] double replay(const std::vector<std::string>& streams, std::size_t total);
  /// Messages that all streams of the server hold together.
  [[nodiscard]] std::size_t stored();

 private:
  __natsConnection* handle_ = nullptr;
  std::size_t streams_ = 0;
};

}  // namespace aether::perf
