#include <aether/persistence/projection_runner.hpp>
#include <aether/runtime/log.hpp>
#include "core/projection_machine.hpp"
#include "parked_records.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace aether {

namespace {

using machine_input =
    std::move_only_function<void(projection_machine&, projection_instant, projection_effects&)>;

constexpr std::size_t workers_default = 4;

/// Commits of a replay read at once.
constexpr std::size_t past_commits_max = 256;

result<std::vector<history_record>> as_records(result<std::vector<recorded_commit>> commits) {
  if (!commits) return std::unexpected(std::move(commits).error());
  std::vector<history_record> records;
  records.reserve(commits->size());
  for (auto& one : *commits) {
    const auto sequence = one.sequence;
    records.push_back({sequence, std::move(one)});
  }
  return records;
}

result<void> call(const projection_handler& handler, const projection_batch& batch) {
  try {
    return handler(batch);
  } catch (const std::exception& thrown) {
    return fail(errc::handler_failed, std::string{"the handler threw: "} + thrown.what());
  } catch (...) {
    return fail(errc::handler_failed, "the handler threw");
  }
}

/// One partition: its machine, and what waits for it. The machine is used by one worker at a time;
/// the rest is guarded by `mutex`.
struct lane {
  lane(projection_machine made, shard_range range) : shards{range}, machine{std::move(made)} {}

  const shard_range shards;
  projection_machine machine;
  timers::ticket alarm;

  mutable std::mutex mutex;
  std::vector<machine_input> inbox;
  bool scheduled = false;
  bool wanted = false;
  bool running = false;
  bool hinted = false;
  /// Commits in the inbox, and in the machine after its last step.
  std::size_t coming = 0, ahead = 0;
  /// The reading whose pages are wanted.
  std::uint64_t round = 0;
  std::vector<std::move_only_function<void()>> on_stopped;
  projection_stats seen;
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> oldest;
};

}  // namespace

struct projection_runner::impl : std::enable_shared_from_this<impl> {
  impl(projection_definition definition, parts of, timers& timer)
      : wanted{std::move(definition)},
        with{std::move(of)},
        clock{timer},
        positions{wanted.positions ? wanted.positions : record_positions(with.records)},
        ranges{partitions_of(*with.events)} {
    for (std::uint32_t k = 0; k < ranges.size(); ++k) {
      lanes.push_back(std::make_unique<lane>(projection_machine{{wanted.name, wanted.version, k},
                                                                wanted.types,
                                                                wanted.options,
                                                                wanted.handler_stores_position,
                                                                with.events->forgets()},
                                             ranges[k]));
      lanes.back()->seen.key = {wanted.name, wanted.version, k};
      lanes.back()->seen.phase = "stopped";
    }
  }

  const projection_definition wanted;
  const parts with;
  timers& clock;
  const std::shared_ptr<projection_positions> positions;
  const std::vector<shard_range> ranges;
  std::vector<std::unique_ptr<lane>> lanes;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::uint32_t> ready;
  bool ended = false;
  std::vector<std::thread> workers;

  [[nodiscard]] projection_instant now() const {
    return {std::chrono::steady_clock::now(),
            std::chrono::floor<std::chrono::milliseconds>(with.wall_clock())};
  }

  void start_workers() {
    const auto asked = wanted.options.workers;
    const std::size_t all = asked != 0 ? asked : std::min(workers_default, ranges.size());
    for (std::size_t i = 0; i < all; ++i) workers.emplace_back([this] { work(); });
  }

  void work() {
    std::unique_lock lock{mutex};
    while (true) {
      changed.wait(lock, [this] { return ended || !ready.empty(); });
      if (ended) return;
      const auto k = ready.front();
      ready.pop_front();
      lock.unlock();
      run(k);
      lock.lock();
    }
  }

  void schedule(std::uint32_t k) {
    {
      const std::lock_guard lock{mutex};
      ready.push_back(k);
    }
    changed.notify_all();
  }

  void post(std::uint32_t k, machine_input input, std::size_t commits = 0) {
    auto& one = *lanes[k];
    {
      const std::lock_guard lock{one.mutex};
      one.inbox.push_back(std::move(input));
      one.coming += commits;
      if (std::exchange(one.scheduled, true)) return;
    }
    schedule(k);
  }

  /// Works off what waits for a partition; what a handler did comes as the next input, so that
  /// partitions take turns.
  void run(std::uint32_t k) {
    auto& one = *lanes[k];
    std::vector<machine_input> inputs;
    {
      const std::lock_guard lock{one.mutex};
      inputs.swap(one.inbox);
      one.hinted = false;
      one.coming = 0;
    }
    projection_effects wishes;
    for (auto& input : inputs) {
      input(one.machine, now(), wishes);
      carry_out_all(k, wishes);
    }
    note(one);
    bool again = false;
    {
      const std::lock_guard lock{one.mutex};
      again = one.scheduled = !one.inbox.empty();
    }
    if (again) schedule(k);
  }

  void carry_out_all(std::uint32_t k, projection_effects& wishes) {
    while (!wishes.empty()) {
      projection_effects next;
      for (auto& effect : std::exchange(wishes, {}))
        std::visit([&](auto& what) { carry_out(k, what, next); }, effect);
      wishes = std::move(next);
    }
  }

  void note(lane& one) {
    const auto& machine = one.machine;
    const auto& counted = machine.counted();
    const std::lock_guard lock{one.mutex};
    one.ahead = machine.ahead();
    one.oldest = machine.oldest();
    auto& seen = one.seen;
    seen.phase = to_string(machine.now_in());
    seen.position = machine.position().sequence;
    seen.lag = machine.lag();
    seen.commits = counted.commits;
    seen.events = counted.events;
    seen.batches = counted.batches;
    seen.retries = counted.retries;
    seen.parked = machine.lot().size();
    seen.parked_total = counted.parked;
    seen.replayed = counted.replayed;
    seen.problem.reset();
    if (machine.problem()) seen.problem = machine.problem()->message();
  }

  // Effects

  [[nodiscard]] const projection_key& key_of(std::uint32_t k) const { return lanes[k]->seen.key; }

  void carry_out(std::uint32_t k, projection_effect::load&, projection_effects& out) {
    lanes[k]->machine.loaded(positions->load(key_of(k)), now(), out);
  }
  void carry_out(std::uint32_t k, projection_effect::load_lot&, projection_effects& out) {
    lanes[k]->machine.lot_loaded(load_lot(*with.records, key_of(k)), now(), out);
  }
  void carry_out(std::uint32_t k, projection_effect::store& what, projection_effects& out) {
    lanes[k]->machine.stored(positions->store(key_of(k), what.next), now(), out);
  }
  void carry_out(std::uint32_t k, projection_effect::store_lot& what, projection_effects& out) {
    lanes[k]->machine.lot_stored(store_lot(*with.records, key_of(k), what.lot, what.expected),
                                 now(), out);
  }

  void carry_out(std::uint32_t k, projection_effect::handle& what, projection_effects&) {
    note(*lanes[k]);
    auto outcome = call(wanted.handler, *what.batch);
    post(k, [outcome = std::move(outcome)](auto& machine, auto at, auto& out) mutable {
      machine.handled(std::move(outcome), at, out);
    });
  }

  void carry_out(std::uint32_t k, projection_effect::read& what, projection_effects&) {
    auto& one = *lanes[k];
    {
      const std::lock_guard lock{one.mutex};
      one.round = what.round;
    }
    with.events->read_shards(
        one.shards, what.after,
        [weak = weak_from_this(), k, round = what.round](result<shard_page> page) {
          const auto self = weak.lock();
          return self && self->page_came(k, round, std::move(page));
        });
  }

  /// @returns whether another page is wanted.
  bool page_came(std::uint32_t k, std::uint64_t round, result<shard_page> page) {
    auto& one = *lanes[k];
    const std::size_t commits = page ? page->entries.size() : 0;
    bool more = false;
    {
      const std::lock_guard lock{one.mutex};
      if (round != one.round) return false;
      more = page && one.ahead + one.coming + commits < wanted.options.ahead_commits_max;
    }
    post(
        k,
        [round, more, page = std::move(page)](auto& machine, auto at, auto& out) mutable {
          machine.page_read(round, std::move(page), more, at, out);
        },
        commits);
    return more;
  }

  void carry_out(std::uint32_t k, projection_effect::read_past& what, projection_effects&) {
    const auto& entry = what.entry;
    if (!entry.whole_actor)
      return with.events->fetch(entry.address, {entry.sequence},
                                [weak = weak_from_this(), k, round = what.round](auto commits) {
                                  if (const auto self = weak.lock())
                                    self->past_came(k, round, as_records(std::move(commits)));
                                });
    if (what.from.value() == 0) return read_records(k, what);
    with.events->read(entry.address, what.from, entry.sequence, past_commits_max,
                      [weak = weak_from_this(), k, what](auto commits) {
                        const auto self = weak.lock();
                        if (!self) return;
                        if (!commits && commits.error().code() == errc::corrupt_history)
                          return self->read_records(k, what);
                        self->past_came(k, what.round, as_records(std::move(commits)));
                      });
  }

  /// All of the actor's, those that cannot be read among them: where that has to be found out.
  void read_records(std::uint32_t k, const projection_effect::read_past& what) {
    with.events->records(what.entry.address, [weak = weak_from_this(), k, after = what.after,
                                              round = what.round](auto records) {
      const auto self = weak.lock();
      if (!self) return;
      if (records) {
        std::erase_if(*records, [&](const auto& one) { return one.sequence <= after; });
        if (records->size() > past_commits_max)
          records->erase(records->begin() + past_commits_max, records->end());
      }
      self->past_came(k, round, std::move(records));
    });
  }

  void past_came(std::uint32_t k, std::uint64_t round,
                 result<std::vector<history_record>> records) {
    post(k, [round, records = std::move(records)](auto& machine, auto at, auto& out) mutable {
      machine.past_read(round, std::move(records), at, out);
    });
  }

  void carry_out(std::uint32_t k, projection_effect::wake_at& what, projection_effects&) {
    auto& alarm = lanes[k]->alarm;
    clock.cancel(alarm);
    alarm = clock.at(what.when, [weak = weak_from_this(), k] {
      if (const auto self = weak.lock())
        self->post(k, [](auto& machine, auto at, auto& out) { machine.tick(at, out); });
    });
  }

  void carry_out(std::uint32_t k, projection_effect::report& what, projection_effects&) {
    log::warn("projection", what.event,
              {{"partition", to_string(key_of(k))}, {"why", what.detail}});
  }

  void carry_out(std::uint32_t k, projection_effect::stopped&, projection_effects& out) {
    auto& one = *lanes[k];
    clock.cancel(one.alarm);
    std::vector<std::move_only_function<void()>> told;
    bool again = false;
    {
      const std::lock_guard lock{one.mutex};
      told.swap(one.on_stopped);
      again = one.running = one.wanted;
      ++one.round;  // no page is wanted any more
    }
    for (auto& done : told) done();
    if (again) return one.machine.start(out);
    { const std::lock_guard lock{mutex}; }
    changed.notify_all();
  }

  void own(std::uint32_t k) {
    auto& one = *lanes[k];
    {
      const std::lock_guard lock{one.mutex};
      one.wanted = true;
      if (std::exchange(one.running, true)) return;
    }
    post(k, [](auto& machine, auto, auto& out) { machine.start(out); });
  }

  void release(std::uint32_t k, std::move_only_function<void()> done) {
    auto& one = *lanes[k];
    {
      const std::lock_guard lock{one.mutex};
      one.wanted = false;
      if (one.running) {
        if (done) one.on_stopped.push_back(std::move(done));
        done = {};
      }
    }
    if (done) return done();
    post(k, [](auto& machine, auto, auto& out) { machine.stop(out); });
  }

  [[nodiscard]] bool all_stopped() const {
    return std::ranges::none_of(lanes, [](const auto& one) {
      const std::lock_guard lock{one->mutex};
      return one->running;
    });
  }
};

projection_runner::projection_runner(projection_definition wanted, parts of, timers& clock)
    : impl_{std::make_shared<impl>(std::move(wanted), std::move(of), clock)} {
  AETHER_ASSERT(check(impl_->wanted).has_value());
  impl_->start_workers();
}

projection_runner::~projection_runner() {
  while (!stop(std::chrono::hours{1})) {
  }
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->ended = true;
  }
  impl_->changed.notify_all();
  for (auto& one : impl_->workers) one.join();
}

const projection_definition& projection_runner::definition() const noexcept {
  return impl_->wanted;
}
const std::vector<shard_range>& projection_runner::partitions() const noexcept {
  return impl_->ranges;
}

void projection_runner::own(std::uint32_t partition) { impl_->own(partition); }
void projection_runner::own_all() {
  for (std::uint32_t k = 0; k < impl_->lanes.size(); ++k) impl_->own(k);
}
void projection_runner::release(std::uint32_t partition, std::move_only_function<void()> done) {
  impl_->release(partition, std::move(done));
}
bool projection_runner::owns(std::uint32_t partition) const {
  const auto& one = *impl_->lanes[partition];
  const std::lock_guard lock{one.mutex};
  return one.wanted;
}

void projection_runner::hint(std::uint32_t partition) {
  auto& one = *impl_->lanes[partition];
  {
    const std::lock_guard lock{one.mutex};
    if (!one.wanted || std::exchange(one.hinted, true)) return;
  }
  impl_->post(partition, [](auto& machine, auto at, auto& out) { machine.hint(at, out); });
}
void projection_runner::hint_all() {
  for (std::uint32_t k = 0; k < impl_->lanes.size(); ++k) hint(k);
}

std::vector<projection_stats> projection_runner::stats() const {
  std::vector<projection_stats> all;
  const auto wall = impl_->now().wall;
  for (const auto& one : impl_->lanes) {
    const std::lock_guard lock{one->mutex};
    all.push_back(one->seen);
    all.back().owned = one->wanted;
    if (one->oldest) all.back().oldest_age = std::max(wall - *one->oldest, {});
  }
  return all;
}

bool projection_runner::stop(std::chrono::milliseconds timeout) {
  for (std::uint32_t k = 0; k < impl_->lanes.size(); ++k) impl_->release(k, {});
  std::unique_lock lock{impl_->mutex};
  return impl_->changed.wait_for(lock, timeout, [this] { return impl_->all_stopped(); });
}

}  // namespace aether
