#pragma once

#include <aether/actors/behavior.hpp>
#include <aether/persistence/history.hpp>
#include <aether/persistence/snapshot_store.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace aether {

/// Where in a history a state stands.
struct history_point {
  /// The last event applied; 0 for none.
  event_version version;
  /// When that event's commit was written, by the writer's clock; none where nothing was applied.
  std::optional<std::chrono::sys_time<std::chrono::milliseconds>> at;
};

namespace detail {

/// What a replay is to do, without the actor's C++ type.
struct replay_order {
  std::shared_ptr<event_store> events;
  /// Null: from the first event on, whatever snapshots there are.
  std::shared_ptr<snapshot_store> snapshots;
  actor_address address;
  const actor_traits* traits;
  std::shared_ptr<behavior> actor;
  event_version to;
  /// Called after each event; may be empty.
  std::function<void(const recorded_event&)> applied;
};

void replay_history(replay_order order, std::move_only_function<void(result<history_point>)> done);

/// The version that the actor had at that time; 0 before its first commit.
void version_at(event_store& events, const actor_address& address,
                std::chrono::sys_time<std::chrono::milliseconds> time,
                std::move_only_function<void(result<event_version>)> done);

}  // namespace detail

/// Reads one actor's past from the stores, without activating the actor: what its state was at a
/// version or a time, and how it came to be. Reads what is stored; what the actor is just deciding
/// is not there yet. Versions count stored events, whatever they are upcast to. An actor without a
/// history is at version 0 in its first state, which is no error. `Actor` is default-constructible.
/// Cheap to copy; safe to share between threads.
///
/// The stores outlive every answer: whoever made them drops them after the last one, and not from
/// within one. For one made by `node::history` the node does so; it must not be gone before them.
///
/// Answers are futures; do not wait for them on a thread of the runtime.
template <class Actor>
class actor_history {
 public:
  using state_type = typename Actor::state;
  using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

  struct moment {
    state_type state{};
    history_point point;
  };

  /// @param events null: everything is answered `not_running`.
  actor_history(std::shared_ptr<event_store> events, std::shared_ptr<snapshot_store> snapshots,
                std::string_view id)
      : events_{std::move(events)},
        snapshots_{std::move(snapshots)},
        address_{events_ ? parse(id) : fail(errc::not_running, "there is no store: join first")} {}

  /// The state after that event; after the last one where the history ends before, see `point`.
  /// Takes the newest snapshot that is no later, then the events up to `version`.
  /// @errors `invalid_argument`: the id is none. `not_running`: no store, or its connection is
  ///         closed. `unavailable`, `timed_out`: ask again.
  ///         `corrupt_history`: an event cannot be read or applied; the text has its version.
  [[nodiscard]] std::future<result<moment>> state_at(event_version version) const {
    auto [done, answer] = slot<moment>();
    if (!address_) {
      done(std::unexpected(address_.error()));
      return std::move(answer);
    }
    replay(version, snapshots_, {}, std::move(done));
    return std::move(answer);
  }

  /// The state after all commits that were written at `time` or before, by the writers' clocks.
  /// @errors as above. `stream_regressed`: the log is known to be another than before; an operator
  ///         decides.
  [[nodiscard]] std::future<result<moment>> state_at(time_point time) const {
    auto [done, answer] = slot<moment>();
    if (!address_) {
      done(std::unexpected(address_.error()));
      return std::move(answer);
    }
    detail::version_at(
        *events_, *address_, time,
        [self = *this, done = std::move(done)](result<event_version> version) mutable {
          if (!version) return done(std::unexpected(std::move(version).error()));
          self.replay(*version, self.snapshots_, {}, std::move(done));
        });
    return std::move(answer);
  }

  /// The state now.
  [[nodiscard]] std::future<result<moment>> state_now() const { return state_at(any_version); }

  /// Goes through the history from its first event up to `to`, without snapshots.
  /// @param visit gets each stored event once, as it is stored, and the state after it: where
  ///        `upcast` makes several of it, after all of them. Called on a thread of the store or
  ///        within this call. Is quick, does not block and throws nothing: on a NATS connection it
  ///        holds up the delivery of everything else, acknowledgements and heartbeats included.
  /// @errors as of `state_at` a version; what came before the error was visited.
  [[nodiscard]] std::future<result<moment>> replay(
      std::function<void(const recorded_event&, const state_type&)> visit,
      event_version to = any_version) const {
    auto [done, answer] = slot<moment>();
    if (!address_) {
      done(std::unexpected(address_.error()));
      return std::move(answer);
    }
    replay(to, nullptr, std::move(visit), std::move(done));
    return std::move(answer);
  }

  /// The events as they are stored, retired ones under their old names (`event_reader<Actor>::read`
  /// says what they mean today); see `read_history`. At most 1,000 unless `limit` says otherwise:
  /// look at `more`.
  /// @errors `invalid_argument`, `not_running`, `unavailable`, `timed_out` as of `state_at`.
  ///         `corrupt_history`: a record cannot be read, or a version is missing; the text has the
  ///         place. `stream_regressed` with `newest_first`.
  [[nodiscard]] std::future<result<history_part>> events(const history_query& query = {}) const {
    auto [done, answer] = slot<history_part>();
    if (!address_) {
      done(std::unexpected(address_.error()));
      return std::move(answer);
    }
    // The store is kept until it has answered.
    read_history(*events_, *address_, query,
                 [kept = events_, done = std::move(done)](result<history_part> part) mutable {
                   done(std::move(part));
                 });
    return std::move(answer);
  }

 private:
  using visitor = std::function<void(const recorded_event&, const state_type&)>;

  static result<actor_address> parse(std::string_view id) {
    auto valid = actor_id::parse(id);
    if (!valid) return std::unexpected(std::move(valid).error());
    return actor_address{model<Actor>::traits().type, std::move(*valid)};
  }

  template <class T>
  static auto slot() {
    std::promise<result<T>> promise;
    auto answer = promise.get_future();
    return std::pair{[promise = std::move(promise)](result<T> got) mutable {
                       promise.set_value(std::move(got));
                     },
                     std::move(answer)};
  }

  template <class Done>
  void replay(event_version to, std::shared_ptr<snapshot_store> snapshots, visitor visit,
              Done done) const {
    // The address must outlive the actor that is bound to it.
    struct subject {
      actor_address address;
      model<Actor> actor;
      explicit subject(const actor_address& self) : address{self}, actor{Actor{}, address} {}
      [[nodiscard]] const state_type& state() {
        return *static_cast<const state_type*>(actor.state());
      }
    };
    auto own = std::make_shared<subject>(*address_);
    std::function<void(const recorded_event&)> applied;
    if (visit)
      applied = [own, visit = std::move(visit)](const recorded_event& event) {
        visit(event, own->state());
      };
    detail::replay_history({events_, std::move(snapshots), own->address, &model<Actor>::traits(),
                            std::shared_ptr<behavior>{own, &own->actor}, to, std::move(applied)},
                           [own, done = std::move(done)](result<history_point> reached) mutable {
                             if (!reached) return done(std::unexpected(std::move(reached).error()));
                             done(moment{own->state(), *reached});
                           });
  }

  std::shared_ptr<event_store> events_;
  std::shared_ptr<snapshot_store> snapshots_;
  result<actor_address> address_;
};

}  // namespace aether
