#pragma once

#include "engine/timeline.hpp"

#include <cstdint>

namespace aether::sim {

class process;
class world;

/// Whatever happens to a cluster: from the seed alone, one thing after another.
class fate {
 public:
  fate(world& in, std::uint32_t nodes);

  /// Starts the first nodes, and a client or two.
  void begin();
  /// From now on things happen: what goes wrong, or what is planned.
  void let_loose();
  /// From now on nothing does, and what was broken is mended.
  void calm_down();
  /// Starts nodes until every type is hosted.
  void host_all();

 private:
  void next();
  void something_fails();
  void something_planned();
  void fail_process(std::uint64_t which, process& one);
  void fail_server(std::uint64_t which);
  void restart(process& one);
  void cut_off(process& one, real_time span);
  void roll_out();

  world& in_;
  const std::uint32_t nodes_;
  /// The longest pause between two things.
  real_time pause_max_{};
  bool loose_ = false;
  /// Rises each time, so that what was to be mended later is not mended twice.
  std::uint64_t era_ = 0;
};

}  // namespace aether::sim
