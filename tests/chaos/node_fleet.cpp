#include "node_fleet.hpp"

#include "examples/flights/stop_request.hpp"

#include <algorithm>
#include <signal.h>
#include <thread>
#include <utility>

namespace aether::chaos {

namespace {

using namespace std::chrono_literals;

/// One that ends at once is not started in a tight loop.
constexpr auto restart_pause = 300ms;
constexpr auto look_interval = 10ms;
constexpr std::size_t mishaps_max = 20;

}  // namespace

node_fleet::node_fleet(std::vector<node_command> nodes) {
  for (node_command& one : nodes) members_.push_back({.command = std::move(one)});
}

void node_fleet::tick() {
  for (member& one : members_) look_after(one);
}

void node_fleet::look_after(member& one) {
  const auto now = clock::now();
  if (one.process && one.process->ended(now)) note_end(one);
  if (one.process && one.ends_by && now >= *one.ends_by) {
    mishaps_.push_back(one.command.name + " did not leave in time and was killed" +
                       flights::tail_of(one.command.log));
    kill(static_cast<std::uint32_t>(&one - members_.data()));
  }
  if (!one.process && !one.held && now >= one.start_after) start(one);
}

void node_fleet::start(member& one) {
  one.ready = false;
  one.ends_by.reset();
  one.start_after = clock::now() + restart_pause;
  auto started =
      flights::child_process::start({"/proc/self/exe", one.command.arguments, one.command.log});
  if (started)
    one.process.emplace(std::move(*started));
  else
    mishaps_.push_back(one.command.name + ": " + started.error());
}

void node_fleet::note_end(member& one) {
  // Status 1 says that something had to be dropped, as where no server could be reached.
  const bool in_order = one.ends_by && one.process->ending().starts_with("exit status ");
  if (!in_order && mishaps_.size() < mishaps_max)
    mishaps_.push_back(one.command.name + " ended " + (one.ends_by ? "with " : "by itself, ") +
                       one.process->ending() + flights::tail_of(one.command.log));
  one.process.reset();
  one.ready = false;
  one.start_after = clock::now() + restart_pause;
}

or_error<void> node_fleet::await_ready(clock::time_point deadline) {
  for (;;) {
    tick();
    bool all = true;
    for (member& one : members_) {
      if (one.process && !one.ready) {
        const auto said = one.process->report(clock::now() + look_interval);
        one.ready = said && *said == "ready";
      }
      all = all && one.process && one.ready;
    }
    if (all) return {};
    if (flights::stop_requested() != 0) return std::unexpected("interrupted");
    if (clock::now() >= deadline || mishaps_.size() >= mishaps_max)
      return std::unexpected("not every node has joined" + logs());
    std::this_thread::sleep_for(look_interval);
  }
}

void node_fleet::kill(std::uint32_t i) {
  member& one = members_.at(i);
  one.held = true;
  one.process.reset();  // kills
  one.ready = false;
}

void node_fleet::leave(std::uint32_t i) {
  member& one = members_.at(i);
  one.held = true;
  if (!one.process) return;
  // One that has not joined yet answers no SIGTERM before it has: to it this is a kill.
  if (!one.ready) one.ready = one.process->report(clock::now() + 1ms).has_value();
  if (!one.ready) return kill(i);
  one.ends_by = clock::now() + leave_limit;
  one.process->signal(SIGTERM);
}

void node_fleet::resume(std::uint32_t i) { members_.at(i).held = false; }

void node_fleet::stop(std::uint32_t i) {
  if (const auto& process = members_.at(i).process) process->signal(SIGSTOP);
}

void node_fleet::go_on(std::uint32_t i) {
  if (const auto& process = members_.at(i).process) process->signal(SIGCONT);
}

void node_fleet::heal() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    go_on(i);
    resume(i);
  }
}

void node_fleet::end() {
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    go_on(i);
    leave(i);
  }
  const auto running = [](const member& one) { return one.process.has_value(); };
  while (std::ranges::any_of(members_, running)) {
    tick();
    std::this_thread::sleep_for(look_interval);
  }
}

std::string node_fleet::logs() const {
  std::string out;
  for (const member& one : members_)
    out += "\n  " + one.command.name + flights::tail_of(one.command.log);
  return out;
}

}  // namespace aether::chaos
