#include "subscription_core.hpp"

#include <aether/runtime/log.hpp>
#include "../recorded_events.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace aether::detail {

void subscription_core::offer(const std::shared_ptr<const bus_item>& item) {
  const auto& place = item->place();
  if (!match_.takes(place.ns(), place.address) || !item->may_hold(match_)) return;
  ++seen_;
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    buffer_.put(item);
    wake = std::exchange(idle_, false);
  }
  if (wake) changed_.notify_all();
}

void subscription_core::missed(const event_gap& gap) {
  if (!match_.takes(gap.stream->ns)) return;
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    buffer_.put(gap);
    wake = std::exchange(idle_, false);
  }
  if (wake) changed_.notify_all();
}

void subscription_core::start(positions behind, std::shared_ptr<void> source) {
  behind_ = std::move(behind);
  source_ = std::move(source);
  thread_ = std::thread{[self = shared_from_this()] { self->run(); }};
}

void subscription_core::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    if (reading_) reading_->abandon();
  }
  changed_.notify_all();
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else if (thread_.joinable())
    thread_.join();
  source_.reset();
}

subscription_stats subscription_core::stats() const {
  subscription_stats now{seen_,          delivered_,  caught_up_,        gaps_,
                         gap_positions_, unreadable_, handler_failures_, 0};
  const std::lock_guard lock{mutex_};
  now.buffered = buffer_.items();
  return now;
}

void subscription_core::run() {
  while (auto one = next()) {
    if (const auto* item = std::get_if<std::shared_ptr<const bus_item>>(&*one))
      deliver(**item);
    else
      deliver(std::get<event_gap>(std::move(*one)));
  }
}

std::optional<subscription_core::entry> subscription_core::next() {
  std::unique_lock lock{mutex_};
  while (buffer_.empty() && !stopping_) {
    idle_ = true;
    changed_.wait(lock);
  }
  if (stopping_) return std::nullopt;
  return buffer_.take();
}

std::uint64_t subscription_core::behind(const bus_stream& stream) const {
  const auto found = behind_.find(stream.name);
  return found == behind_.end() ? 0 : found->second;
}

void subscription_core::deliver(const bus_item& item) {
  const auto& place = item.place();
  if (place.sequence.value() <= behind(*place.stream)) return;
  const auto& recorded = item.recorded();
  if (recorded)
    deliver(place, *recorded, false);
  else
    deliver_unreadable(place, recorded.error());
}

void subscription_core::deliver(event_gap gap) {
  gap.only = match_.one_actor();
  // What was seen may be gone, so there is more to tell than to read.
  if (gap.reason == gap_reason::another_stream) {
    behind_.erase(gap.stream->name);
    return report(gap);
  }
  gap.first = std::max(gap.first, stream_sequence{behind(*gap.stream) + 1});
  if (gap.first > gap.last) return;
  if (options_.on_gap == subscription_options::gaps::catch_up)
    catch_up(std::move(gap));
  else
    report(gap);
}

template <class Call>
void subscription_core::guarded(Call&& call) {
  const auto failed = [this](const char* what) {
    ++handler_failures_;
    log::error("bus", "handler_failed", {{"subscription", options_.name}, {"why", what}});
  };
  try {
    std::forward<Call>(call)();
  } catch (const std::exception& thrown) {
    failed(thrown.what());
  } catch (...) {
    failed("it threw something that is no std::exception");
  }
}

void subscription_core::deliver(const event_place& place, const recorded_commit& from,
                                bool caught_up) {
  for (std::size_t nth = 0; nth < from.commit.events.size() && !stopping_; ++nth) {
    if (!match_.takes_type(from.commit.events[nth].type)) continue;
    const recorded_event one = recorded_event_of(from, nth);
    ++delivered_;
    if (caught_up) ++caught_up_;
    guarded([&] { handlers_.event({place, one, caught_up}); });
  }
}

void subscription_core::deliver_unreadable(const event_place& place, const error& why) {
  if (stopping_) return;
  ++unreadable_;
  if (handlers_.unreadable) return guarded([&] { handlers_.unreadable(place, why); });
  log::warn("bus", "unreadable",
            {{"subscription", options_.name},
             {"stream", place.stream->name},
             {"sequence", place.sequence.value()},
             {"why", why.message()}});
}

/// After a handler that ended the subscription nothing is called any more, what it captured may be
/// gone.
void subscription_core::report(const event_gap& gap) {
  if (stopping_) return;
  ++gaps_;
  gap_positions_ += gap.last.value() + 1 - gap.first.value();
  if (handlers_.gap) return guarded([&] { handlers_.gap(gap); });
  log::warn("bus", "gap",
            {{"subscription", options_.name},
             {"stream", gap.stream->name},
             {"first", gap.first.value()},
             {"last", gap.last.value()},
             {"reason", to_string(gap.reason)},
             {"unread", gap.unread ? gap.unread->message() : std::string{}}});
}

bool subscription_core::pause(std::chrono::milliseconds how_long) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, how_long, [this] { return stopping_.load(); });
}

result<void> subscription_core::ask_for_page(const event_gap& gap,
                                             std::shared_ptr<page_slot> slot) {
  auto log = logs_(gap.stream->ns);
  if (!log) return std::unexpected(std::move(log).error());
  if (!*log) return fail(errc::unavailable, "there is no log of namespace " + gap.stream->ns.str());
  log_ = *std::move(log);
  auto which = shards_of(*log_, gap.stream->index);
  if (!which)
    return fail(errc::store_failed, "the log that was given for namespace " + gap.stream->ns.str() +
                                        " has no stream " + std::to_string(gap.stream->index));
  if (gap.only) which.emplace(shard_of(*gap.only, log_->shards()));
  log_->read_shards(*which, stream_sequence{gap.first.value() - 1},
                    page_slot::handler(std::move(slot)));
  return {};
}

std::optional<result<shard_page>> subscription_core::read_page(const event_gap& gap) {
  auto slot = std::make_shared<page_slot>();
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return std::nullopt;
    reading_ = slot;
  }
  result<void> asked = fail(errc::unavailable, "the log of the namespace could not be made");
  guarded([&] { asked = ask_for_page(gap, slot); });
  if (!asked) return std::unexpected(std::move(asked).error());
  return slot->wait();
}

void subscription_core::catch_up(event_gap gap) {
  auto backoff = options_.backoff_min;
  for (std::uint32_t attempts = 0; gap.first <= gap.last;) {
    const auto before = gap.first;
    auto page = read_page(gap);
    if (!page || stopping_) return;
    if (*page) take_page(gap, **page);
    if (gap.first > before) {
      attempts = 0;
      backoff = options_.backoff_min;
      continue;
    }
    if (++attempts == options_.catch_up_attempts) {
      gap.unread =
          *page ? error{errc::unavailable, "the replica asked lags behind the gap"} : page->error();
      return report(gap);
    }
    if (!pause(backoff)) return;
    backoff = std::min(2 * backoff, options_.backoff_max);
  }
}

void subscription_core::skip_to(event_gap& gap, std::uint64_t sequence) {
  event_gap nowhere = gap;
  nowhere.last = stream_sequence{sequence - 1};
  nowhere.reason = gap_reason::not_in_log;
  gap.first = stream_sequence{sequence};
  report(nowhere);
}

void subscription_core::take_page(event_gap& gap, const shard_page& page) {
  const std::uint64_t end = gap.last.value() + 1;
  for (const auto& [address, record] : page.entries) {
    const std::uint64_t at = std::min(record.sequence.value(), end);
    if (stopping_) return;
    // One actor's commits need not stand side by side.
    if (!gap.only && at > gap.first.value()) skip_to(gap, at);
    gap.first = stream_sequence{at};
    if (at == end) return;
    gap.first = stream_sequence{at + 1};
    if (!match_.takes(gap.stream->ns, address)) continue;
    const event_place place{gap.stream, address, shard_of(address, log_->shards()),
                            record.sequence};
    if (record.found)
      deliver(place, *record.found, true);
    else
      deliver_unreadable(place, record.found.error());
  }
  if (page.last && page.up_to_date && gap.first <= gap.last) skip_to(gap, end);
}

}  // namespace aether::detail
