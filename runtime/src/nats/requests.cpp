#include "requests.hpp"

namespace aether::nats {

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
  open_request taken = std::move(found->second.request);
  deadlines_.erase({found->second.deadline, key});
  entries_.erase(found);
  return taken;
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
