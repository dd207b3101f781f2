#include "stop_request.hpp"

#include <atomic>
#include <signal.h>
#include <unistd.h>

namespace flights {

namespace {

std::atomic<int> requested{0};
std::atomic<int> requests{0};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

// `timeout` and impatient users send a signal twice; the third one means it.
extern "C" void note_stop_request(int number) {
  requested = number;
  if (++requests >= 3) ::_exit(128 + number);
}

}  // namespace

void watch_for_stop_requests() {
  struct sigaction action {};
  action.sa_handler = note_stop_request;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

int stop_requested() noexcept { return requested; }

}  // namespace flights
