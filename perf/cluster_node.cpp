#include "cluster_node.hpp"

#include "child.hpp"
#include "commands.hpp"

#include <stdexcept>

namespace aether::perf {

std::unique_ptr<node> join(const std::string& url, const std::string& ns, std::uint32_t weight,
                           const std::string& name) {
  options wanted;
  wanted.nats = url;
  wanted.ns = ns;
  wanted.weight = weight;
  wanted.node = name;
  wanted.log_level = log::level::error;
  auto made = std::make_unique<node>(wanted);
  made->host<counter>();
  if (auto joined = made->join(); !joined) throw std::runtime_error{joined.error().message()};
  return made;
}

std::vector<actor_ref<counter>> awake(node& on, std::size_t count) {
  std::vector<actor_ref<counter>> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(on.actor<counter>("c" + std::to_string(i)));
  expect_counts(all, 0);
  return all;
}

int own_counters(const std::string& url, const std::string& ns, const std::string& name) {
  node::catch_signals();
  return join(url, ns, 1, name)->run_until_signal();
}

}  // namespace aether::perf
