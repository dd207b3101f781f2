#pragma once

#include <aether/actors/command.hpp>
#include "actors/src/core/departure.hpp"
#include "actors/src/core/entity.hpp"
#include "engine/callback.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace aether::sim {

class process;
class world;

/// What `actor_host` is to a node: brings actors to life, feeds each `entity` its inbox in rounds,
/// carries out what it wants, lets go of it. As the real one, with a scheduler that takes up an
/// inbox some time later.
class host {
 public:
  host(world& in, process& owner);

  void accept(std::uint32_t slot);
  /// Its actors go at once: of what waits, asks are answered `not_owner`, tells are sent on.
  void release(std::uint32_t slot);
  /// Takes nothing more for the slot; its actors finish what waits and go, by force at the
  /// deadline.
  /// @param done once: true when all is finished.
  void drain(std::uint32_t slot, std::chrono::steady_clock::time_point deadline,
             callback<bool> done);
  [[nodiscard]] bool accepts(std::uint32_t slot) const {
    return slots_[slot].now == stage::accepted;
  }
  /// See `actor_host::set_contact_until`.
  void set_contact_until(std::chrono::steady_clock::time_point until,
                         std::chrono::steady_clock::time_point serves_until);

  /// Why not, where it is not taken; then `command` still has what it had.
  std::optional<errc> deliver(std::uint32_t actor, envelope& command);

  [[nodiscard]] bool empty() const noexcept { return resident_ == 0; }
  /// Lets go of everything, then calls `done`.
  void stop(task done);
  /// The process is gone.
  void drop();

 private:
  enum class stage : std::uint8_t { refused, accepted, draining };
  struct slot_service {
    stage now = stage::refused;
    std::uint32_t resident = 0;
    callback<bool> drained{};
    /// Rises with each drain.
    std::uint64_t drains = 0;
  };
  struct activation;
  using activation_ptr = std::shared_ptr<activation>;
  /// Another input than a command.
  using input = callback<entity&, instant, entity_effects&>;
  using any_input = std::variant<envelope, input>;

  activation& activate(std::uint32_t actor);
  void put(activation& to, any_input what);
  void resume(activation& self);
  [[nodiscard]] instant now() const;
  void carry_out_all(activation& self, entity_effects& effects);
  void leave(activation& self);
  void send_on(std::uint32_t actor, any_input& what);
  void succeed(activation& self, bool ended, std::vector<envelope> first);
  void send_away(std::uint32_t slot, departure how);
  void end_drain(std::uint32_t slot, bool clean);
  void sweep();
  template <class T>
  auto bring_back(activation& self, void (entity::*to)(T, instant, entity_effects&));

  void carry_out(activation& self, entity_effect::read_tail& wanted);
  void carry_out(activation& self, entity_effect::confirm_tail& wanted);
  void carry_out(activation& self, entity_effect::load_snapshot& wanted);
  void carry_out(activation& self, entity_effect::read_history& wanted);
  void carry_out(activation& self, entity_effect::fetch_commits& wanted);
  void carry_out(activation& self, entity_effect::read_records& wanted);
  void carry_out(activation& self, entity_effect::append& wanted);
  void carry_out(activation& self, entity_effect::save_snapshot& wanted);
  void carry_out(activation& self, entity_effect::answer& wanted);
  void carry_out(activation& self, entity_effect::act& wanted);
  void carry_out(activation& self, entity_effect::retry_later& wanted);
  void carry_out(activation& self, entity_effect::expire_at& wanted);
  void carry_out(activation& self, entity_effect::report& wanted);
  void carry_out(activation& self, entity_effect::retired& wanted);

  world& in_;
  process& owner_;
  std::vector<slot_service> slots_;
  contact contact_;
  bool stopping_ = false;
  bool sweeping_ = false;
  /// By actor; null: not in memory.
  std::vector<activation_ptr> actors_;
  std::size_t resident_ = 0;
};

}  // namespace aether::sim
