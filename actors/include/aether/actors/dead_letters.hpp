#pragma once

#include <aether/runtime/error.hpp>
#include <aether/runtime/ids.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace aether {

/// A command that ended with an error other than `rejected`, or was refused, and nobody was there
/// to be told. An ask never ends so: its sender is told; nor does a `tell` that returns its error.
/// A durable send without an outcome's name ends so when it is rejected, too.
/// `why` says whether anything was persisted; see `errc`.
struct dead_letter {
  actor_address to;
  command_id id;
  command_id correlation;
  /// Wire name of the command.
  std::string command;
  error why;
};

/// Counts what could not be delivered, and shows it to who wants to see it. Logs the first one
/// (`dead_letter`), and then at most one a second, with the number of those between. Thread-safe.
class dead_letters {
 public:
  using handler = std::function<void(const dead_letter&)>;

  /// Ends the subscription with its own end, and waits then for a call that is under way (not
  /// within one: that would be for ever).
  class [[nodiscard]] subscription {
   public:
    subscription() = default;
    /// For `dead_letters`.
    explicit subscription(std::shared_ptr<void> held) : held_{std::move(held)} {}

   private:
    std::shared_ptr<void> held_;
  };

  dead_letters();
  ~dead_letters();
  dead_letters(const dead_letters&) = delete;
  dead_letters& operator=(const dead_letters&) = delete;

  /// @param observer called for each later one, one at a time, on the thread on which the command
  ///        ended: hands over and returns, sends nothing itself. What it throws is swallowed.
  subscription subscribe(handler observer);
  void publish(const dead_letter& letter);
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace aether
