#pragma once

#include "caf_host_core.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace aether {

/// Makes room: asks the idle actors that were used longest ago to leave, until a sixteenth of the
/// bounds is free. Looks at one stripe of the registry at a time, each in a turn of the timers'
/// thread, so that with a million actors nobody waits long for either.
class eviction final : public std::enable_shared_from_this<eviction> {
 public:
  explicit eviction(std::weak_ptr<host_core> host) : host_{std::move(host)} {}
  void start(timers& clock);

 private:
  struct candidate {
    std::chrono::milliseconds unused;
    std::uint32_t last_used;
    std::uint32_t weight;
    activation_ptr actor;
  };

  /// Actors that are sent away in one turn.
  static constexpr std::size_t turn_max = 256;
  /// After an eviction that could not make the room that was wanted, nobody looks for so long, or
  /// for so many times what it took: the same actors would be busy still.
  static constexpr std::chrono::milliseconds rest_min{10};
  static constexpr unsigned rest_factor = 4;

  void next_turn(timers& clock);
  /// One turn; each returns whether there is another.
  void go_on(host_core& host);
  bool look_at_next(host_core& host);
  bool send_some_away(host_core& host);
  void no_longer_wanted(std::uint64_t actors, std::uint64_t memory);
  /// How long to let be now.
  [[nodiscard]] std::chrono::milliseconds rest() const;

  std::weak_ptr<host_core> host_;
  std::size_t next_stripe_ = 0;
  std::chrono::steady_clock::time_point began_{};
  /// Once all are found, a heap: unused longest on top.
  std::vector<candidate> candidates_;
  /// How many, and how many bytes, are leaving already.
  std::uint64_t leaving_ = 0;
  std::uint64_t leaving_memory_ = 0;
  bool sent_any_ = false;
  /// How many, and how many bytes, are still too many.
  std::uint64_t actors_ = 0;
  std::uint64_t memory_ = 0;
};

}  // namespace aether
