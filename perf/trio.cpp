#include "trio.hpp"

#include "commands.hpp"

#include <algorithm>
#include <stdexcept>

namespace aether::perf {

namespace {

constexpr const char* ns = "perf";
constexpr std::chrono::seconds patience{30};

}  // namespace

trio::trio(std::size_t owners, std::size_t resident) {
  nodes_.resize(owners);
  for (std::size_t i = 0; i < owners; ++i)
    nodes_[i] = std::make_unique<child>(std::vector<std::string>{"own-counters", server_.url(), ns,
                                                                 "n" + std::to_string(++started_)});
  asking_ = join(server_.url(), ns, 0, "asking");
  await_even();
  all_ = awake(*asking_, resident);
  std::vector<bool> covered(asking_->settings().shards);
  for (const auto& one : all_) {
    const auto shard = shard_of(*one.address(), asking_->settings().shards).value();
    if (covered[shard]) continue;
    covered[shard] = true;
    one_a_shard_.push_back(one);
  }
  if (one_a_shard_.size() != covered.size())
    throw std::runtime_error{"too few actors for one in each shard"};
}

double trio::until_all_answer(clock::time_point begin) const {
  std::atomic<std::size_t> answered{0}, failed{0};
  for (const auto& one : one_a_shard_)
    one.ask(add{1}, patience, [&](const result<void>& done) {
      if (!done) ++failed;
      ++answered;
    });
  await(answered, one_a_shard_.size());
  if (failed != 0) throw std::runtime_error{std::to_string(failed) + " commands failed"};
  return microseconds_since(begin) / 1'000;
}

void trio::replace(std::size_t which) {
  nodes_[which] = std::make_unique<child>(std::vector<std::string>{
      "own-counters", server_.url(), ns, "n" + std::to_string(++started_)});
  await_even();
}

void trio::await_even() const {
  await_that([&] {
    const auto seen = asking_->status();
    std::size_t owning = 0, slots = 0;
    for (const auto& one : seen.members) {
      if (one.shards == 0) continue;
      const bool fair =
          one.state == "up" && one.shards >= asking_->settings().shards / nodes_.size();
      owning += fair ? 1 : 0;
      slots += one.shards;
    }
    return owning == nodes_.size() && slots == asking_->settings().shards;
  });
}

}  // namespace aether::perf
