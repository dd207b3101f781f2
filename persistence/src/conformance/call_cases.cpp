#include "kit.hpp"

#include <future>

namespace aether::conformance {

namespace {

/// Calls under way, and how often each handler was called.
class calls {
  template <class T>
  static auto heard(std::vector<answer<T>>& by, const char* what) {
    return by.emplace_back(what).handler();
  }

 public:
  explicit calls(event_store& store) : store_{store} {}

  void make(const writer& of, shard_id wrong_shard) {
    const auto& who = of.actor();
    const auto shard = shard_of(who, store_.shards());
    commit empty = commit_after(of.end());
    empty.events.clear();
    store_.append(who, of.end(), commit_after(of.end()), heard(stored_, "append"));
    store_.append(who, {}, commit_after({}), heard(stored_, "append after a stale end"));
    store_.append(who, of.end(), empty, heard(stored_, "append of no events"));
    store_.read(who, event_version{1}, {}, 100, heard(read_, "read"));
    store_.read(who, event_version{1}, {}, 0, heard(read_, "read of at most 0 commits"));
    store_.read(fresh_actor(), event_version{1}, {}, 9, heard(read_, "read of nothing"));
    store_.fetch(who, {of.end().sequence}, heard(read_, "fetch"));
    store_.fetch(who, {}, heard(read_, "fetch of nothing"));
    store_.latest(who, heard(latest_, "latest"));
    store_.latest(fresh_actor(), heard(latest_, "latest of nothing"));
    store_.records(who, heard(records_, "records"));
    store_.actors(who.type, shard, heard(actors_, "actors"));
    store_.actors(who.type, wrong_shard, heard(actors_, "actors of no shard"));
    store_.read_shards(
        wrong_shard, {},
        [on = heard(wrong_, "read_shards of no shard")](result<shard_page> page) mutable {
          on(page ? result<bool>{page->last} : std::unexpected(page.error()));
          return true;
        });
  }

  void await() const {
    each([](const auto& one) { (void)one.get(); });
  }
  void check() const {
    each([](const auto& one) {
      require(one.calls() == 1, one.what() + ": expected its handler to be called once, found " +
                                    std::to_string(one.calls()) + " calls");
    });
  }

 private:
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& one : stored_) visit(one);
    for (const auto& one : read_) visit(one);
    for (const auto& one : latest_) visit(one);
    for (const auto& one : records_) visit(one);
    for (const auto& one : actors_) visit(one);
    for (const auto& one : wrong_) visit(one);
  }

  event_store& store_;
  std::vector<answer<log_position>> stored_;
  std::vector<answer<history>> read_;
  std::vector<answer<std::optional<recorded_commit>>> latest_;
  std::vector<answer<std::vector<history_record>>> records_;
  std::vector<answer<std::vector<actor_id>>> actors_;
  std::vector<answer<bool>> wrong_;
};

void once(event_store& store) {
  const shard_id wrong{store.shards()};
  calls made{store};
  for (int i = 0; i < 10; ++i) {
    writer actor{store};
    actor.write_many(2);
    made.make(actor, wrong);
  }
  made.await();
  // By now a second call of a handler would have come, had one been on its way with the first.
  calls later{store};
  writer actor{store};
  actor.write_many(2);
  later.make(actor, wrong);
  later.await();
  made.check();
  later.check();
}

void from_many_threads(event_store& store) {
  constexpr int threads = 8;
  const auto work = [&store](int nth) {
    writer actor{store};
    for (int i = 0; i < 20; ++i) {
      actor.write(1 + static_cast<std::size_t>(nth) % 3);
      actor.check("with eight threads at work");
    }
    const auto shard = shard_of(actor.actor(), store.shards());
    (void)must(records(store, actor.actor()), "records");
    (void)must(fetch(store, actor.actor(), {actor.end().sequence}), "fetch");
    (void)must(actors(store, actor.actor().type, shard), "actors");
    (void)must(read_shards(store, shard, actor.written()[0].sequence), "read_shards");
  };
  std::vector<std::future<void>> running;
  for (int i = 0; i < threads; ++i) running.push_back(std::async(std::launch::async, work, i));
  for (auto& one : running) one.wait();
  for (auto& one : running) one.get();
}

constexpr event_case cases[]{
    {"each handler is called exactly once, whatever comes of the call", &once},
    {"every call may be made from any thread", &from_many_threads},
};

}  // namespace

std::span<const event_case> call_cases() { return cases; }

}  // namespace aether::conformance
