#include <aether/persistence/projection.hpp>

#include <algorithm>

namespace aether {

namespace {

constexpr std::size_t name_bytes_max = 32;
constexpr std::size_t batch_commits_bound = 10'000;
constexpr std::size_t ahead_commits_bound = 1'000'000;

std::string complaint(const projection_definition& wanted) {
  const auto& how = wanted.options;
  if (!valid_projection_name(wanted.name))
    return "its name is no [A-Za-z0-9_-]{1," + std::to_string(name_bytes_max) + "}";
  if (wanted.version == 0) return "versions begin with 1";
  if (!wanted.handler) return "it has no handler";
  if (wanted.handler_stores_position && !wanted.positions)
    return "its handler stores the position: say where it is loaded from (`positions`)";
  if (how.batch_commits_max == 0 || how.batch_commits_max > batch_commits_bound)
    return "batch_commits_max is not in 1.." + std::to_string(batch_commits_bound);
  if (how.ahead_commits_max == 0 || how.ahead_commits_max > ahead_commits_bound)
    return "ahead_commits_max is not in 1.." + std::to_string(ahead_commits_bound);
  if (how.workers > workers_bound) return "workers is not in 0.." + std::to_string(workers_bound);
  if (how.poll_interval.count() <= 0 || how.poll_interval_max < how.poll_interval)
    return "poll_interval is not above 0 and at most poll_interval_max";
  if (how.retry_min.count() <= 0 || how.retry_max < how.retry_min)
    return "retry_min is not above 0 and at most retry_max";
  if (how.attempts_max == 0) return "attempts_max is 0";
  if (how.parked_max == 0 || how.parked_max > parked_bound)
    return "parked_max is not in 1.." + std::to_string(parked_bound);
  return {};
}

}  // namespace

bool valid_projection_name(std::string_view name) noexcept {
  return name.size() <= name_bytes_max && actor_type::allows(name);
}

std::string to_string(const projection_key& key) {
  return key.name + " v" + std::to_string(key.version) + ", partition " +
         std::to_string(key.partition);
}

result<void> check(const projection_definition& wanted) {
  if (auto why = complaint(wanted); !why.empty())
    return fail(errc::invalid_argument, "projection '" + wanted.name + "': " + why);
  return {};
}

}  // namespace aether
