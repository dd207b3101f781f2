#pragma once

#include <aether/runtime/nats.hpp>
#include <aether/runtime/subjects.hpp>
#include "durable_store.hpp"
#include "jetstream_answer.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace aether::cluster {

/// The streams of stored commands, made when they are first needed: docs/formats.md, "Durable
/// sends".
class durable_streams final : public durable_store,
                              public std::enable_shared_from_this<durable_streams> {
 public:
  struct layout {
    std::uint32_t shards = 256, streams = 8, replicas = 1;
  };
  /// Sends that no acknowledgement came for yet; more are `overloaded`.
  static constexpr std::size_t sends_max = 65'536;
  using done_handler = std::move_only_function<void(bool stored)>;
  /// Gets the sequence.
  using stored_handler = std::move_only_function<void(result<stream_sequence>)>;

  durable_streams(std::shared_ptr<nats_connection> over, subjects names, layout how,
                  std::function<std::chrono::system_clock::time_point()> wall_clock);

  void send(stored_command command, receipt_sink done) override;
  [[nodiscard]] result<outcome_subscription> outcomes(std::string_view name,
                                                      outcome_handler handler) override;
  [[nodiscard]] result<std::vector<parked_send>> parked(std::size_t limit) override;
  [[nodiscard]] result<void> resend(const parked_send& which) override;
  [[nodiscard]] result<void> discard(const parked_send& which) override;
  [[nodiscard]] result<bool> cancel(const actor_address& to, const command_id& id) override;

  void park(const stored_command& which, std::uint32_t deliveries, const error& why,
            std::chrono::system_clock::time_point now, done_handler done);
  void park_unreadable(const nats_message& which, const error& why, done_handler done);
  /// Puts one that is due into the queue, once under its id, its actor and `suffix`.
  void enqueue(const stored_command& which, std::string_view suffix, stored_handler done);
  /// Puts the next of a series where the one before it still is, as `sequence`.
  void enqueue_later(const stored_command& next, stream_sequence sequence, stored_handler done);

  [[nodiscard]] std::uint32_t range_of(const actor_address& to) const;

 private:
  /// Called with whether the server keeps reminders.
  using ready_handler = std::move_only_function<void(result<bool> schedules)>;
  struct stream {
    enum class state { unknown, creating, ready } now = state::unknown;
    bool schedules = false;
    std::deque<ready_handler> waiting{};
  };

  [[nodiscard]] shard_id shard(const actor_address& to) const { return shard_of(to, how_.shards); }
  [[nodiscard]] nlohmann::json config(std::uint32_t k) const;
  /// @param which `how_.streams`: that of the parked ones.
  void when_ready(std::uint32_t which, ready_handler then);
  void create(std::uint32_t which);
  void look_up(std::uint32_t which, const error& refused);
  void created(std::uint32_t which, result<bool> schedules);
  void forget(std::uint32_t which);
  void publish(std::uint32_t which, const nats_outgoing& message, stored_handler done);
  void store(std::uint32_t k, bool schedules, const stored_command& command, stored_handler done);
  [[nodiscard]] result<nats_message> fetch_parked(stream_sequence place);
  [[nodiscard]] result<jetstream_answer> ask(const std::string& subject, const std::string& body);

  const std::shared_ptr<nats_connection> over_;
  const subjects names_;
  const layout how_;
  const std::function<std::chrono::system_clock::time_point()> wall_clock_;
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::vector<stream> streams_;
};

}  // namespace aether::cluster
