#include <aether/actors/actor_history.hpp>

#include <memory>
#include <string>
#include <utility>

namespace aether::detail {

namespace {

/// One replay under way: the newest snapshot that will do, then pages of events. Owned by the call
/// it waits for.
class replaying : public std::enable_shared_from_this<replaying> {
 public:
  using handler = std::move_only_function<void(result<history_point>)>;

  replaying(replay_order order, handler done) : order_{std::move(order)}, done_{std::move(done)} {}

  void start() {
    if (order_.snapshots == nullptr || order_.to.value() == 0) return read_on();
    order_.snapshots->load(order_.address, order_.to,
                           [self = shared_from_this()](result<std::optional<snapshot>> loaded) {
                             self->restore(std::move(loaded));
                           });
  }

 private:
  static constexpr std::size_t page_events = 4'096;

  /// One that cannot be used is gone without: history is the truth.
  void restore(result<std::optional<snapshot>> loaded) {
    if (!loaded && loaded.error().code() != errc::corrupt_history)
      return done_(std::unexpected(std::move(loaded).error()));
    if (!loaded || !*loaded || (*loaded)->state_type != order_.traits->state_type ||
        (*loaded)->schema != order_.traits->state_schema)
      return read_on();
    const stream_sequence covered = (*loaded)->position.sequence;
    order_.events->fetch(order_.address, {covered},
                         [self = shared_from_this(), taken = std::move(**loaded)](
                             result<std::vector<recorded_commit>> there) mutable {
                           self->restore_from(taken, std::move(there));
                         });
  }

  /// @param there the commit that the snapshot was taken after, by the log.
  void restore_from(const snapshot& taken, result<std::vector<recorded_commit>> there) {
    if (!there) return done_(std::unexpected(std::move(there).error()));
    const bool same =
        !there->empty() && there->front().position() == taken.position &&
        (taken.position.commit.is_nil() || taken.position.commit == there->front().commit.id);
    if (!same)
      return done_(fail(errc::stream_regressed,
                        to_string(order_.address) + ": the log no longer has version " +
                            std::to_string(taken.position.version.value()) +
                            " where the snapshot was taken of it, at stream sequence " +
                            std::to_string(taken.position.sequence.value())));
    if (order_.actor->decode_state(taken.state)) {
      reached_ = {taken.position.version, there->front().commit.at};
      reached_at_ = taken.position.sequence;
    } else {
      order_.actor->reset();
    }
    read_on();
  }

  void read_on() {
    if (reached_.version >= order_.to) return done_(reached_);
    const history_query next{.from = event_version{reached_.version.value() + 1},
                             .to = order_.to,
                             .limit = page_events,
                             .resume = reached_at_,
                             .careful = careful_};
    read_history(
        *order_.events, order_.address, next,
        [self = shared_from_this()](result<history_part> part) { self->apply(std::move(part)); });
  }

  void apply(result<history_part> part) {
    if (!part) return done_(std::unexpected(std::move(part).error()));
    for (const auto& next : part->events) {
      if (auto applied = order_.actor->replay(next.event); !applied)
        return cannot_apply(next, applied.error());
      reached_ = {next.version, next.at};
      reached_at_ = next.sequence;
      if (order_.applied && next.version > shown_) order_.applied(next);
    }
    if (!part->more) return done_(reached_);
    read_on();
  }

  /// An operator may have had it skipped: once more from the start, with care. Events before it
  /// have been shown already.
  void cannot_apply(const recorded_event& which, const error& why) {
    if (careful_)
      return done_(fail(errc::corrupt_history, to_string(order_.address) + ": version " +
                                                   std::to_string(which.version.value()) + " (" +
                                                   which.event.type + "): " + why.message()));
    careful_ = true;
    shown_ = reached_.version;
    order_.actor->reset();
    reached_ = {};
    reached_at_ = {};
    read_on();
  }

  replay_order order_;
  handler done_;
  history_point reached_;
  stream_sequence reached_at_;
  bool careful_ = false;
  event_version shown_;
};

}  // namespace

void replay_history(replay_order order, std::move_only_function<void(result<history_point>)> done) {
  std::make_shared<replaying>(std::move(order), std::move(done))->start();
}

void version_at(event_store& events, const actor_address& address,
                std::chrono::sys_time<std::chrono::milliseconds> time,
                std::move_only_function<void(result<event_version>)> done) {
  history_query query{.limit = 1, .newest_first = true};
  if (time < time.max()) query.until = time + std::chrono::milliseconds{1};
  read_history(events, address, query,
               [done = std::move(done)](result<history_part> newest) mutable {
                 if (!newest) return done(std::unexpected(std::move(newest).error()));
                 done(newest->events.empty() ? event_version{} : newest->events.front().version);
               });
}

}  // namespace aether::detail
