#include <aether/runtime/timers.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

using aether::timers;
using namespace std::chrono_literals;

namespace {

constexpr auto deadline = 10s;

/// A task that fulfils the future it hands out.
struct signal {
  std::promise<void> promise;
  std::future<void> future = promise.get_future();
  [[nodiscard]] bool came() { return future.wait_for(deadline) == std::future_status::ready; }
};

}  // namespace

TEST_CASE("a task runs once, not before its time, on the timers' own thread") {
  timers clock;
  signal done;
  const auto when = timers::clock::now() + 5ms;
  timers::clock::time_point ran;
  std::thread::id where;
  clock.at(when, [&] {
    ran = timers::clock::now();
    where = std::this_thread::get_id();
    done.promise.set_value();  // a second time would throw
  });
  REQUIRE(done.came());
  CHECK(ran >= when);
  CHECK(where != std::this_thread::get_id());
}

TEST_CASE("tasks run by their time, equal times in the order they were added") {
  timers clock;
  signal done;
  std::vector<int> order;
  const auto start = timers::clock::now() + 5ms;
  clock.at(start + 2ms, [&] { order.push_back(4); });
  for (int i = 1; i <= 3; ++i) clock.at(start, [&order, i] { order.push_back(i); });
  clock.at(start - 1h, [&] { order.push_back(0); });
  clock.at(start + 3ms, [&] { done.promise.set_value(); });
  REQUIRE(done.came());
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("a task added for earlier overtakes one that is waited for") {
  timers clock;
  signal done;
  clock.after(1h, [] {});
  clock.after(1ms, [&] { done.promise.set_value(); });
  CHECK(done.came());
}

TEST_CASE("a task may add tasks") {
  timers clock;
  signal done;
  clock.after(0ms, [&] { clock.after(1ms, [&] { done.promise.set_value(); }); });
  CHECK(done.came());
}

TEST_CASE("every task added by many threads runs") {
  constexpr int each = 500;
  std::atomic<int> left{4 * each};
  signal done;
  timers clock;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < each; ++i)
          clock.after(std::chrono::microseconds{i % 100}, [&] {
            if (--left == 0) done.promise.set_value();
          });
      });
  }
  CHECK(done.came());
}

TEST_CASE("after stop no task runs and what waited is destroyed") {
  timers clock;
  auto held = std::make_shared<std::atomic<int>>(0);
  clock.after(1h, [held] { ++*held; });
  clock.stop();
  CHECK(held.use_count() == 1);
  clock.after(0ms, [held] { ++*held; });
  clock.stop();
  CHECK(held.use_count() == 1);
  CHECK(*held == 0);
}

TEST_CASE("a cancelled task is destroyed at once and never runs; the others do") {
  timers clock;
  signal done;
  auto held = std::make_shared<int>(0);
  const auto soon = timers::clock::now() + 20ms;
  const auto first = clock.at(soon, [held] { ++*held; });
  clock.at(soon, [&] { done.promise.set_value(); });
  const auto distant = clock.after(1h, [held] { ++*held; });
  CHECK(held.use_count() == 3);
  clock.cancel(first);
  clock.cancel(distant);
  CHECK(held.use_count() == 1);
  clock.cancel(first);
  clock.cancel({});
  REQUIRE(done.came());
  CHECK(*held == 0);
}

TEST_CASE("to cancel a task that has run, or runs, is nothing") {
  timers clock;
  signal done;
  timers::ticket mine;
  std::promise<void> set;
  mine = clock.after(0ms, [&] {
    set.get_future().wait();
    clock.cancel(mine);
    done.promise.set_value();
  });
  set.set_value();
  REQUIRE(done.came());
  clock.cancel(mine);
}

TEST_CASE("stop waits for the task that runs") {
  timers clock;
  signal started;
  std::promise<void> release;
  std::atomic<bool> finished = false;
  clock.after(0ms, [&] {
    started.promise.set_value();
    release.get_future().wait();
    finished = true;
  });
  REQUIRE(started.came());
  std::jthread stopper{[&] {
    clock.stop();
    CHECK(finished);
  }};
  release.set_value();
  stopper.join();
  CHECK(finished);
}
