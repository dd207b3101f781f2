// Processes that compete to lead, without a node or an actor. Start it several times:
//
//     nats-server -js &
//     election --node a      election --node b      election --node c
//
// End the leader with Ctrl-C, and another leads at once; with kill -9, and another leads when the
// lease has run out. Takes --nats, --namespace, --prefix, --node and --log-* of a node's options.

#include <aether/cluster/leader_election.hpp>
#include <aether/runtime/options.hpp>

#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <string>

namespace {

using aether::cluster::leader_election;

/// Blocked before there is any thread, so that only `sigtimedwait` sees them.
sigset_t block_end_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

int failed(const aether::error& why) {
  std::fprintf(stderr, "election: %s\n", why.message().c_str());
  return 1;
}

/// Prints who leads, whenever that changes, until one of the signals comes.
void watch(const leader_election& election, const sigset_t& ends) {
  constexpr timespec between_looks{.tv_sec = 0, .tv_nsec = 100'000'000};
  std::string shown = "-";
  while (sigtimedwait(&ends, nullptr, &between_looks) < 0) {
    const auto leader = election.leader().value_or("");
    if (leader == shown) continue;
    shown = leader;
    std::printf("leader: %s\n", leader.empty() ? "nobody, as far as known" : leader.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto ends = block_end_signals();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto given = aether::options::from(argc, argv);
  aether::log::configure({given.log_level, given.log_format});
  auto how = aether::nats_options::of(given);
  if (how.url.empty()) how.url = "nats://127.0.0.1:4222";
  auto connection = aether::nats_connection::open(how);
  if (!connection) return failed(connection.error());

  const auto election = leader_election::enter(
      *connection,
      {.name = "example", .candidate = given.node, .ns = given.ns, .prefix = given.prefix},
      {.on_elected = [](std::uint64_t term) { std::printf("I lead, term %" PRIu64 "\n", term); },
       .on_deposed =
           [](std::uint64_t term, std::string_view reason) {
             std::printf("I no longer lead in term %" PRIu64 ": %.*s\n", term,
                         static_cast<int>(reason.size()), reason.data());
           }});
  if (!election) return failed(election.error());
  watch(*election, ends);
  return 0;  // `election` leaves: who led has handed over
}
