#pragma once

#include <aether/runtime/ids.hpp>
#include <aether/runtime/log.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

/// What a handler may know of its command, besides the command and the state: the optional third
/// argument of `on`.
///
///     aether::effect<void> on(const pay& command, const state& now, const aether::command_context&
///     context);
///
/// All of it is passed in, so that a test decides what the time is and who asks. A command that is
/// decided again (after a lost race) may see another `now` and another `version`.
class command_context {
 public:
  using wall_time = std::chrono::system_clock::time_point;

  struct facts {
    /// The event version of the state that the handler sees.
    event_version version;
    command_id command;
    /// Nil where the command began its story.
    command_id correlation;
    std::shared_ptr<const actor_address> sender;
    wall_time now;
  };

  /// @param self outlives it.
  command_context(const actor_address& self, facts known)
      : self_{&self}, known_{std::move(known)} {}

  [[nodiscard]] const actor_address& self() const noexcept { return *self_; }
  /// How many events the state stands for that the handler sees; in a side effect: with those of
  /// its own command.
  [[nodiscard]] event_version version() const noexcept { return known_.version; }
  /// The actor that sent the command; null where it came from elsewhere.
  [[nodiscard]] const actor_address* sender() const noexcept { return known_.sender.get(); }
  [[nodiscard]] const command_id& command() const noexcept { return known_.command; }
  /// The command with which the story began: this one, when it is not on behalf of another.
  [[nodiscard]] const command_id& correlation() const noexcept {
    return known_.correlation.is_nil() ? known_.command : known_.correlation;
  }
  /// The wall clock of the node, read once for several commands.
  [[nodiscard]] wall_time now() const noexcept { return known_.now; }

  /// Writes a log line of component `actor` that names actor and command. Handlers may run again
  /// for the same command; side effects do not.
  void log(log::level at, std::string_view event, std::string_view detail = {}) const {
    if (!log::enabled(at)) return;
    log::write(
        at, "actor", event,
        {{"actor", to_string(*self_)}, {"command", known_.command.hex()}, {"detail", detail}});
  }

 private:
  const actor_address* self_;
  facts known_;
};

}  // namespace aether
