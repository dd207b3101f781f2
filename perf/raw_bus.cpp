#include "raw_bus.hpp"

#include "measure.hpp"
#include "raw_support.hpp"
#include "timing.hpp"

#include <atomic>
#include <utility>
#include <vector>

namespace aether::perf {

namespace {

constexpr const char* place = "raw.bus";

natsConnection* connect(const std::string& url, bool at_once) {
  natsOptions* options = nullptr;
  check(natsOptions_Create(&options), "natsOptions_Create");
  check(natsOptions_SetURL(options, url.c_str()), "natsOptions_SetURL");
  check(natsOptions_SetSendAsap(options, at_once), "natsOptions_SetSendAsap");
  natsConnection* made = nullptr;
  const natsStatus status = natsConnection_Connect(&made, options);
  natsOptions_Destroy(options);
  check(status, "natsConnection_Connect");
  return made;
}

/// A publisher, a subscriber, and how many messages the one has of the other.
class pair {
 public:
  pair(const std::string& url, bool at_once)
      : from_{connect(url, at_once)}, to_{connect(url, at_once)} {
    check(natsConnection_Subscribe(&subscription_, to_, place, &pair::received, this),
          "natsConnection_Subscribe");
    check(natsSubscription_SetPendingLimits(subscription_, -1, -1), "SetPendingLimits");
    check(natsConnection_Flush(to_), "natsConnection_Flush");
  }
  ~pair() {
    natsConnection_Close(to_);
    natsConnection_Close(from_);
    natsSubscription_Destroy(subscription_);
    natsConnection_Destroy(to_);
    natsConnection_Destroy(from_);
  }
  pair(const pair&) = delete;
  pair& operator=(const pair&) = delete;

  void publish(const std::string& payload) {
    check(natsConnection_Publish(from_, place, payload.data(), static_cast<int>(payload.size())),
          "natsConnection_Publish");
  }
  [[nodiscard]] const std::atomic<std::size_t>& count() const noexcept { return count_; }
  [[nodiscard]] clock::time_point newest() const noexcept { return newest_; }

 private:
  static void received(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    auto& self = *static_cast<pair*>(closure);
    self.newest_ = clock::now();
    self.count_.fetch_add(1, std::memory_order_release);
    natsMsg_Destroy(message);
  }

  natsConnection* from_;
  natsConnection* to_;
  natsSubscription* subscription_ = nullptr;
  clock::time_point newest_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace

double raw_to_subscriber(const std::string& url, const raw_messages& what) {
  pair over{url, false};
  const std::string payload(what.payload_bytes, 'x');
  const auto begin = clock::now();
  for (std::size_t sent = 0; sent < what.total; ++sent) {
    if (sent >= what.window) await(over.count(), sent - what.window);
    over.publish(payload);
  }
  await(over.count(), what.total);
  return per_second(what.total, begin);
}

double raw_hop_p50(const std::string& url, const raw_messages& what) {
  pair over{url, true};
  const std::string payload(what.payload_bytes, 'x');
  std::vector<double> times;
  for (std::size_t sent = 0; sent < what.total; ++sent) {
    const auto begin = clock::now();
    over.publish(payload);
    await(over.count(), sent + 1);
    times.push_back(std::chrono::duration<double, std::micro>(over.newest() - begin).count());
  }
  return spread_of(std::move(times)).median;
}

}  // namespace aether::perf
