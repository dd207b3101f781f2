#pragma once

#include <nats/nats.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace aether::nats {

/// One thread that reads and writes a connection's socket, and keeps its deadlines.
///
/// Why not the client's own threads: its flusher wakes once a millisecond, and without the flusher
/// each publish is a system call. Here `soon` messages share the write of this thread, and `now`
/// messages are written by the thread that publishes them (`write_now`).
///
/// Two rules keep the client library (3.4.1) safe; `io_` enforces them:
///  - nobody writes without something to write: a write of no bytes counts as a lost connection;
///  - nobody writes while this thread reads: a failed write closes the socket being read.
///
/// Threads: `write_now`, `wake`, `wake_by`, `reap` from any thread; the client library calls the
/// static callbacks with its connection lock held, so they take no lock but `poll_mutex_`.
class event_loop {
 public:
  using clock = std::chrono::steady_clock;
  /// Called by the loop's thread when a deadline has passed; returns the next one.
  using deadline_handler = std::function<clock::time_point(clock::time_point now)>;
  /// Asked by the loop's thread, each time round: are so many waiting for answers that none is
  /// worth a wake-up of its own?
  using crowd_test = std::function<bool()>;
  /// In a crowd, the loop lets so much time pass between two reads: each then brings many answers,
  /// and the write after it takes many messages. Half of all processor time goes into wake-ups
  /// otherwise.
  static constexpr std::chrono::microseconds gathering{200};

  event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  ~event_loop();

  /// False when the system has no file descriptors left.
  [[nodiscard]] bool valid() const noexcept { return epoll_fd_ >= 0 && wake_fd_ >= 0; }
  /// Makes connections opened with `options` use this loop.
  natsStatus install(natsOptions* options);
  /// False when the system has no thread left.
  [[nodiscard]] bool start(deadline_handler on_deadline, crowd_test crowded);
  /// Ends and joins the thread. Idempotent; not from the loop's thread.
  void stop();

  /// While one lives, what this thread publishes does not wake the loop: `write_now` follows.
  class quiet_scope {
   public:
    quiet_scope() noexcept;
    quiet_scope(const quiet_scope&) = delete;
    quiet_scope& operator=(const quiet_scope&) = delete;
    ~quiet_scope();
  };
  /// Writes what is buffered, on the calling thread, unless the loop is reading just now: then the
  /// loop writes as soon as it has read.
  void write_now();
  /// True while the socket takes no more: the server reads too slowly.
  [[nodiscard]] bool congested() const noexcept { return congested_.load(); }
  /// Makes sure that the deadline handler is called at `deadline`, about a millisecond late.
  void wake_by(clock::time_point deadline);
  /// Destroys a completed subscription between two reads, the only moment when the read path
  /// certainly does not touch it (it does so without holding a reference, before 3.6.1).
  void reap(natsSubscription* completed);

 private:
  static natsStatus attach(void** user_data, void* loop, natsConnection* connection, natsSock fd);
  static natsStatus want_read(void* user_data, bool add);
  static natsStatus want_write(void* user_data, bool add);
  static natsStatus detach(void* user_data);

  void run();
  void await_events(bool& readable, bool& writable);
  [[nodiscard]] int sleep_ms() const;
  void read();
  void write_buffered();
  void poll_for_space(bool on);
  void close_retired();
  void reap_all();
  void keep_deadlines();
  void wake();

  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  std::thread thread_;
  deadline_handler on_deadline_;
  crowd_test crowded_;

  std::mutex io_;
  std::mutex poll_mutex_;
  int socket_ = -1;                      // guarded by poll_mutex_
  std::vector<int> retired_;             // sockets to close, guarded by poll_mutex_
  std::vector<natsSubscription*> done_;  // guarded by poll_mutex_
  std::atomic<bool> has_chores_{false};

  std::atomic<natsConnection*> connection_{nullptr};
  std::atomic<bool> write_wanted_{false};
  std::atomic<bool> wrote_all_{true};
  std::atomic<bool> congested_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<clock::rep> armed_until_;
};

}  // namespace aether::nats
