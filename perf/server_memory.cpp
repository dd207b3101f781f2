// What an actor costs the server in memory, however long ago it was used.

#include "benchmarks.hpp"
#include "raw_nats.hpp"
#include "stores.hpp"
#include "tests/support/nats_server.hpp"

#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace aether::perf {

namespace {

constexpr std::ptrdiff_t window = 4'000;

double resident_bytes(pid_t process) {
  std::ifstream file{"/proc/" + std::to_string(process) + "/statm"};
  std::size_t whole = 0, resident = 0;
  if (!(file >> whole >> resident)) throw std::runtime_error{"the server is gone"};
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void store_one_commit_each(const std::string& url, std::string_view type, std::size_t actors) {
  const stores to{url};
  auto all = histories(type, actors);
  writer out{*to.events, window};
  for (auto& one : all) out.append(one);
  out.finish();
}

/// What each of `actors` adds to a server, as it is after `fill` and after a restart.
struct weight {
  double used = 0;
  double restarted = 0;
};

template <class Fill>
weight weigh(std::size_t actors, Fill&& fill) {
  testing_support::nats_server server;
  fill(server, std::size_t{1});  // streams and connections are not what is asked about
  const double before = resident_bytes(server.pid());
  fill(server, actors);
  const double after = resident_bytes(server.pid());
  server.stop();
  server.restart();
  const double restarted = resident_bytes(server.pid());
  if (const auto kept = raw_connection{server.url()}.stored(); kept < actors)
    throw std::runtime_error{"the server holds only " + std::to_string(kept) + " messages"};
  const auto each = [&](double now) { return (now - before) / static_cast<double>(actors); };
  return {each(after), each(restarted)};
}

}  // namespace

benchmark server_bytes_per_actor(const scale& scale) {
  const std::size_t actors = scale.of(1'000'000);
  const series raw_restarted, restarted;
  const auto raw = [=] {
    const auto found = weigh(actors, [](const auto& server, std::size_t count) {
      raw_connection connection{server.url()};
      connection.make_streams(8);
      (void)connection.publish({.subjects = count, .window = window, .total = count});
    });
    raw_restarted.add(found.restarted);
    return found.used;
  };
  const auto ours = [=] {
    const auto found = weigh(actors, [](const auto& server, std::size_t count) {
      store_one_commit_each(server.url(), count == 1 ? "first" : "counter", count);
    });
    restarted.add(found.restarted);
    return found.used;
  };
  return {.unit = "bytes",
          .lower_is_better = true,
          .limit = raw,
          .subject = ours,
          .remark =
              [=] {
                return "after a restart of the server: " + restarted.text() + " bytes, raw " +
                       raw_restarted.text();
              },
          .pairs_cold = scale.quick ? 1U : 3U};
}

}  // namespace aether::perf
