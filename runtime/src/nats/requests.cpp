#include "requests.hpp"

#include <algorithm>

namespace aether::nats {
namespace {

/// Subjects with refusals that are not settled; beyond, the counting starts anew.
constexpr std::size_t refusals_max = 1'024;

}  // namespace

void open_request::give_up(error why) {
  result<nats_message> answer = std::unexpected(std::move(why));
  std::visit([&](auto& call) { static_cast<void>(call(std::move(answer))); }, handler);
}

std::optional<request_table::token> request_table::add(open_request& request, time_point now) {
  const std::lock_guard guard{mutex_};
  if (closed_) return std::nullopt;
  insert(++last_, request, now);
  return last_;
}

bool request_table::put_back(token key, open_request& request, time_point now) {
  const std::lock_guard guard{mutex_};
  if (closed_) return false;
  insert(key, request, now);
  return true;
}

void request_table::insert(token key, open_request& request, time_point now) {
  const time_point deadline = now + request.timeout;
  entries_.emplace(key, entry{std::move(request), deadline});
  deadlines_.emplace(deadline, key);
}

std::optional<open_request> request_table::take(token key) {
  const std::lock_guard guard{mutex_};
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return remove(found);
}

open_request request_table::remove(std::unordered_map<token, entry>::iterator which) {
  open_request taken = std::move(which->second.request);
  deadlines_.erase({which->second.deadline, which->first});
  entries_.erase(which);
  return taken;
}

std::vector<request_table::token> request_table::open_on(const violation& what) const {
  std::vector<token> found;
  for (const auto& [key, each] : entries_)
    if (what.concerns(each.request.subject)) found.push_back(key);
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
    expired.push_back(std::move(found->second.request));
    entries_.erase(found);
    deadlines_.erase(deadlines_.begin());
  }
  return expired;
}

std::vector<open_request> request_table::take_all() { return take_expired(time_point::max()); }

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
