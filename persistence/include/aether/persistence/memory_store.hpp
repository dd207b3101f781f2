#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <memory>

namespace aether {

/// Histories and snapshots in this process's memory: for tests and for a single node without NATS.
/// Gone with the object. Handlers are called from within each call.
class memory_event_store final : public event_store {
 public:
  memory_event_store();
  ~memory_event_store() override;
  void append(const actor_address& address, log_position expected, commit next,
              append_handler handler) override;
  void read(const actor_address& address, event_version from, stream_sequence after,
            std::size_t commits_max, read_handler handler) override;
  void latest(const actor_address& address, latest_handler handler) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

class memory_snapshot_store final : public snapshot_store {
 public:
  memory_snapshot_store();
  ~memory_snapshot_store() override;
  void save(const actor_address& address, snapshot taken, save_handler handler) override;
  void load(const actor_address& address, load_handler handler) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
