#include "event_loop.hpp"

#include <algorithm>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aether::nats {
namespace {

constexpr event_loop::clock::rep never =
    event_loop::clock::time_point::max().time_since_epoch().count();

thread_local int quiet_depth = 0;

event_loop::clock::time_point time_of(event_loop::clock::rep ticks) {
  return event_loop::clock::time_point{event_loop::clock::duration{ticks}};
}

bool control(int epoll_fd, int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  return ::epoll_ctl(epoll_fd, operation, fd, &event) == 0;
}

}  // namespace

event_loop::event_loop()
    : epoll_fd_{::epoll_create1(EPOLL_CLOEXEC)},
      wake_fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      armed_until_{never} {
  // Edge-triggered: each wake-up is one edge, so nobody has to read the counter back.
  if (valid()) control(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, EPOLLIN | EPOLLET);
}

event_loop::~event_loop() {
  stop();
  close_retired();
  if (wake_fd_ >= 0) ::close(wake_fd_);
  if (epoll_fd_ >= 0) ::close(epoll_fd_);
}

natsStatus event_loop::install(natsOptions* options) {
  return natsOptions_SetEventLoop(options, this, &event_loop::attach, &event_loop::want_read,
                                  &event_loop::want_write, &event_loop::detach);
}

bool event_loop::start(deadline_handler on_deadline, crowd_test crowded) {
  on_deadline_ = std::move(on_deadline);
  crowded_ = std::move(crowded);
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void event_loop::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  reap_all();
}

event_loop::quiet_scope::quiet_scope() noexcept { ++quiet_depth; }
event_loop::quiet_scope::~quiet_scope() { --quiet_depth; }

void event_loop::write_now() {
  if (!write_wanted_.load() || congested_.load()) return;
  if (!io_.try_lock()) {
    wake();
    return;
  }
  write_buffered();
  io_.unlock();
  // What another thread added meanwhile with `soon` is its own wake-up's business.
}

void event_loop::wake_by(clock::time_point deadline) {
  const clock::rep wanted = deadline.time_since_epoch().count();
  clock::rep armed = armed_until_.load();
  while (wanted < armed) {
    if (armed_until_.compare_exchange_weak(armed, wanted)) {
      wake();
      return;
    }
  }
}

void event_loop::reap(natsSubscription* completed) {
  {
    const std::lock_guard guard{poll_mutex_};
    done_.push_back(completed);
  }
  has_chores_ = true;
  wake();
}

natsStatus event_loop::attach(void** user_data, void* loop, natsConnection* connection,
                              natsSock fd) {
  auto* self = static_cast<event_loop*>(loop);
  *user_data = self;
  const std::lock_guard guard{self->poll_mutex_};
  self->connection_ = connection;
  self->write_wanted_ = false;
  self->congested_ = false;
  self->socket_ = fd;
  return control(self->epoll_fd_, EPOLL_CTL_ADD, fd, EPOLLIN) ? NATS_OK : NATS_ERR;
}

natsStatus event_loop::want_read(void* user_data, bool add) {
  auto* self = static_cast<event_loop*>(user_data);
  if (add) return NATS_OK;  // `attach` has already done so
  const std::lock_guard guard{self->poll_mutex_};
  if (self->socket_ < 0) return NATS_OK;
  control(self->epoll_fd_, EPOLL_CTL_DEL, self->socket_, 0);
#if NATS_VERSION_NUMBER >= 0x030902
  // From here on the library leaves closing to the loop.
  self->retired_.push_back(self->socket_);
  self->has_chores_ = true;
  self->wake();
#endif
  self->socket_ = -1;
  return NATS_OK;
}

natsStatus event_loop::want_write(void* user_data, bool add) {
  auto* self = static_cast<event_loop*>(user_data);
  if (!add) self->wrote_all_ = true;
  self->write_wanted_ = add;
  if (add && quiet_depth == 0) self->wake();
  return NATS_OK;
}

natsStatus event_loop::detach([[maybe_unused]] void* user_data) {
#if NATS_VERSION_NUMBER >= 0x030B00
  natsConnection_ProcessDetachedEvent(static_cast<event_loop*>(user_data)->connection_.load());
#endif
  return NATS_OK;
}

void event_loop::run() {
  while (!stopping_) {
    bool readable = false;
    bool writable = false;
    await_events(readable, writable);
    if (readable) read();
    if (write_wanted_ && (writable || !congested_)) {
      const std::lock_guard guard{io_};
      write_buffered();
    }
    if (has_chores_.exchange(false)) {
      close_retired();
      reap_all();
    }
    keep_deadlines();
    if (crowded_() && !stopping_) std::this_thread::sleep_for(gathering);
  }
}

void event_loop::await_events(bool& readable, bool& writable) {
  epoll_event events[2];
  // Announce the sleep first, look for work second: whoever adds work afterwards sees `sleeping_`
  // and wakes us, whoever added it before is seen here.
  sleeping_ = true;
  const bool busy = stopping_ || has_chores_ || (write_wanted_ && !congested_);
  const int count = ::epoll_wait(epoll_fd_, events, 2, busy ? 0 : sleep_ms());
  sleeping_ = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[i];
    if (event.data.fd == wake_fd_) continue;
    readable = (event.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
    writable = (event.events & EPOLLOUT) != 0;
  }
}

int event_loop::sleep_ms() const {
  const clock::rep armed = armed_until_.load();
  if (armed == never) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time_of(armed) - clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void event_loop::read() {
  const std::lock_guard guard{io_};
  natsConnection_ProcessReadEvent(connection_);
}

// With `io_` held.
void event_loop::write_buffered() {
  if (!write_wanted_) return;
  wrote_all_ = false;
  natsConnection_ProcessWriteEvent(connection_);
  // Something is left: the socket was full. Only its having space is worth another attempt.
  if (congested_ == wrote_all_) poll_for_space(!wrote_all_);
}

void event_loop::poll_for_space(bool on) {
  const std::lock_guard guard{poll_mutex_};
  congested_ = on && socket_ >= 0;
  if (socket_ < 0) return;
  control(epoll_fd_, EPOLL_CTL_MOD, socket_, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void event_loop::close_retired() {
#if NATS_VERSION_NUMBER >= 0x030902
  std::vector<int> retired;
  {
    const std::lock_guard guard{poll_mutex_};
    retired.swap(retired_);
  }
  for (natsSock fd : retired) natsConnection_ProcessCloseEvent(&fd);
#endif
}

void event_loop::reap_all() {
  std::vector<natsSubscription*> done;
  {
    const std::lock_guard guard{poll_mutex_};
    done.swap(done_);
  }
  for (natsSubscription* each : done) natsSubscription_Destroy(each);
}

void event_loop::keep_deadlines() {
  const clock::rep armed = armed_until_.load();
  if (armed == never) return;
  const auto now = clock::now();
  if (now < time_of(armed)) return;
  // Disarm before looking: a deadline added meanwhile arms again.
  armed_until_ = never;
  const auto next = on_deadline_(now);
  if (next != clock::time_point::max()) wake_by(next);
}

void event_loop::wake() {
  if (!sleeping_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

}  // namespace aether::nats
