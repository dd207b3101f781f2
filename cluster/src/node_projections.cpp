#include "node_projections.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace aether::cluster {

namespace {

constexpr std::string_view type_prefix = "aether-projection-";

/// Calls what it holds with the first answer.
class first_of {
 public:
  explicit first_of(slot_tenant::gone_handler done) : done_{std::move(done)} {}
  void operator()(bool clean) {
    if (!said_.exchange(true)) done_(clean);
  }

 private:
  slot_tenant::gone_handler done_;
  std::atomic<bool> said_{false};
};

std::optional<std::uint32_t> last_number(std::string_view subject) {
  const auto token = subject.substr(subject.rfind('.') + 1);
  std::uint32_t value = 0;
  const auto* end = token.data() + token.size();
  const auto [stop, failed] = std::from_chars(token.data(), end, value);
  return failed == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

}  // namespace

actor_type projection_type(std::string_view name, std::uint32_t version) {
  return actor_type::parse(std::string{type_prefix} + std::string{name} + "-" +
                           std::to_string(version))
      .value();
}

std::unique_ptr<const actor_traits> projection_traits(const projection_definition& of) {
  return std::make_unique<const actor_traits>(
      actor_traits{.type = projection_type(of.name, of.version),
                   .commands = {},
                   .events = {},
                   .retired_events = {},
                   .state_type = "aether.projection",
                   .state_schema = 1,
                   .snapshots = snapshot_policy::never(),
                   .command_window = 1,
                   .deferred_max = 0,
                   .on_failure = failure_policy::keep,
                   .singleton = false,
                   .read_only = {}});
}

node_projections::node_projections(const std::vector<projection_definition>& all, parts of,
                                   timers& clock)
    : parts_{std::move(of)}, clock_{clock} {
  for (const auto& one : all)
    tenants_.push_back({projection_type(one.name, one.version),
                        std::make_shared<projection_runner>(
                            one,
                            projection_runner::parts{.events = parts_.events,
                                                     .records = parts_.records,
                                                     .wall_clock = parts_.wall_clock},
                            clock)});
  if (!tenants_.empty()) ears_.resize(tenants_.front().runner->partitions().size());
}

result<void> node_projections::start() {
  for (auto& one : tenants_) {
    if (!parts_.connection) {
      one.runner->own_all();
      continue;
    }
    const auto& what = one.runner->definition();
    auto listening = parts_.connection->subscribe(
        parts_.names.projection_hints(what.name, what.version),
        [weak = std::weak_ptr{one.runner}](const nats_message& hint) {
          const auto runner = weak.lock();
          const auto partition = last_number(hint.subject());
          if (runner && partition && *partition < runner->partitions().size())
            runner->hint(*partition);
        });
    if (!listening) return std::unexpected(std::move(listening).error());
    one.hints = std::move(*listening);
  }
  return {};
}

bool node_projections::stop(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  bool clean = true;
  std::vector<ear> deaf;
  {
    const std::lock_guard lock{mutex_};
    deaf.swap(ears_);
  }
  for (auto& one : tenants_) {
    one.hints = {};
    const auto left =
        std::chrono::floor<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    clean = one.runner->stop(std::max(left, {})) && clean;
  }
  return clean;
}

projection_client node_projections::client(std::string_view name, std::uint32_t version,
                                           std::shared_ptr<projection_positions> positions) const {
  projection_client::parts with{
      .events = parts_.events, .records = parts_.records, .positions = std::move(positions)};
  const auto* here = find(name, version);
  if (with.positions == nullptr && here != nullptr)
    with.positions = here->runner->definition().positions;
  if (parts_.connection)
    with.hint = [over = parts_.connection, names = parts_.names, name = std::string{name},
                 version](std::uint32_t partition) {
      const auto subject = names.projection_hint(name, version, partition);
      (void)over->publish({.subject = subject}, nats_flush::now);  // the owner polls too
    };
  else if (here != nullptr)
    with.hint = [weak = std::weak_ptr{here->runner}](std::uint32_t partition) {
      if (const auto runner = weak.lock()) runner->hint(partition);
    };
  return {std::string{name}, version, std::move(with)};
}

std::uint32_t node_projections::newest(std::string_view name) const {
  std::uint32_t found = 0;
  for (const auto& one : tenants_)
    if (one.runner->definition().name == name)
      found = std::max(found, one.runner->definition().version);
  return found;
}

std::vector<projection_stats> node_projections::stats() const {
  std::vector<projection_stats> all;
  for (const auto& one : tenants_)
    for (auto& part : one.runner->stats()) all.push_back(std::move(part));
  return all;
}

std::optional<node_projections::place> node_projections::find(const slot& where) const {
  const auto found = std::ranges::find(tenants_, where.type, &tenant::type);
  if (found == tenants_.end()) return std::nullopt;
  const auto& ranges = found->runner->partitions();
  const auto range = std::ranges::find(ranges, where.shard, &shard_range::first);
  if (range == ranges.end()) return std::nullopt;
  return place{found->runner.get(), static_cast<std::uint32_t>(range - ranges.begin())};
}

const node_projections::tenant* node_projections::find(std::string_view name,
                                                       std::uint32_t version) const {
  const auto found = std::ranges::find_if(tenants_, [&](const tenant& one) {
    const auto& what = one.runner->definition();
    return what.name == name && what.version == version;
  });
  return found == tenants_.end() ? nullptr : &*found;
}

std::vector<nats_connection::subscription> node_projections::subscribe(std::uint32_t partition) {
  std::vector<std::weak_ptr<projection_runner>> all;
  for (const auto& one : tenants_) all.emplace_back(one.runner);
  const auto heard = [all = std::move(all), partition](const nats_message&) {
    for (const auto& one : all)
      if (const auto runner = one.lock()) runner->hint(partition);
  };
  std::vector<nats_connection::subscription> made;
  const auto& range = tenants_.front().runner->partitions()[partition];
  for (std::uint32_t i = 0; i < range.count; ++i) {
    const shard_id shard{range.first.value() + i};
    auto one = parts_.connection->subscribe(parts_.names.shard_stored_events(shard), heard);
    if (one) made.push_back(std::move(*one));  // else it polls
  }
  return made;
}

void node_projections::listen(const place& to) {
  if (!parts_.connection) return;
  const std::lock_guard lock{mutex_};
  if (ears_.empty()) return;
  auto& one = ears_[to.partition];
  one.owners.insert(to.runner);
  if (one.shards.empty()) one.shards = subscribe(to.partition);
}

void node_projections::ignore(const place& to) {
  std::vector<nats_connection::subscription> ended;
  const std::lock_guard lock{mutex_};
  if (ears_.empty()) return;
  auto& one = ears_[to.partition];
  one.owners.erase(to.runner);
  if (one.owners.empty()) ended.swap(one.shards);
}

void node_projections::move_in(const slot& where) {
  const auto found = find(where);
  if (!found) return;
  listen(*found);
  found->runner->own(found->partition);
}

void node_projections::move_out(const slot& where, std::chrono::steady_clock::time_point deadline,
                                gone_handler done) {
  const auto found = find(where);
  if (!found) return done(true);
  ignore(*found);
  const auto once = std::make_shared<first_of>(std::move(done));
  clock_.at(deadline, [once] { (*once)(false); });
  found->runner->release(found->partition, [once] { (*once)(true); });
}

void node_projections::evict(const slot& where) {
  const auto found = find(where);
  if (!found) return;
  ignore(*found);
  found->runner->release(found->partition);
}

}  // namespace aether::cluster
