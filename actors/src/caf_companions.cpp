#include "caf_companions.hpp"

#include <aether/runtime/log.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <exception>
#include <string>
#include <utility>

namespace aether {

/// Work on its way to a companion: CAF messages can be copied, work cannot.
struct companion_work {
  std::shared_ptr<companions::work> what;
};

}  // namespace aether

template <>
struct caf::allowed_unsafe_message_type<aether::companion_work> : std::true_type {};

namespace aether {

namespace {

std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

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
    return {[this](const companion_work& work) {
      try {
        (*work.what)(*this);
      } catch (...) {
        tell_of(std::current_exception());  // the next work is none the worse for it
      }
    }};
  }
  void on_exit() override { *ended_ = true; }
  const char* name() const override { return "aether.companion"; }

 private:
  void tell_of(const std::exception_ptr& thrown) const {
    log::error("actor", "companion_threw", {{"actor", to_string(of_)}, {"what", text_of(thrown)}});
  }

  const actor_address of_;
  const std::shared_ptr<std::atomic<bool>> ended_;
};

}  // namespace

companions::key companions::give(key known, const actor_address& of, work what,
                                 caf::actor_system& in) {
  const std::lock_guard lock{mutex_};
  if (closed_) return 0;
  auto found = all_.find(known);
  if (found != all_.end() && *found->second.ended) {
    all_.erase(found);
    found = all_.end();
  }
  if (found == all_.end()) {
    auto ended = std::make_shared<std::atomic<bool>>(false);
    auto made = in.spawn<companion, caf::hidden>(of, ended);
    found = all_.emplace(++last_, one{std::move(made), std::move(ended)}).first;
  }
  caf::anon_send(found->second.actor, companion_work{std::make_shared<work>(std::move(what))});
  return found->first;
}

void companions::dismiss(key known) {
  const std::lock_guard lock{mutex_};
  const auto found = all_.find(known);
  if (found == all_.end()) return;
  caf::anon_send_exit(found->second.actor, caf::exit_reason::user_shutdown);
  all_.erase(found);
}

void companions::close() {
  const std::lock_guard lock{mutex_};
  closed_ = true;
  for (const auto& [known, each] : all_)
    caf::anon_send_exit(each.actor, caf::exit_reason::user_shutdown);
  all_.clear();
}

}  // namespace aether
