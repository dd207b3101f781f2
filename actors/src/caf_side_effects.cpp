#include "caf_side_effects.hpp"

#include <aether/actors/caf.hpp>
#include <aether/runtime/log.hpp>

#include <algorithm>
#include <utility>

namespace aether {

/// Work on its way to a companion: CAF messages can be copied, work cannot.
struct companion_work {
  std::shared_ptr<detail::effect_runtime::caf_work> what;
};

}  // namespace aether

template <>
struct caf::allowed_unsafe_message_type<aether::companion_work> : std::true_type {};

namespace aether {

namespace {

class companion final : public caf::event_based_actor {
 public:
  companion(caf::actor_config& config, actor_address of, std::shared_ptr<std::atomic<bool>> ended)
      : caf::event_based_actor{config}, of_{std::move(of)}, ended_{std::move(ended)} {
    set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
      tell_of(thrown);
      return caf::exit_reason::unhandled_exception;
    });
  }
  caf::behavior make_behavior() override {
    return {[this](const companion_work& work) { (*work.what)(*this); }};
  }
  void on_exit() override { *ended_ = true; }
  const char* name() const override { return "aether.companion"; }

 private:
  void tell_of(const std::exception_ptr& thrown) const {
    std::string what = "an exception of unknown type";
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
      what = known.what();
    } catch (...) {
    }
    log::error("actor", "companion_threw", {{"actor", to_string(of_)}, {"what", what}});
  }

  const actor_address of_;
  const std::shared_ptr<std::atomic<bool>> ended_;
};

}  // namespace

actor_belongings::~actor_belongings() {
  if (companion_) caf::anon_send_exit(companion_, caf::exit_reason::user_shutdown);
}

std::optional<envelope> actor_belongings::timer_ended(std::uint64_t turn) {
  const auto found =
      std::ranges::find(timers_, turn, [](const auto& named) { return named.second.turn; });
  if (found == timers_.end()) return std::nullopt;
  auto command = std::move(found->second.command);
  timers_.erase(found);
  return command;
}

actor_belongings& side_effects::belongings() {
  if (!with_) with_ = std::make_unique<actor_belongings>();
  return *with_;
}

std::shared_ptr<const actor_address> side_effects::self() {
  auto& mine = belongings().address_;
  if (!mine) mine = std::make_shared<const actor_address>(of_.self);
  return mine;
}

side_effects::to_self side_effects::self_sender() {
  return [host = host_.shared_from_this(), to = self()](envelope command) {
    host->deliver_home(*to, std::move(command));
  };
}

void side_effects::start_timer(std::string name, std::chrono::milliseconds delay,
                               envelope command) {
  auto& mine = belongings();
  const std::uint64_t turn = ++mine.turns_;
  mine.timers_.insert_or_assign(std::move(name), actor_belongings::timer{turn, std::move(command)});
  host_.clock.after(delay, [host = host_.shared_from_this(), to = activation_ptr{&of_}, turn] {
    host->post(to, entity_input::timer{turn});
  });
}

void side_effects::cancel_timer(std::string_view name) {
  auto& timers = belongings().timers_;
  if (const auto found = timers.find(name); found != timers.end()) timers.erase(found);
}

void side_effects::in_caf(caf_work work) {
  auto& mine = belongings();
  if (!mine.companion_ || *mine.companion_ended_) {
    mine.companion_ended_ = std::make_shared<std::atomic<bool>>(false);
    mine.companion_ = host_.system().spawn<companion, caf::hidden>(of_.self, mine.companion_ended_);
  }
  caf::anon_send(mine.companion_, companion_work{std::make_shared<caf_work>(std::move(work))});
}

}  // namespace aether
