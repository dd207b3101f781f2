#include "election_candidate.hpp"

#include <aether/runtime/log.hpp>

#include <exception>
#include <future>
#include <utility>
#include <variant>

namespace aether::cluster {

namespace {

using steady = std::chrono::steady_clock;

constexpr int ticks_per_lease = 20;
constexpr int margin_divisor = 8;
/// Candidates wait up to this part of the lease longer, each as chance has it.
constexpr int jitter_divisor = 20;
constexpr int preparations_per_lease = 4;
constexpr int leave_timeout_divisor = 2;

lease_options machine_options(const node_id& candidate, duration lease) {
  return {.node = candidate,
          .incarnation = incarnation_id::make(),
          .ttl = lease,
          .margin = lease / margin_divisor};
}

}  // namespace

election_candidate::election_candidate(std::string name, std::chrono::milliseconds lease,
                                       node_id candidate, std::unique_ptr<lease_register> where,
                                       election_handlers handlers)
    : name_{std::move(name)},
      lease_{lease},
      candidate_{std::move(candidate)},
      register_{std::move(where)},
      handlers_{std::move(handlers)},
      machine_{machine_options(candidate_, lease_)},
      random_{std::random_device{}()} {}

void election_candidate::start() {
  post({}, [this] { prepare(); });
}

// `clock_` is this object's own and stopped by `leave`, so that a task never outlives it.
void election_candidate::post(duration delay, task what) {
  clock_.after(delay, [this, what = std::move(what)]() mutable {
    const std::lock_guard gate{gate_};
    what();
  });
}

void election_candidate::prepare() {
  const auto weak = weak_from_this();
  auto announced = [weak] {
    const auto self = weak.lock();
    if (self) self->post({}, [raw = self.get()] { raw->look_again(); });
  };
  auto ready = [weak](result<void> outcome) {
    const auto self = weak.lock();
    if (self)
      self->post({}, [raw = self.get(), outcome = std::move(outcome)] { raw->prepared(outcome); });
  };
  register_->prepare(std::move(announced), std::move(ready));
}

void election_candidate::prepared(const result<void>& ready) {
  note(ready ? nullptr : &ready.error());
  if (ready) return tick();
  post(lease_ / preparations_per_lease, [this] { prepare(); });
}

void election_candidate::tick() {
  advance();
  post(lease_ / ticks_per_lease, [this] { tick(); });
}

void election_candidate::advance() {
  const duration longest = lease_ / jitter_divisor;
  const duration jitter{std::uniform_int_distribution<duration::rep>{0, longest.count()}(random_)};
  apply(machine_.tick(steady::now(), jitter, true));
}

void election_candidate::look_again() {
  if (machine_.leading(steady::now())) return;
  machine_.read_soon();
  advance();
}

void election_candidate::apply(const lease_machine::effects& todo) {
  const bool leads = machine_.current() == lease_machine::phase::leading;
  const auto until = leads ? machine_.deadline().time_since_epoch() : duration::min();
  term_ = machine_.term();  // first, so that who sees `leading` sees its term
  leading_until_ = until.count();
  for (const auto& one : todo) std::visit([this](const auto& effect) { carry_out(effect); }, one);
}

void election_candidate::carry_out(lease_machine::read) {
  register_->read([weak = weak_from_this()](result<lease_state> found) {
    const auto self = weak.lock();
    if (self)
      self->post({}, [raw = self.get(), found = std::move(found)] { raw->read_done(found); });
  });
}

void election_candidate::read_done(const result<lease_state>& found) {
  note(found ? nullptr : &found.error());
  apply(machine_.read_done(found ? std::optional{*found} : std::nullopt, steady::now()));
}

void election_candidate::carry_out(const lease_machine::write& effect) {
  const bool releases = effect.record.holder.empty();
  auto written = [weak = weak_from_this(), releases](write_result done) {
    const auto self = weak.lock();
    if (self)
      self->post({}, [raw = self.get(), done, releases] { raw->write_done(done, releases); });
  };
  register_->write(effect.expected, effect.record, std::move(written));
}

void election_candidate::write_done(const write_result& done, bool released) {
  if (released && done.outcome == write_outcome::stored) register_->announce();
  apply(machine_.write_done(done, steady::now()));
}

void election_candidate::carry_out(const lease_machine::elected& effect) {
  log::info("election", "elected",
            {{"election", name_}, {"candidate", candidate_.str()}, {"term", effect.term}});
  register_->announce();
  if (handlers_.on_elected) call([this, term = effect.term] { handlers_.on_elected(term); });
}

void election_candidate::carry_out(const lease_machine::deposed& effect) {
  log::info("election", "deposed",
            {{"election", name_},
             {"candidate", candidate_.str()},
             {"term", effect.term},
             {"reason", effect.reason}});
  if (handlers_.on_deposed)
    call([this, effect] { handlers_.on_deposed(effect.term, effect.reason); });
}

void election_candidate::carry_out(lease_machine::stopped) { stopped_.notify_all(); }

void election_candidate::call(task handler) {
  calls_.after({}, [this, handler = std::move(handler)]() mutable {
    calls_thread_ = std::this_thread::get_id();
    try {
      return handler();
    } catch (const std::exception& thrown) {
      log::error("election", "handler_threw", {{"election", name_}, {"what", thrown.what()}});
    } catch (...) {
      log::error("election", "handler_threw",
                 {{"election", name_}, {"what", "not a std::exception"}});
    }
  });
}

/// Once for each reason: the same is tried many times a second.
void election_candidate::note(const error* problem) {
  const bool news = problem != nullptr && (!problem_ || problem_->text() != problem->text());
  problem_ = problem == nullptr ? std::nullopt : std::optional{*problem};
  if (news)
    log::warn("election", "unreachable",
              {{"election", name_}, {"candidate", candidate_.str()}, {"why", problem->message()}});
}

bool election_candidate::leading() const noexcept {
  return steady::now().time_since_epoch().count() < leading_until_;
}

std::optional<std::string> election_candidate::leader() const {
  const std::lock_guard gate{gate_};
  const auto holder = machine_.holder(steady::now());
  return holder ? std::optional{std::string{*holder}} : std::nullopt;
}

std::optional<error> election_candidate::problem() const {
  const std::lock_guard gate{gate_};
  return problem_;
}

void election_candidate::resign() {
  const std::lock_guard gate{gate_};
  apply(machine_.resign(steady::now()));
}

void election_candidate::leave() {
  AETHER_ASSERT(calls_thread_.load() != std::this_thread::get_id() && "not from a handler");
  const std::lock_guard once{leave_mutex_};
  if (std::exchange(left_, true)) return;
  {
    std::unique_lock gate{gate_};
    apply(machine_.leave(steady::now()));
    stopped_.wait_for(gate, lease_ / leave_timeout_divisor,
                      [this] { return machine_.current() == lease_machine::phase::stopped; });
  }
  clock_.stop();
  std::promise<void> all_called;
  calls_.after({}, [&all_called] { all_called.set_value(); });
  all_called.get_future().wait();
  calls_.stop();
  handlers_ = {};  // nothing that they hold is to outlive the election
}

}  // namespace aether::cluster
