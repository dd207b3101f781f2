#pragma once

#include "cluster/src/core/coordination.hpp"
#include "engine/callback.hpp"

#include <chrono>
#include <memory>

namespace aether::sim {

class process;
class world;
struct message;

/// The shell around `coordination`, as `cluster::coordinator` is: inputs one at a time and in
/// order, effects carried out before the next.
class coordinator {
 public:
  using machine = cluster::coordination;

  coordinator(world& in, process& owner);

  void start();
  void arrived(const message& what);
  void connection_changed(bool connected);
  void announce_leaving();
  void leave();
  /// All slots of this table that are this node's are served here.
  void settled(std::uint64_t revision);

  [[nodiscard]] const machine& state() const noexcept { return machine_; }
  [[nodiscard]] bool joined() const noexcept;
  [[nodiscard]] bool leading() const;
  [[nodiscard]] bool someone_else_is_up() const;
  [[nodiscard]] std::uint64_t table_revision() const;

 private:
  using input = callback<machine&, cluster::time_point, machine::effects&>;

  /// Hands an input over, to run soon.
  void post(input next);
  void feed(input& next);
  void tick();
  void tell_contact();
  void follow(const std::shared_ptr<const cluster::shard_table>& next);

  void carry_out(machine::send_heartbeat& effect);
  void carry_out(machine::send_probe& effect);
  void carry_out(machine::ask_types& effect);
  void carry_out(machine::read_lease& effect);
  void carry_out(machine::write_lease& effect);
  void carry_out(machine::read_table& effect);
  void carry_out(machine::write_table& effect);
  void carry_out(machine::table_changed& effect);
  void carry_out(machine::member_changed& effect);
  void carry_out(machine::elected& effect);
  void carry_out(machine::deposed& effect);
  void carry_out(machine::strategy_failed&) {}
  void carry_out(machine::joined& effect);
  void carry_out(machine::refused& effect);
  void carry_out(machine::left& effect);

  world& in_;
  process& owner_;
  machine machine_;
  std::shared_ptr<const cluster::shard_table> before_;
  std::chrono::nanoseconds last_post_{};
};

}  // namespace aether::sim
