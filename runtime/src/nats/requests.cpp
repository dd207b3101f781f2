#include "requests.hpp"

#include <algorithm>

namespace aether::nats {
namespace {

/// Subjects with refusals that are not settled; beyond, the counting starts anew.
constexpr std::size_t refusals_max = 1'024;
/// When to look again at one that is lent.
constexpr std::chrono::seconds rearm{1};

}  // namespace

void open_request::give_up(error why) {
  result<nats_message> answer = std::unexpected(std::move(why));
  std::visit([&](auto& call) { static_cast<void>(call(std::move(answer))); }, handler);
}

std::optional<request_table::token> request_table::add(open_request& request, time_point now) {
  const std::lock_guard guard{mutex_};
  if (closed_) return std::nullopt;
  const time_point deadline = now + request.timeout;
  entries_.emplace(++last_, entry{std::move(request), deadline, deadline});
  deadlines_.emplace(deadline, last_);
  return last_;
}

std::optional<open_request> request_table::take(token key) {
  const std::lock_guard guard{mutex_};
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.lent) return std::nullopt;
  return remove(found);
}

std::optional<open_request> request_table::for_answer(token key) {
  const std::lock_guard guard{mutex_};
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.lent) return std::nullopt;
  auto& each = found->second;
  each.lent = std::holds_alternative<nats_connection::stream_handler>(each.request.handler);
  return each.lent ? std::move(each.request) : remove(found);
}

bool request_table::put_back(token key, open_request& request, time_point now) {
  const std::lock_guard guard{mutex_};
  auto& mine = entries_.at(key);
  if (closed_) {
    remove(entries_.find(key));
    return false;
  }
  mine.deadline = now + request.timeout;
  mine.request = std::move(request);
  mine.lent = false;
  return true;
}

void request_table::end(token key) {
  const std::lock_guard guard{mutex_};
  remove(entries_.find(key));
}

open_request request_table::remove(std::unordered_map<token, entry>::iterator which) {
  open_request taken = std::move(which->second.request);
  deadlines_.erase({which->second.armed, which->first});
  entries_.erase(which);
  return taken;
}

std::vector<request_table::token> request_table::open_on(const violation& what) const {
  std::vector<token> found;
  for (const auto& [key, each] : entries_)
    if (!each.lent && what.concerns(each.request.subject)) found.push_back(key);
  return found;
}

request_table::refused_requests request_table::take_refused(const violation& what) {
  const std::lock_guard guard{mutex_};
  refused_requests out;
  const auto open = open_on(what);
  out.concerned = !open.empty();
  if (refusals_.size() >= refusals_max) refusals_.clear();
  auto& count = refusals_[what.subject];
  // Those counted before were of requests that are gone.
  const bool stale = std::ranges::none_of(open, [&](token key) { return key <= count.until; });
  count = {stale ? 1 : count.told + 1, last_};
  if (count.told < open.size()) return out;
  refusals_.erase(what.subject);
  for (const token key : open) out.taken.push_back(remove(entries_.find(key)));
  return out;
}

std::vector<open_request> request_table::take_expired(time_point now) {
  std::vector<open_request> expired;
  const std::lock_guard guard{mutex_};
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto found = entries_.find(deadlines_.begin()->second);
    auto& each = found->second;
    if (!each.lent && each.deadline <= now) {
      expired.push_back(remove(found));
      continue;
    }
    // An answer came since; or one is being handled, and nobody is waited for.
    deadlines_.erase({each.armed, found->first});
    each.armed = each.lent ? now + rearm : each.deadline;
    deadlines_.emplace(each.armed, found->first);
  }
  return expired;
}

std::vector<open_request> request_table::take_all() {
  std::vector<open_request> taken;
  const std::lock_guard guard{mutex_};
  for (auto next = deadlines_.begin(); next != deadlines_.end();) {
    const auto found = entries_.find(next++->second);
    if (!found->second.lent) taken.push_back(remove(found));
  }
  return taken;
}

std::size_t request_table::open() const {
  const std::lock_guard guard{mutex_};
  return entries_.size();
}

request_table::time_point request_table::next_deadline() const {
  const std::lock_guard guard{mutex_};
  return deadlines_.empty() ? time_point::max() : deadlines_.begin()->first;
}

void request_table::close() {
  const std::lock_guard guard{mutex_};
  closed_ = true;
}

}  // namespace aether::nats
