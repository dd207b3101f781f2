#include "bus_wire.hpp"

#include <aether/runtime/log.hpp>
#include "../commit_format.hpp"
#include "stored_record.hpp"
#include "wire_item.hpp"

#include <algorithm>
#include <charconv>
#include <future>
#include <utility>

namespace aether {

namespace {

/// How often a stream must be seen to end too early before it is another one. With replicas, for as
/// long as a store would wait: 5 s of looks that are 200 ms apart.
constexpr std::uint32_t certain_looks = 2;
constexpr std::uint32_t replicated_looks = 25;

std::optional<std::uint64_t> number_in(const nats_message& message, const char* header) {
  const auto digits = message.header(header);
  if (!digits) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, failed] =
      std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (failed != std::errc{} || end != digits->data() + digits->size()) return std::nullopt;
  return value;
}

}  // namespace

std::string wire_scope::subject() const {
  if (only) return names.stored_events(only->shard, only->address);
  return everywhere ? names.stored_events_everywhere() : names.all_stored_events();
}

// The trackers begin where the streams ended before the server was told to send: whatever it does
// not send from then on is missed, and what was stored before a subscription began is not told.
result<void> bus_wire::open() {
  auto behind = ends_now();
  if (!behind) return std::unexpected(std::move(behind).error());
  {
    const std::lock_guard lock{mutex_};
    for (const auto& one : *behind) (void)follow(one);
    audited_at_ = clock::now();
    audited_losses_ = connection_->losses();
  }
  auto made = connection_->subscribe(scope_.subject(), [self = weak_from_this()](nats_message got) {
    if (const auto wire = self.lock()) wire->on_message(std::move(got));
  });
  if (!made) return std::unexpected(std::move(made).error());
  listener_ = *std::move(made);
  return connection_->flush(timeout_);
}

void bus_wire::attach(core_pointer to) {
  const std::lock_guard lock{mutex_};
  subscriptions_.push_back(std::move(to));
}

void bus_wire::detach(const detail::subscription_core* from) {
  core_pointer last;  // released after the lock
  const std::lock_guard lock{mutex_};
  const auto found = std::ranges::find(subscriptions_, from, &core_pointer::get);
  if (found == subscriptions_.end()) return;
  last = std::move(*found);
  subscriptions_.erase(found);
}

void bus_wire::ask_ends(stream_ends_handler handler) {
  if (!scope_.only && !scope_.everywhere && scope_.streams > 0)
    return ask_stream_ends(connection_, own_streams(), timeout_, std::move(handler));
  if (!scope_.only)
    return find_stream_ends(
        connection_,
        scope_.everywhere ? scope_.names.commits_everywhere() : scope_.names.all_commits(),
        timeout_, std::move(handler));
  const auto& [address, shard, stream] = *scope_.only;
  ask_stream_ends(
      connection_, {scope_.names.event_stream(stream)}, timeout_,
      [over = connection_, subject = scope_.names.commits(shard, address), timeout = timeout_,
       handler = std::move(handler)](result<std::vector<stream_end>> whole) mutable {
        if (!whole || whole->empty()) return handler(std::move(whole));
        auto end = std::move(whole->front());
        end.reaches = end.last;
        const auto name = end.name;
        leader_get(*over, name, last_query(subject), timeout,
                   [end = std::move(end), handler = std::move(handler)](
                       result<std::optional<stored_record>> newest) mutable {
                     if (!newest) return handler(std::unexpected(std::move(newest).error()));
                     end.last = *newest ? (*newest)->sequence.value() : 0;
                     handler(std::vector{std::move(end)});
                   });
      });
}

std::vector<std::string> bus_wire::own_streams() const {
  std::vector<std::string> all;
  for (std::uint32_t k = 0; k < scope_.streams; ++k) all.push_back(scope_.names.event_stream(k));
  return all;
}

result<std::vector<stream_end>> bus_wire::ends_now() {
  std::promise<result<std::vector<stream_end>>> promise;
  auto answer = promise.get_future();
  ask_ends([promise = std::move(promise)](result<std::vector<stream_end>> ends) mutable {
    promise.set_value(std::move(ends));
  });
  auto ends = answer.get();
  if (!ends) return ends;
  std::erase_if(*ends, [this](const stream_end& one) {
    const auto whose = scope_.names.parse_event_stream(one.name);
    return !whose || !(scope_.everywhere || whose->ns == scope_.names.name());
  });
  if (ends->size() < scope_.streams)
    return fail(errc::unavailable, "namespace " + scope_.names.name().str() + " has " +
                                       std::to_string(ends->size()) + " event streams of " +
                                       std::to_string(scope_.streams) +
                                       "; have them created by create_streams");
  return ends;
}

result<bus_wire::positions> bus_wire::ends() {
  auto now = ends_now();
  if (!now) return std::unexpected(std::move(now).error());
  positions found;
  for (auto& one : *now) found.emplace(std::move(one.name), one.last);
  return found;
}

bus_wire::followed* bus_wire::find(std::string_view stream) {
  const auto known = streams_.find(stream);
  // One that nobody knew when the wire was opened is newer than that: all of it is wanted.
  return known != streams_.end() ? &known->second : follow({.name = std::string{stream}});
}

bus_wire::followed* bus_wire::follow(const stream_end& from) {
  auto whose = scope_.names.parse_event_stream(from.name);
  if (!whose || !(scope_.everywhere || whose->ns == scope_.names.name())) return nullptr;
  auto stream = std::make_shared<const bus_stream>(whose->ns, from.name, whose->k);
  followed made{std::move(stream), scope_.names.of_namespace(std::move(whose->ns)),
                sequence_tracker{from.last, from.created,
                                 scope_.replicated ? replicated_looks : certain_looks}};
  return &streams_.emplace(from.name, std::move(made)).first->second;
}

void bus_wire::tell(const followed& of, const sequence_tracker::gap& gap) const {
  const event_gap told{of.stream, stream_sequence{gap.first}, stream_sequence{gap.last},
                       gap.another_stream ? gap_reason::another_stream : gap_reason::lost};
  for (const auto& one : subscriptions_) one->missed(told);
}

void bus_wire::on_message(nats_message message) {
  const auto stream = message.header("Nats-Stream");
  const auto sequence = number_in(message, "Nats-Sequence");
  const auto before = number_in(message, "Nats-Last-Sequence");
  const std::lock_guard lock{mutex_};
  followed* const from = stream ? find(*stream) : nullptr;
  if (from == nullptr || !sequence || *sequence == 0 || (scope_.only && !before))
    return report_stray(message.subject(), "it does not say where it is stored");
  const auto [accepted, missing] =
      from->tracker.message(*sequence, scope_.only ? *before : *sequence - 1);
  if (missing) tell(*from, *missing);
  if (accepted) pass_on(*from, *sequence, std::move(message));
}

void bus_wire::pass_on(followed& from, std::uint64_t sequence, nats_message message) {
  auto whose = from.names.parse_stored_events(message.subject());
  if (!whose) return report_stray(message.subject(), whose.error().text());
  const bool wanted = std::ranges::any_of(subscriptions_, [&](const core_pointer& one) {
    return one->match().takes(from.stream->ns, whose->address);
  });
  if (!wanted) return;
  const auto owner = owner_mark(from.stream->ns, whose->address);
  const auto item = std::make_shared<const wire_item>(
      event_place{from.stream, std::move(whose->address), whose->shard, stream_sequence{sequence}},
      owner, std::move(message));
  for (const auto& one : subscriptions_) one->offer(item);
}

// Each power of two: who publishes there by hand must not fill the log.
void bus_wire::report_stray(std::string_view subject, const std::string& why) {
  if (const auto count = ++strays_; (count & (count - 1)) == 0)
    log::warn("bus", "stray", {{"subject", subject}, {"why", why}, {"so_far", count}});
}

void bus_wire::audit(std::chrono::milliseconds interval) {
  const auto losses = connection_->losses();
  {
    const std::lock_guard lock{mutex_};
    const bool due =
        doubtful_ || losses != audited_losses_ || clock::now() - audited_at_ >= interval;
    if (auditing_ || !due || !connection_->connected()) return;
    auditing_ = true;
    audited_at_ = clock::now();
    audited_losses_ = losses;
  }
  ask_ends([self = weak_from_this()](result<std::vector<stream_end>> ends) {
    if (const auto wire = self.lock()) wire->audited(ends);
  });
}

void bus_wire::audited(const result<std::vector<stream_end>>& ends) {
  const std::lock_guard lock{mutex_};
  auditing_ = false;
  doubtful_ = false;
  if (!ends) return;
  for (const auto& one : *ends) {
    followed* const of = find(one.name);
    if (of == nullptr) continue;
    // That an actor's newest is older than one that was seen is no news where the log forgets.
    const auto last = std::max(one.last, std::min(one.reaches, of->tracker.last()));
    if (const auto missing = of->tracker.end(last, one.created)) tell(*of, *missing);
    doubtful_ = doubtful_ || of->tracker.doubtful();
  }
}

}  // namespace aether
