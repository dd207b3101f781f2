#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/jetstream_store.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

/// The stores alone, and ways to fill them fast. Where something fails, these throw.
namespace aether::perf {

/// A namespace on a server, laid out as Aether does by default.
struct stores {
  explicit stores(const std::string& url);
  ~stores();
  stores(const stores&) = delete;
  stores& operator=(const stores&) = delete;

  [[nodiscard]] std::vector<std::string> event_streams() const;
  [[nodiscard]] std::string event_stream(const actor_address& address) const;
  [[nodiscard]] std::string commits_subject(const actor_address& address) const;

  subjects names;
  jetstream_layout layout{};
  std::shared_ptr<nats_connection> connection;
  std::shared_ptr<event_store> events;
  std::shared_ptr<snapshot_store> snapshots;
};

[[nodiscard]] actor_address address_of(std::string_view type, std::size_t index);

/// A history as its one writer knows it.
struct history {
  explicit history(actor_address whose) : address{std::move(whose)} {}

  actor_address address;
  event_version version;
  /// Of its commits: all of them, or the newest `commit_back_pointers_max`.
  std::vector<stream_sequence> sequences{};
  /// While true the rest belongs to the store's thread.
  std::atomic<bool> appending{false};

  [[nodiscard]] log_position end() const {
    return {version, sequences.empty() ? stream_sequence{} : sequences.back()};
  }
};

/// Histories of `count` actors, without events.
[[nodiscard]] std::deque<history> histories(std::string_view type, std::size_t count);

/// The commit that a counter's owner writes when one command adds `events` times.
[[nodiscard]] commit next_commit(const history& after, std::size_t events);

/// Appends as one thread, many at a time.
class writer {
 public:
  static constexpr std::ptrdiff_t window_max = 8'192;

  /// @param window appends under way, at most `window_max`.
  writer(event_store& to, std::ptrdiff_t window) : store_{to}, window_{window}, free_{window} {}
  ~writer() { await_all(); }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  /// Blocks while the window is full, or while this actor's last append is under way.
  /// @param events in the one commit.
  void append(history& to, std::size_t events = 1);
  /// Returns when all are stored, throws when one was not.
  void finish();

 private:
  void await_all();
  void done(history& to, std::size_t events, const result<log_position>& stored);

  event_store& store_;
  const std::ptrdiff_t window_;
  std::counting_semaphore<window_max> free_;
  std::atomic<std::size_t> failed_{0};
  std::string why_;
};

/// A host of `Actor`s over the stores, with none in memory. Throws where it cannot let go of them.
template <class Actor>
class rehydrating_host {
 public:
  explicit rehydrating_host(const stores& on) : host{{}, on.events, on.snapshots, clock_} {
    host.host<Actor>();
  }
  /// Lets go of all actors: they are stored, and what there is to snapshot is.
  void stop();

 private:
  timers clock_;

 public:
  actor_host host;
};

void stop_or_throw(actor_host& host);

template <class Actor>
void rehydrating_host<Actor>::stop() {
  stop_or_throw(host);
}

}  // namespace aether::perf
