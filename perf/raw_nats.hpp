#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

struct __natsConnection;

/// The limits that NATS sets: its own client, with nothing of Aether's about it. Where something
/// fails, these throw.
namespace aether::perf {

class raw_connection {
 public:
  explicit raw_connection(const std::string& url);
  ~raw_connection();
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  /// Streams `raw_0`, `raw_1` ... in files, one replica, as Aether's are; removed if they exist.
  void make_streams(std::size_t count);
  /// Conditional publishes acknowledged in a second, over `subjects` subjects in turn, spread over
  /// the streams, at most `window` under way.
  [[nodiscard]] double publish(std::size_t subjects, std::size_t window, std::size_t total);
  /// The same on one subject, the next after the acknowledgement of the one before.
  [[nodiscard]] double publish_one_at_a_time(std::size_t total);
  /// The median time of a request to a responder, in microseconds.
  [[nodiscard]] double request_p50(std::size_t total);

 private:
  __natsConnection* handle_ = nullptr;
  std::size_t streams_ = 0;
};

}  // namespace aether::perf
