#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>
#include "engine/callback.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace aether::sim {

class process;
class world;

/// The event store and the snapshot store as a process reaches them: each append an
/// `append_machine`, each read a call. Handlers run in the process, later, or never if it dies.
class store_client {
 public:
  template <class T>
  using handler = callback<result<T>>;

  store_client(world& in, process& owner) : in_{in}, owner_{owner} {}

  void append(std::uint32_t actor, log_position expected, commit next, handler<log_position> done);
  void latest(std::uint32_t actor, handler<std::optional<recorded_commit>> done);
  void read(std::uint32_t actor, event_version from, std::size_t commits_max,
            handler<std::vector<recorded_commit>> done);
  void fetch(std::uint32_t actor, std::vector<stream_sequence> sequences,
             handler<std::vector<recorded_commit>> done);
  void records(std::uint32_t actor, handler<std::vector<history_record>> done);
  void save(std::uint32_t actor, snapshot taken, handler<void> done);
  void load(std::uint32_t actor, handler<std::optional<snapshot>> done);

 private:
  struct append_operation;

  template <class T, class Look>
  void call(Look look, handler<T> done);

  world& in_;
  process& owner_;
};

}  // namespace aether::sim
