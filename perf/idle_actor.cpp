// What one actor costs that is in memory and has nothing to do.

#include <aether/actors/actor_host.hpp>
#include "benchmarks.hpp"
#include "child.hpp"
#include "commands.hpp"
#include "raw_caf.hpp"
#include "timing.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <fstream>
#include <malloc.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace aether::perf {

namespace {

struct wide_state : eight_numbers {
  void add(std::int64_t by) { values[0] += by; }
};

/// Stores nothing, so that only the actor is weighed.
class forgetful_events final : public event_store {
 public:
  void append(const actor_address&, log_position, commit next, append_handler handler) override {
    handler(log_position{next.last(), stream_sequence{++appended}});
  }
  void read(const actor_address&, event_version, stream_sequence, std::size_t,
            read_handler handler) override {
    handler(std::vector<recorded_commit>{});
  }
  void fetch(const actor_address&, std::vector<stream_sequence>, read_handler handler) override {
    handler(std::vector<recorded_commit>{});
  }
  void latest(const actor_address&, latest_handler handler) override { handler(std::nullopt); }
  void records(const actor_address&, records_handler handler) override {
    handler(std::vector<history_record>{});
  }
  [[nodiscard]] std::uint32_t shards() const noexcept override { return 256; }
  void actors(const actor_type&, shard_id, actors_handler handler) override {
    handler(std::vector<actor_id>{});
  }
  [[nodiscard]] shard_range stored_together(shard_id shard) const noexcept override {
    return shard;
  }
  void read_shards(shard_range, stream_sequence, shard_handler handler) override {
    (void)handler(shard_page{.entries = {}, .last = true});
  }

  std::atomic<std::size_t> appended{0};
};

class forgetful_snapshots final : public snapshot_store {
 public:
  void save(const actor_address&, snapshot, save_handler handler) override { handler({}); }
  void load(const actor_address&, event_version, load_handler handler) override {
    handler(std::nullopt);
  }
  void load_shards(shard_range, shard_handler handler) override { handler(std::vector<placed>{}); }
};

double resident_bytes() {
  ::malloc_trim(0);  // what is free is nobody's
  std::ifstream file{"/proc/self/statm"};
  std::size_t whole = 0, resident = 0;
  file >> whole >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Time for threads to finish what comes after the last thing that can be waited for.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds{200}); }

}  // namespace

double weigh_idle_actors(std::size_t actors) {
  timers timer;
  const auto events = std::make_shared<forgetful_events>();
  actor_host host{{}, events, std::make_shared<forgetful_snapshots>(), timer};
  host.host<idler>();
  add_one(host.actor<idler>("first"));
  await(events->appended, 1);
  const double before = resident_bytes();
  for (std::size_t i = 0; i < actors; ++i) add_one(host.actor<idler>(std::to_string(i)));
  await(events->appended, actors + 1);
  settle();
  const double each = (resident_bytes() - before) / static_cast<double>(actors);
  (void)host.stop(std::chrono::minutes{2});  // a million take longer than a host gives by itself
  return each;
}

double weigh_raw_actors(std::size_t actors) {
  std::atomic<std::size_t> done{0};  // outlives the actors
  raw_config config;
  caf::actor_system system{config};
  std::vector<caf::actor> all(actors);
  const auto first = system.spawn<raw_counter<wide_state>>(1U, done);
  caf::anon_send(first, raw_add{1});
  await(done, 1);
  const double before = resident_bytes();
  for (auto& one : all) {
    one = system.spawn<raw_counter<wide_state>>(1U, done);
    caf::anon_send(one, raw_add{1});
  }
  await(done, actors + 1);
  settle();
  const double each = (resident_bytes() - before) / static_cast<double>(actors);
  caf::anon_send_exit(first, caf::exit_reason::kill);
  for (const auto& one : all) caf::anon_send_exit(one, caf::exit_reason::kill);
  return each;
}

benchmark bytes_per_idle_actor(const scale& scale) {
  // Still fewer would share what the host itself takes.
  const std::string actors = scale.quick ? "100000" : "1000000";
  return {.unit = "bytes",
          .target = 1.5,
          .lower_is_better = true,
          .limit =
              [=] {
                return number_from_child({"weigh-raw-actors", actors});
              },
          .subject =
              [=] {
                return number_from_child({"weigh-idle-actors", actors});
              },
          .pairs_cold = 3};
}

}  // namespace aether::perf
