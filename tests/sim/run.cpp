#include "run.hpp"

#include "faults.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr real_time warm_up = 4s;
/// From the end of the last fault until all must be served: pauses and late writes end, a cluster
/// without a leader finds one, a hand-over is forced, and an ask gets through.
constexpr real_time heal_max = 45s;
constexpr real_time look_interval = 100ms;
constexpr real_time patience_max = 14s;
constexpr real_time tells_max = 1s;
/// Clients are looked after so often.
constexpr real_time tend_interval = 100ms;

/// The run under way.
const world* under_way = nullptr;
std::uint64_t seed_under_way = 0;

class course {
 public:
  explicit course(const settings& how) : how_{how}, world_{how}, fate_{world_, how.nodes} {
    under_way = &world_;
    seed_under_way = how.seed;
  }
  ~course() { under_way = nullptr; }

  report run() {
    const bool good = start() && suffer() && heal() && end();
    if (good) world_.judge.finish();
    report made;
    fill(made.how);
    if (world_.violation() || how_.keep_trace) made.trace = world_.lines.lines();
    return made;
  }

 private:
  bool start() {
    fate_.begin();
    if (!world_.run_until(warm_up)) return false;
    tend();
    return true;
  }
  /// Looks after clients and the dead, again and again.
  void tend() {
    world_.bury();
    world_.tend_clients();
    world_.time.after(tend_interval, [this] {
      if (!ended_) tend();
    });
  }
  bool suffer() {
    world_.note(happening::phase_of_run, trace::nobody, 1);
    fate_.let_loose();
    for (std::uint64_t i = 0; i < how_.steps; ++i)
      if (!world_.step()) return false;
    return true;
  }
  bool heal() {
    world_.note(happening::phase_of_run, trace::nobody, 2);
    fate_.calm_down();
    const auto calm = world_.time.now();
    while (true) {
      if (!world_.run_until(world_.time.now() + look_interval)) return false;
      const auto why = world_.disagreement();
      if (why.empty()) break;
      fate_.host_all();
      if (world_.time.now() < calm + heal_max) continue;
      world_.violated(invariant::agrees_again, why);
      return false;
    }
    if (!serve_all(calm + heal_max)) return false;
    healed_ = world_.time.now() - calm;
    return true;
  }
  /// Every actor answers somebody.
  bool serve_all(real_time until) {
    unserved_ = world_.actors().size();
    for (std::uint32_t actor = 0; actor < world_.actors().size(); ++actor) look_at(actor);
    while (unserved_ > 0) {
      if (!world_.run_until(world_.time.now() + look_interval)) return false;
      if (world_.time.now() < until) continue;
      world_.violated(invariant::serves_again, std::to_string(unserved_) + " actors do not answer");
      return false;
    }
    return true;
  }
  void look_at(std::uint32_t actor) {
    const auto homes = world_.homes();
    if (homes.empty()) return look_again(actor);
    auto& home = *homes[world_.chance.below(homes.size())];
    operation made;
    made.kind = operation_kind::look;
    made.client = ~0U;
    made.home = home.number;
    made.actor = actor;
    made.id = world_.make_command_id(home.wall());
    const auto& begun = world_.judge.begin(std::move(made));
    world_.note(happening::asked, home.number, actor, begun.number,
                static_cast<std::uint64_t>(begun.kind));
    home.commands.ask(begun, 2s, [this, actor, number = begun.number](const outcome& how) {
      world_.judge.ended(number, how);
      if (!how.code)
        --unserved_;
      else
        look_again(actor);
    });
  }
  void look_again(std::uint32_t actor) {
    world_.time.after(look_interval, [this, actor] { look_at(actor); });
  }
  bool end() {
    world_.note(happening::phase_of_run, trace::nobody, 3);
    world_.stop_clients();
    const auto until = world_.time.now() + patience_max;
    while (world_.judge.open() > 0 && world_.time.now() < until)
      if (!world_.run_until(world_.time.now() + look_interval)) return false;
    // What was told last is worked off.
    if (!world_.run_until(world_.time.now() + tells_max)) return false;
    ended_ = true;
    if (world_.judge.open() > 0)
      world_.violated(invariant::always_answered,
                      std::to_string(world_.judge.open()) + " operations");
    return !world_.violation();
  }
  void fill(verdict& made) const {
    if (const auto& what = world_.violation()) {
      made.violated = name_of(*what);
      made.sentence = sentence_of(*what);
      std::snprintf(made.detail, sizeof made.detail, "%s", world_.detail().c_str());
    }
    made.steps = world_.time.steps();
    made.hash = world_.lines.hash();
    made.virtual_seconds = std::chrono::duration<double>(world_.time.now()).count();
    made.kind = world_.kind;
    made.asks = world_.judge.asks();
    made.answered = world_.judge.answered();
    made.unknown = world_.judge.unknown();
    made.events = world_.judge.events();
    made.terms = world_.judge.terms();
    made.tables = world_.judge.tables();
    made.longest_ms = std::chrono::duration<double, std::milli>(world_.judge.longest()).count();
    made.healed_ms = std::chrono::duration<double, std::milli>(healed_).count();
  }

  const settings how_;
  world world_;
  fate fate_;
  std::size_t unserved_ = 0;
  real_time healed_{};
  bool ended_ = false;
};

}  // namespace

report run(const settings& how) {
  const auto whole = std::make_unique<course>(how);
  return whole->run();
}

void print_run_under_way() {
  if (under_way == nullptr) return;
  std::fprintf(stderr, "in seed %llu, step %llu:\n",
               static_cast<unsigned long long>(seed_under_way),
               static_cast<unsigned long long>(under_way->time.steps()));
  for (const auto& line : under_way->lines.lines()) std::fprintf(stderr, "  %s\n", line.c_str());
}

}  // namespace aether::sim
