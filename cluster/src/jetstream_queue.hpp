#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include <aether/runtime/timers.hpp>
#include "durable_queue.hpp"
#include "durable_streams.hpp"
#include "kv_bucket.hpp"
#include "pull_consumer.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::cluster {

/// The queue of one range of shards in JetStream: docs/formats.md, "Durable sends".
class jetstream_queue final : public durable_queue,
                              public std::enable_shared_from_this<jetstream_queue> {
 public:
  struct parts {
    std::shared_ptr<nats_connection> over;
    subjects names;
    std::shared_ptr<durable_streams> streams;
    timers* clock = nullptr;
    std::function<std::chrono::system_clock::time_point()> wall_clock;
    /// `pull_consumer::options::grace`.
    std::chrono::milliseconds grace{1'000};
  };
  jetstream_queue(parts of, std::uint32_t k);

  void open(bool anew, handlers what, opened_handler done) override;
  void pull(std::size_t count) override { consumer_->pull(count); }
  void survived() override;
  void acknowledge(const stored_command& which) override;
  void park(const stored_command& which, std::uint32_t deliveries, const error& why,
            done_handler done) override;
  void reserve(stream_sequence mark, done_handler done) override;
  void publish(const stored_command& which, const result<any_reply>& answer, bool parked) override;
  void close(bool clean) override;

 private:
  void find_first(bool anew, opened_handler done);
  void read_record(bool anew, stream_sequence first, opened_handler done);
  void write_record(done_handler done);
  void write_next();
  void wrote(const write_result& how, std::vector<done_handler> those);
  void take(const nats_message& message, const nats_delivery& where);
  [[nodiscard]] std::string key() const { return "dur." + std::to_string(k_); }

  const parts parts_;
  const std::uint32_t k_;
  kv_bucket bucket_;
  const std::shared_ptr<pull_consumer> consumer_;
  std::mutex mutex_;
  handlers what_;
  /// The record under `key()`, and its revision.
  std::uint64_t revision_ = 0, mark_ = 0, first_ = 0;
  std::uint32_t takeovers_ = 0;
  /// This process's take-over is counted.
  bool counted_ = false;
  bool writing_ = false;
  std::vector<done_handler> waiting_;
};

}  // namespace aether::cluster
