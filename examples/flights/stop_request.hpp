#pragma once

namespace flights {

/// From here on SIGINT, SIGTERM and SIGHUP ask the program to stop in order, and SIGPIPE is
/// ignored. The third such signal ends it at once. Call once, from the main thread.
void watch_for_stop_requests();

/// The signal that asked us to stop, 0 when none did. Whatever waits looks here at least ten times
/// a second. Any thread.
[[nodiscard]] int stop_requested() noexcept;

}  // namespace flights
