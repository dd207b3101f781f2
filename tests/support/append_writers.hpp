#pragma once

#include <aether/persistence/jetstream_store.hpp>
#include "support/append_ledger.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace aether::testing {

/// Writers who append to the same actors against each other, each as it would be in a process of
/// its own: a connection and a store each, with `lanes` threads. A lane appends what follows the
/// end of the history as it knows it, which is often not the end any more; then it reads the end
/// and decides again. It sends some commits once more whose outcome it was not told.
class append_writers {
 public:
  struct options {
    std::string url;
    subjects names;
    jetstream_layout layout;
    std::uint64_t seed = 1;
    std::size_t actors = 50;
    std::size_t lanes = 3;
    /// A client each, and how long its appends may take: with short ones some end undecided.
    std::vector<std::chrono::milliseconds> deadlines = {
        std::chrono::milliseconds{700}, std::chrono::milliseconds{800},
        std::chrono::milliseconds{900}, std::chrono::milliseconds{10'000}};
  };

  /// Opens the connections and begins. Throws `std::runtime_error` where one cannot be opened.
  explicit append_writers(options chosen);
  append_writers(const append_writers&) = delete;
  append_writers& operator=(const append_writers&) = delete;
  ~append_writers();

  /// Appends that were reported stored, and those that ran out of time (`outcome_unknown` and
  /// `unavailable`), so far.
  [[nodiscard]] std::size_t stored() const noexcept { return stored_; }
  [[nodiscard]] std::size_t given_up() const noexcept { return given_up_; }
  [[nodiscard]] std::vector<actor_address> actors() const;

  /// Ends when every append under way is answered. @returns everything that was sent.
  [[nodiscard]] std::vector<append_attempt> finish();

 private:
  struct client;
  struct lane;

  void run(lane& mine);
  void step(lane& mine);
  void append_again_perhaps(lane& mine, const log_position& expected, append_attempt& attempt);
  /// Between two commits, up to some milliseconds. @returns false when it is time to end.
  [[nodiscard]] bool think(lane& mine);
  void end();

  options options_;
  std::atomic<std::size_t> stored_ = 0;
  std::atomic<std::size_t> given_up_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::vector<std::unique_ptr<client>> clients_;
  std::vector<std::unique_ptr<lane>> lanes_;
};

}  // namespace aether::testing
