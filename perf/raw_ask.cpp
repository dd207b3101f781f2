// One CAF actor that asks another: the limit of an ask within a process.

#include "raw_caf.hpp"
#include "timing.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace aether::perf {

namespace {

class raw_responder : public caf::event_based_actor {
 public:
  explicit raw_responder(caf::actor_config& config) : caf::event_based_actor{config} {}

  caf::behavior make_behavior() override {
    return {[this](const raw_add& command) {
      state_.add(command.by);
      return state_.value;
    }};
  }

 private:
  small_state state_{};
};

/// So many requests, one after the other.
struct raw_requests {
  std::uint64_t total = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, raw_requests& command) {
  return f(command.total);
}

/// Counts up `finished` after the last answer.
class raw_asker : public caf::event_based_actor {
 public:
  raw_asker(caf::actor_config& config, caf::actor whom, std::atomic<std::size_t>& finished)
      : caf::event_based_actor{config}, whom_{std::move(whom)}, done_{finished} {}

  caf::behavior make_behavior() override {
    return {[this](const raw_requests& wanted) { ask(wanted.total); }};
  }

 private:
  void ask(std::uint64_t left) {
    request(whom_, caf::infinite, raw_add{1}).then([this, left](std::int64_t) {
      if (left > 1) return ask(left - 1);
      done_.fetch_add(1, std::memory_order_release);
    });
  }

  const caf::actor whom_;
  std::atomic<std::size_t>& done_;
};

}  // namespace

double raw_round_trips_per_second(std::size_t total) {
  std::atomic<std::size_t> done{0};
  raw_config config;
  caf::actor_system system{config};
  const auto responder = system.spawn<raw_responder>();
  const auto asker = system.spawn<raw_asker>(responder, done);
  caf::anon_send(asker, raw_requests{1});
  await(done, 1);
  const auto begin = clock::now();
  caf::anon_send(asker, raw_requests{total});
  await(done, 2);
  const double rate = per_second(total, begin);
  for (const auto& one : {responder, asker}) caf::anon_send_exit(one, caf::exit_reason::kill);
  return rate;
}

}  // namespace aether::perf
