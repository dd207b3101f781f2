#include "discard.hpp"

#include <array>
#include <cstddef>

namespace aether::nats {
namespace {

/// Stays readable after `kept` is gone, for what is destroyed even later in a thread's life.
thread_local bool thread_ends = false;

class kept_messages {
 public:
  kept_messages() = default;
  kept_messages(const kept_messages&) = delete;
  kept_messages& operator=(const kept_messages&) = delete;
  ~kept_messages() {
    destroy_all();
    thread_ends = true;
  }

  void add(natsMsg* message) noexcept {
    kept_[count_++] = message;
    bytes_ += natsMsg_GetDataLength(message);
    if (count_ == kept_.size() || bytes_ > kept_bytes_max) destroy_all();
  }

 private:
  void destroy_all() noexcept {
    for (std::size_t i = 0; i < count_; ++i) natsMsg_Destroy(kept_[i]);
    count_ = 0;
    bytes_ = 0;
  }

  std::array<natsMsg*, discarded_together> kept_{};
  std::size_t count_ = 0;
  int bytes_ = 0;
};

}  // namespace

void discard(natsMsg* message) noexcept {
  if (message == nullptr) return;
  if (thread_ends) return natsMsg_Destroy(message);
  thread_local kept_messages kept;
  kept.add(message);
}

}  // namespace aether::nats
