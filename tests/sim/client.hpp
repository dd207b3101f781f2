#pragma once

#include "operation.hpp"

#include <cstdint>
#include <set>

namespace aether::sim {

class process;
class world;

/// A program within some process that asks and tells: one thing after another, or several at once.
/// When its process dies, it goes on in another, and never learns what became of what it sent.
class client {
 public:
  client(world& in, std::uint32_t number);

  /// Lives in that process from now on.
  void move_to(process& next);
  [[nodiscard]] bool lives() const;
  [[nodiscard]] const process* home() const noexcept { return home_; }
  /// Begins nothing any more.
  void stop() noexcept { stopped_ = true; }

 private:
  void act();
  void begin_one();
  void ask(const operation& what);

  world& in_;
  const std::uint32_t number_;
  const std::size_t at_once_;
  process* home_ = nullptr;
  /// Rises with each move: what was begun before is of no concern any more.
  std::uint64_t life_ = 0;
  bool stopped_ = false;
  std::set<std::uint64_t> open_;
};

}  // namespace aether::sim
