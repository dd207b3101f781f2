#pragma once

#include "connection.hpp"
#include "coordinator.hpp"
#include "engine/trace.hpp"
#include "host.hpp"
#include "router.hpp"
#include "slots.hpp"
#include "store_client.hpp"
#include "traffic.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace aether::sim {

class world;

/// One process: its clock, its life, and the parts of a node in it. Its node's name may be
/// another's too. It exists until the end of the run, dead or not.
class process {
 public:
  /// @param hosts its types: bit by bit.
  process(world& in, std::uint32_t number, std::uint32_t node, std::uint32_t weight,
          std::uint32_t hosts);

  void start();
  void kill();
  /// Stands still: what comes meanwhile waits.
  void pause(real_time span);
  /// Begins to leave in good order.
  void leave();

  /// By its own clock.
  [[nodiscard]] std::chrono::steady_clock::time_point clock() const;
  [[nodiscard]] std::chrono::system_clock::time_point wall() const;
  [[nodiscard]] bool paused() const;
  /// Not dead, not refused, not left.
  [[nodiscard]] bool takes_part() const noexcept { return alive && !done; }

  /// Runs what has come from outside, when this process runs; never after its death.
  void when_running(task what);
  /// After that long by its own clock.
  void after(std::chrono::nanoseconds own, task what);
  void at(std::chrono::steady_clock::time_point own, task what);
  /// Lets something out, when this process runs: it may have been stopped in the middle.
  void send(task what);
  /// The next time it lets something of importance out, it stands still first.
  void stop_before_next_write(real_time span) { stop_for_ = span; }
  void write_is_due();

  // What the broker tells.
  void arrived(const message& what);
  void session_ended(broker::session& which);
  void connection_changed(bool connected);
  void inbox_is_listened_on();

  /// What it hosted, sent and waited for is over.
  void evicted();
  void has_left();

  world& in;
  const std::uint32_t number;
  const std::uint32_t node;
  const std::uint32_t weight;
  const std::uint32_t hosts;

  bool alive = true;
  bool done = false;
  bool leaving = false;
  /// Its cable is cut: no connection can be made.
  bool cut_off = false;

  connection link;
  store_client store;
  host actors;
  router commands;
  traffic commands_in;
  slots owned;
  coordinator core;

 private:
  void dispatch(const message& what);
  void look_whether_gone();
  void resume();

  double rate_;
  std::chrono::nanoseconds offset_;
  std::chrono::nanoseconds wall_offset_;
  real_time paused_until_{};
  real_time stop_for_{};
  std::vector<task> waiting_messages_;
  std::vector<task> waiting_timers_;
  std::vector<task> waiting_to_leave_;
  std::chrono::steady_clock::time_point leave_by_{};
};

}  // namespace aether::sim
