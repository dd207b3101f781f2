#pragma once

#include "cluster/src/core/coordination.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

/// A whole cluster in one thread and in virtual time, from one seed: processes that run the pure
/// machines, a NATS server with its KV bucket, and what may happen to them. Each process has a
/// clock of its own. The invariants of the design are checked after every event.
namespace aether::cluster::sim {

using real_time = std::chrono::nanoseconds;  // since the beginning, as an observer has it

class world;

/// One process. Its node id may be another's too.
class process {
 public:
  process(world& in, const std::string& node, std::uint32_t weight);
  void start();
  void tick();
  void leave();
  void announce_leaving();
  /// Calls `what` when this process runs; never after its death.
  void when_running(std::function<void()> what);
  void carry_out(coordination::effects effects);
  [[nodiscard]] time_point clock() const;
  /// Answers a probe, a request or a heartbeat can reach it.
  [[nodiscard]] bool reachable() const { return alive && linked; }

  world& in;
  std::string name;
  std::uint32_t weight;
  std::uint64_t number;
  double rate;
  real_time offset;
  coordination core;

  bool alive = true;
  real_time paused_until{};
  /// Messages pass between it and the server; the server knows it as a subscriber; it believes that
  /// it is connected. A cut cable changes the first at once and the others when each side notices.
  bool linked = true;
  bool subscribed = true;
  bool connected = true;
  bool done = false;  // refused, evicted or left
  std::uint64_t last_table = 0;

 private:
  void carry_out(const coordination::send_heartbeat& effect);
  void carry_out(const coordination::send_probe& effect);
  void carry_out(const coordination::ask_types& effect);
  void carry_out(const coordination::read_lease& effect);
  void carry_out(const coordination::write_lease& effect);
  void carry_out(const coordination::read_table& effect);
  void carry_out(const coordination::write_table& effect);
  void carry_out(const coordination::table_changed& effect);
  void carry_out(const coordination::member_changed& effect);
  void carry_out(const coordination::elected& effect);
  void carry_out(const coordination::deposed&) {}
  void carry_out(const coordination::strategy_failed&) {}
  void carry_out(const coordination::joined&) {}
  void carry_out(const coordination::refused&) { done = true; }
  void carry_out(const coordination::left&) { done = true; }
};

class world {
 public:
  static constexpr std::uint32_t shards = 32;

  explicit world(std::uint64_t seed) : random_{seed} {}

  process& add(const std::string& node, std::uint32_t weight = 1);
  void run_for(real_time span);

  // What may happen.
  /// The part of heartbeats that is lost on the way to one of the listeners.
  double heartbeats_lost = 0;
  void kill(process& one);
  void pause(process& one, real_time span);
  /// Its cable is cut, and mended after `span`.
  void cut_off(process& one, real_time span);
  /// The server is gone for `span`, and all connections with it; what it stored stays.
  void restart_server(real_time span);

  /// Not dead, not leaving, not done.
  [[nodiscard]] std::vector<process*> running();
  [[nodiscard]] process* leader();
  /// Empty, or why the running processes do not agree on one leader and the right table.
  [[nodiscard]] std::string disagreement();

  // For processes.
  [[nodiscard]] real_time now() const { return now_; }
  [[nodiscard]] double fraction() { return std::uniform_real_distribution{0.0, 1.0}(random_); }
  [[nodiscard]] bool chance(double probability) { return fraction() < probability; }
  [[nodiscard]] std::size_t below(std::size_t n) { return random_() % n; }
  [[nodiscard]] real_time between(real_time from, real_time to);
  void after(real_time delay, std::function<void()> what);
  void heartbeat_sent(const process& from, const heartbeat& what);
  [[nodiscard]] bool answers(const node_id& node) const;
  [[nodiscard]] bool has_subscriber(const incarnation_id& which) const;
  /// Sends `at_server` over the network and feeds its answer, or none after the timeout.
  template <class Answer>
  void request(process& from, std::function<Answer()> at_server, Answer no_answer,
               std::function<void(const Answer&)> feed);
  [[nodiscard]] write_result write_lease(const coordination::write_lease& what);
  [[nodiscard]] write_result write_table(const coordination::write_table& what);
  [[nodiscard]] const lease_state& lease() const { return lease_; }
  [[nodiscard]] const shard_table& table() const { return table_; }
  void elected(const process& who, std::uint64_t term);
  void declared_down(const member_change& change);
  /// A violated invariant: kept, and thrown by `run_for`.
  void violated(const std::string& what);

  [[nodiscard]] std::size_t terms() const { return terms_.size(); }
  [[nodiscard]] std::size_t tables() const { return tables_; }

 private:
  void check();
  void reconnect(process& one);
  [[nodiscard]] std::vector<present_node> expected_owners();

  std::mt19937_64 random_;
  real_time now_{};
  std::multimap<real_time, std::function<void()>> events_;
  std::vector<std::unique_ptr<process>> processes_;
  bool server_up_ = true;
  unsigned server_restarts_ = 0;

  std::uint64_t sequence_ = 0;
  lease_state lease_;
  shard_table table_{shards};
  std::size_t tables_ = 0;
  std::map<std::uint64_t, std::string> terms_;
  std::string violation_;
};

}  // namespace aether::cluster::sim
