#pragma once

#include "clock.hpp"
#include "heartbeat.hpp"
#include "hosted_types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace aether::cluster {

/// How a process becomes a member: listens first, then says that it is up.
///
///     idle --start--> observing --own heartbeat heard, some time, types compared--> announcing
///     announcing --own heartbeat heard as up--> joined
///     observing --node id in use | incompatible types--> refused
///     announcing|joined --a later process with the same node id is up--> refused
///
/// It does not ask for the types of a node whose fingerprint equals its own, and compares each
/// other fingerprint once. A node of weight 0 hosts nothing and is not compared. Nodes may host
/// different types; of a type that both host, it must know what the other knows.
///
/// Pure: no clock, no I/O, no threads.
class join_machine {
 public:
  enum class phase { idle, observing, announcing, joined, refused };

  struct options {
    node_id node;
    incarnation_id incarnation;
    std::uint32_t weight = 0;
    std::vector<hosted_type> types;
    /// How long it listens after it heard itself; those that are there answer at once.
    duration observe{};
    duration heartbeat{};
  };

  /// Answer with `types_answer`.
  struct ask_types {
    node_id of;
  };
  /// Say `up` from now on, at once.
  struct announce {};
  struct joined {};
  /// Be silent from now on.
  struct refused {
    error why;
  };
  using effect = std::variant<ask_types, announce, joined, refused>;
  using effects = std::vector<effect>;

  explicit join_machine(options how);

  void start();
  [[nodiscard]] effects heard(const heartbeat& from, time_point now);
  /// @param types none: no answer came.
  [[nodiscard]] effects types_answer(const node_id& of,
                                     const std::optional<std::vector<hosted_type>>& types);
  [[nodiscard]] effects tick(time_point now);

  [[nodiscard]] phase current() const noexcept { return phase_; }

 private:
  /// A fingerprint that still has to be compared, and who has it.
  struct unknown_types {
    node_id of;
    time_point last_heard;
    bool asked = false;
  };

  void enter(phase next);
  void heard_self(const heartbeat& from, time_point now, effects& out);
  void heard_same_id(const heartbeat& from, effects& out);
  void heard_other(const heartbeat& from, time_point now, effects& out);
  void refuse(error why, effects& out);

  options options_;
  std::uint64_t own_hash_;
  phase phase_ = phase::idle;
  std::optional<time_point> observed_until_;
  std::map<std::uint64_t, unknown_types> to_compare_;
  std::set<std::uint64_t> compared_;
};

}  // namespace aether::cluster
