#include "availability.hpp"

#include <algorithm>

namespace flights {

void availability::sent(std::size_t shard, clock::time_point now) {
  shard_state& state = shards_.at(shard);
  if (state.open++ == 0) state.waiting_since = now;
}

void availability::answered(std::size_t shard, clock::time_point now) {
  shard_state& state = shards_.at(shard);
  --state.open;
  longest_ = std::max(longest_, now - state.waiting_since);
  state.waiting_since = now;
}

}  // namespace flights
