#include "process.hpp"

#include "world.hpp"

#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

/// How far two clocks drift apart at most, together: what the lease allows for is more.
constexpr double drift_max = 0.01;
constexpr std::chrono::hours clock_begins{1};
constexpr std::chrono::sys_days wall_begins{std::chrono::year{2026} / 1 / 1};
/// Wall clocks differ so much: where all is well, and where nobody looks after them.
constexpr real_time wall_offset_good = 3ms;
constexpr real_time wall_offset_bad = 30s;
/// How long a leaving node waits until others have its slots.
constexpr std::chrono::seconds drain_timeout{10};
/// How long one that was evicted goes on answering before it ends.
constexpr std::chrono::seconds evicted_for{15};

}  // namespace

process::process(world& world_of, std::uint32_t its_number, std::uint32_t its_node,
                 std::uint32_t its_weight, std::uint32_t its_types)
    : in{world_of},
      number{its_number},
      node{its_node},
      weight{its_weight},
      hosts{its_types},
      link{in, *this},
      store{in, *this},
      actors{in, *this},
      commands{in, *this},
      commands_in{in, *this},
      owned{in, *this},
      core{in, *this},
      rate_{in.drifting() ? 1 + (in.chance.fraction() * 2 - 1) * drift_max : 1},
      offset_{in.chance.between(0s, 100s)},
      wall_offset_{in.chance.between(0s, in.planned() ? wall_offset_good : wall_offset_bad)} {}

std::chrono::steady_clock::time_point process::clock() const {
  const auto own = static_cast<std::int64_t>(static_cast<double>(in.time.now().count()) * rate_);
  return std::chrono::steady_clock::time_point{clock_begins} + offset_ +
         std::chrono::nanoseconds{own};
}

std::chrono::system_clock::time_point process::wall() const {
  return std::chrono::system_clock::time_point{wall_begins} + wall_offset_ +
         (clock() - std::chrono::steady_clock::time_point{});
}

bool process::paused() const { return in.time.now() < paused_until_; }

void process::start() {
  in.note(happening::process_started, number, node, weight);
  link.open();
  owned.start();
  core.start();
}

void process::kill() {
  if (!std::exchange(alive, false)) return;
  for (std::uint32_t slot = 0; slot < in.slots(); ++slot) in.judge.serves_no_more(*this, slot);
  in.note(happening::process_killed, number);
  link.close();
  waiting_messages_.clear();
  waiting_timers_.clear();
  waiting_to_leave_.clear();
  actors.drop();
  commands.drop();
}

void process::pause(real_time span) {
  if (!alive) return;
  in.note(happening::process_paused, number, static_cast<std::uint64_t>(span / 1ms));
  paused_until_ = std::max(paused_until_, in.time.now() + span);
  in.time.at(paused_until_, [this] { resume(); });
}

void process::resume() {
  if (!alive || paused()) return;
  in.note(happening::process_resumed, number);
  for (auto& one : std::exchange(waiting_to_leave_, {})) one();
  auto messages = std::exchange(waiting_messages_, {});
  auto timers = std::exchange(waiting_timers_, {});
  const bool timers_first = in.chance.coin();
  for (auto* waiting : {timers_first ? &timers : &messages, timers_first ? &messages : &timers}) {
    const bool are_timers = waiting == &timers;
    for (auto& one : *waiting)
      in.time.after({}, [this, are_timers, one = std::move(one)]() mutable {
        if (!alive) return;
        if (paused())
          (are_timers ? waiting_timers_ : waiting_messages_).push_back(std::move(one));
        else
          one();
      });
  }
}

void process::when_running(task what) {
  if (!alive) return;
  if (paused())
    waiting_messages_.push_back(std::move(what));
  else
    what();
}

void process::after(std::chrono::nanoseconds own, task what) {
  const auto real =
      real_time{static_cast<std::int64_t>(static_cast<double>(own.count()) / rate_) + 1};
  in.time.after(real, [this, what = std::move(what)]() mutable {
    if (!alive) return;
    if (paused())
      waiting_timers_.push_back(std::move(what));
    else
      what();
  });
}

void process::at(std::chrono::steady_clock::time_point own, task what) {
  after(own - clock(), std::move(what));
}

void process::send(task what) {
  if (!alive) return;
  if (paused() || !waiting_to_leave_.empty())
    waiting_to_leave_.push_back(std::move(what));
  else
    what();
}

void process::write_is_due() {
  if (stop_for_ > real_time{}) pause(std::exchange(stop_for_, {}));
}

void process::arrived(const message& what) {
  when_running([this, what] { dispatch(what); });
}

void process::dispatch(const message& what) {
  switch (what.to.what) {
    case subject::kind::heartbeats:
    case subject::kind::node:
    case subject::kind::process:
      return core.arrived(what);
    case subject::kind::commands:
      return commands_in.arrived(what);
    case subject::kind::hand_over:
      return owned.asked(what);
    case subject::kind::inbox:
      return link.answered(what);
    case subject::kind::none:
      return;
  }
}

void process::session_ended(broker::session& which) {
  when_running([this, &which] { link.lost(which); });
}

void process::connection_changed(bool connected) { core.connection_changed(connected); }

void process::inbox_is_listened_on() { link.listen({subject::kind::inbox, number}); }

void process::leave() {
  when_running([this] {
    if (done || std::exchange(leaving, true)) return;
    in.note(happening::leaving_announced, number);
    leave_by_ = clock() + drain_timeout;
    core.announce_leaving();
    look_whether_gone();
  });
}

void process::look_whether_gone() {
  if (done) return;
  if (!owned.empty() && clock() < leave_by_ && core.someone_else_is_up())
    return after(20ms, [this] { look_whether_gone(); });
  owned.stop();
  // What the server had sent until now is with the actors then.
  link.flush(2s, [this](bool) {
    if (!done) actors.stop([this] { core.leave(); });
  });
}

void process::evicted() {
  in.note(happening::process_refused, number);
  done = true;
  owned.abandon();
  after(evicted_for, [this] { has_left(); });
}

void process::has_left() {
  in.note(happening::process_left, number);
  done = true;
  commands.stop();
  alive = false;
  link.close();
  actors.drop();
}

}  // namespace aether::sim
