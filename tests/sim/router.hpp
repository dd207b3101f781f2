#pragma once

#include "broker.hpp"
#include "cluster/src/core/ask_machine.hpp"
#include "operation.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace aether::sim {

/// A command on its way to another node.
struct command_content : content {
  std::uint32_t actor = 0;
  std::uint64_t operation = 0;
  command_id id;
  bool repeated = false;
  /// What is left of the sender's patience.
  std::chrono::nanoseconds within{};
  any_message command;
};

struct outcome_content : content {
  explicit outcome_content(outcome from) : what{std::move(from)} {}
  outcome what;
};

/// What `cluster::router` is to a node: carries each ask through with an `ask_machine`, to the
/// actor's owner here or elsewhere.
class router {
 public:
  router(world& in, process& owner) : in_{in}, owner_{owner} {}

  void ask(const operation& what, std::chrono::nanoseconds within, callback<outcome> done);
  /// @returns why it was not sent.
  std::optional<errc> tell(const operation& what);
  std::optional<errc> tell(std::uint32_t actor, std::uint64_t number, envelope command);
  /// Sends the open asks to the new owners of the slots for which this is true.
  void owners_changed(const std::vector<bool>& slots);
  /// The node leaves.
  void stop();
  /// The process is gone: nobody waits any more.
  void drop();

 private:
  struct open_ask;
  using ask_ptr = std::shared_ptr<open_ask>;

  void carry_out(const ask_ptr& ask, cluster::ask_machine::effect effect);
  void send(const ask_ptr& ask, const cluster::ask_machine::send& attempt);
  void send_out(const ask_ptr& ask, const cluster::ask_machine::send& attempt);
  [[nodiscard]] envelope local_attempt(const ask_ptr& ask, std::uint32_t number);
  void attempt_ended(const ask_ptr& ask, std::uint32_t number, outcome how);
  void finish(const ask_ptr& ask, outcome how);

  world& in_;
  process& owner_;
  bool stopped_ = false;
  std::map<std::uint64_t, ask_ptr> open_;
};

}  // namespace aether::sim
