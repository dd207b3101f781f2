#include "cluster_node.hpp"

#include "child.hpp"

#include <semaphore>
#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

constexpr std::ptrdiff_t awakening_max = 256;

}  // namespace

std::unique_ptr<node> join(const std::string& url, const std::string& ns, std::uint32_t weight) {
  options wanted;
  wanted.nats = url;
  wanted.ns = ns;
  wanted.weight = weight;
  wanted.node = "perf-" + std::to_string(weight);
  wanted.log_level = log::level::error;
  auto made = std::make_unique<node>(wanted);
  made->host<counter>();
  if (auto joined = made->join(); !joined) throw std::runtime_error{joined.error().message()};
  return made;
}

std::vector<actor_ref<counter>> awake(node& on, std::size_t count) {
  std::vector<actor_ref<counter>> all;
  std::counting_semaphore<awakening_max> free{awakening_max};
  std::atomic<std::size_t> failed{0};
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(on.actor<counter>("c" + std::to_string(i)));
    free.acquire();
    all.back().ask(read_count{}, std::chrono::seconds{30}, [&](const result<perf::count>& now) {
      if (!now) ++failed;
      free.release();
    });
  }
  for (std::ptrdiff_t i = 0; i < awakening_max; ++i) free.acquire();
  if (failed != 0) throw std::runtime_error{"an actor did not answer"};
  return all;
}

int own_counters(const std::string& url, const std::string& ns) {
  return join(url, ns, 1)->run_until_signal();
}

}  // namespace aether::perf
