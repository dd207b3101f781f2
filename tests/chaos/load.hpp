#pragma once

#include <aether/cluster/node.hpp>
#include "durable_ledger.hpp"
#include "history_file.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace aether::chaos {

class list_actor;

struct load_options {
  std::uint32_t clients = 8;
  /// The first so many of them append by durable sends.
  std::uint32_t durable = 2;
  /// Lists in use at one time.
  std::uint32_t keys = 16;
  /// So many appends are tried on a list; then another takes its place.
  std::uint32_t appends_max = 250;
  /// Operations a second of all clients together, at most.
  std::uint32_t rate = 400;
  std::uint64_t seed = 1;
};

/// Clients, a thread each, that append unique numbers to lists and read them, and write down what
/// they see. An append whose outcome is unknown is now and then asked for again with its command
/// id; it stays one operation. A durable send is repeated under its id until it is stored; now and
/// then a copy goes there by `tell` or `ask`. Each client goes through one of the given nodes.
///
/// `start`, `stop` and `read_all` from one thread.
class load {
 public:
  load(const load_options& how, std::vector<node*> through, history_file& into);
  ~load();
  load(const load&) = delete;
  load& operator=(const load&) = delete;

  void start();
  /// No new operations; returns when those under way have ended, which their deadlines see to.
  void stop();

  /// Until the lists have all that durable sends have stored for them, or `deadline`.
  /// @pre after `stop`
  [[nodiscard]] durable_ledger::shortfall await_durable(
      node& fresh, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] const durable_ledger& durable() const noexcept { return durable_; }

  /// One read of every list that was ever used, through `fresh`, again until it succeeds or
  /// `deadline`.
  /// @returns the lists that could not be read.
  [[nodiscard]] std::vector<std::string> read_all(node& fresh,
                                                  std::chrono::steady_clock::time_point deadline);

  /// How often operations ended in which error.
  [[nodiscard]] std::map<std::string, std::size_t> errors() const;
  /// Asks that were not answered by their deadline nor long after it: a promise was broken.
  [[nodiscard]] std::size_t never_answered() const noexcept { return never_answered_; }

 private:
  class client;
  struct slot {
    std::string key;
    std::uint32_t generation = 0, appends = 0;
  };

  /// The list in place `slot`; a new one where its appends are used up.
  std::string choose(std::uint32_t slot, bool append);
  void note_error(errc code);
  void note_durable(durable_ledger::entry what);
  void read_once(const actor_ref<list_actor>& list, operation& made);
  void work(std::uint32_t client);
  [[nodiscard]] bool stopping() const;
  /// @returns false when it is time to stop.
  bool pause_until(std::chrono::steady_clock::time_point when);
  [[nodiscard]] static std::string name_of(std::uint32_t slot, std::uint32_t generation);

  const load_options how_;
  const std::vector<node*> through_;
  history_file& into_;
  mutable std::mutex mutex_;
  std::condition_variable stop_wanted_;
  bool stopping_ = false;
  std::vector<slot> slots_;
  std::map<std::string, std::size_t> errors_;
  durable_ledger durable_;
  std::atomic<std::int64_t> next_value_{1};
  std::atomic<std::size_t> never_answered_{0};
  std::vector<std::thread> threads_;
};

}  // namespace aether::chaos
