#include "node_durables.hpp"

#include <aether/runtime/log.hpp>
#include "jetstream_queue.hpp"
#include "memory_sends.hpp"

#include <utility>

namespace aether::cluster {

std::vector<std::int32_t> queue_owners(const shard_table& table, std::uint32_t streams) {
  std::vector<std::int32_t> owners(streams, shard_table::none);
  for (std::uint32_t k = 0; k < streams; ++k) {
    const auto first = shards_of_stream(k, table.shards(), streams).first.value();
    for (const auto& one : table.assignments()) {
      owners[k] = one.owners[first];
      if (owners[k] != shard_table::none) break;
    }
  }
  return owners;
}

node_durables::node_durables(parts of) : parts_{std::move(of)}, ranges_(parts_.layout.streams) {
  if (!parts_.over) return;
  streams_ = std::make_shared<durable_streams>(parts_.over, parts_.names, parts_.layout,
                                               parts_.wall_clock);
  store_ = streams_;
}

std::shared_ptr<durable_worker> node_durables::make_worker(std::shared_ptr<durable_queue> queue,
                                                           const std::string& name) const {
  durable_worker::parts with;
  with.queue = std::move(queue);
  with.router = parts_.router;
  with.find = [host = parts_.host](const actor_type& type) { return host->find_type(type); };
  with.dead = parts_.dead;
  with.clock = parts_.clock;
  auto how = parts_.how;
  how.name = name;
  return std::make_shared<durable_worker>(std::move(with), std::move(how));
}

void node_durables::start() {
  if (parts_.over) return;
  const auto memory = std::make_shared<memory_sends>(*parts_.clock, parts_.wall_clock);
  store_ = memory;
  ranges_[0].worker = make_worker(memory, "memory");
  ranges_[0].worker->start();
}

node_durables::range node_durables::take_over(std::uint32_t k) const {
  range made;
  const auto queue = std::make_shared<jetstream_queue>(
      jetstream_queue::parts{parts_.over, parts_.names, streams_, parts_.clock, parts_.wall_clock},
      k);
  made.worker = make_worker(queue, parts_.names.durable_stream(k));
  made.reminders = std::make_shared<durable_reminders>(
      durable_reminders::parts{parts_.over, parts_.names, streams_, parts_.clock,
                               parts_.wall_clock},
      k);
  return made;
}

void node_durables::let_go(const range& which) {
  if (which.worker) which.worker->stop();
  if (which.reminders) which.reminders->stop();
}

void node_durables::follow(const shard_table& table, const incarnation_id& self) {
  const auto owners = queue_owners(table, parts_.layout.streams);
  std::vector<range> begun, ended;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    for (std::uint32_t k = 0; k < owners.size(); ++k) {
      const bool mine = owners[k] != shard_table::none &&
                        table.nodes()[static_cast<std::size_t>(owners[k])].incarnation == self;
      if (mine == (ranges_[k].worker != nullptr)) continue;
      if (mine) {
        ranges_[k] = take_over(k);
        begun.push_back(ranges_[k]);
      } else {
        ended.push_back(std::exchange(ranges_[k], {}));
      }
    }
  }
  for (const auto& one : ended) let_go(one);
  for (const auto& one : begun) {
    one.worker->start();
    one.reminders->start();
  }
}

void node_durables::stop() {
  std::vector<range> all;
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopped_, true)) return;
    all.swap(ranges_);
  }
  for (const auto& one : all) let_go(one);
}

void node_durables::send(const actor_address& to, const envelope& command,
                         const durable_options& how, receipt_sink done) {
  auto made = to_stored(to, command, how, parts_.wall_clock());
  if (!made) return done(std::unexpected(std::move(made).error()));
  store_->send(std::move(*made), std::move(done));
}

}  // namespace aether::cluster
