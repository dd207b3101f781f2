// What reading costs with the client library alone.

#include "measure.hpp"
#include "raw_nats.hpp"
#include "raw_support.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

constexpr std::int64_t patience_ms = 5'000;

struct message_deleter {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
using owned_message = std::unique_ptr<natsMsg, message_deleter>;

struct subscription_deleter {
  void operator()(natsSubscription* one) const { natsSubscription_Destroy(one); }
};
using owned_subscription = std::unique_ptr<natsSubscription, subscription_deleter>;

void check_found(natsMsg* answer) {
  // What is not there is answered with a status and no payload.
  if (natsMsg_GetDataLength(answer) == 0) throw std::runtime_error{"a raw get found nothing"};
}

std::string api_subject(const raw_get& what) { return "$JS.API.DIRECT.GET." + what.stream; }

void get(natsConnection* connection, const raw_get& what) {
  natsMsg* answer = nullptr;
  check(natsConnection_RequestString(&answer, connection, api_subject(what).c_str(),
                                     what.query.c_str(), patience_ms),
        "a raw get");
  const owned_message owned{answer};
  check_found(answer);
}

/// Who waits reads the answers itself: no thread between. The last request writes all of them out.
void get_all(natsConnection* connection, natsSubscription* inbox, const char* reply_to,
             const std::vector<raw_get>& batch) {
  for (std::size_t i = 0; i + 1 < batch.size(); ++i)
    check(natsConnection_PublishRequestString(connection, api_subject(batch[i]).c_str(), reply_to,
                                              batch[i].query.c_str()),
          "natsConnection_PublishRequest");
  get(connection, batch.back());
  for (std::size_t i = 0; i + 1 < batch.size(); ++i) {
    natsMsg* answer = nullptr;
    check(natsSubscription_NextMsg(&answer, inbox, patience_ms), "natsSubscription_NextMsg");
    const owned_message owned{answer};
    check_found(answer);
  }
}

void count_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  ++*static_cast<std::atomic<std::size_t>*>(closure);
  natsMsg_Destroy(message);
}

owned_subscription consume(natsConnection* connection, const std::string& stream,
                           const std::string& inbox, std::atomic<std::size_t>& come) {
  natsSubscription* made = nullptr;
  check(natsConnection_Subscribe(&made, connection, inbox.c_str(), count_message, &come),
        "natsConnection_Subscribe");
  owned_subscription owned{made};
  check(natsSubscription_SetPendingLimits(made, -1, -1), "natsSubscription_SetPendingLimits");
  const raw_context jetstream{connection, nullptr};
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.DeliverSubject = inbox.c_str();
  config.AckPolicy = js_AckNone;
  check(js_AddConsumer(nullptr, jetstream.handle, stream.c_str(), &config, nullptr, nullptr),
        "js_AddConsumer");
  return owned;
}

}  // namespace

double raw_connection::get_p50(const std::vector<raw_get>& each) {
  std::vector<double> times;
  for (const auto& one : each) {
    const auto begin = clock::now();
    get(handle_, one);
    times.push_back(microseconds_since(begin));
  }
  return spread_of(std::move(times)).median;
}

double raw_connection::batch_get_p50(const std::vector<std::vector<raw_get>>& batches) {
  constexpr const char* reply_to = "raw.inbox";
  natsSubscription* made = nullptr;
  check(natsConnection_SubscribeSync(&made, handle_, reply_to), "natsConnection_SubscribeSync");
  const owned_subscription inbox{made};
  std::vector<double> times;
  for (const auto& batch : batches) {
    const auto begin = clock::now();
    get_all(handle_, made, reply_to, batch);
    times.push_back(microseconds_since(begin));
  }
  return spread_of(std::move(times)).median;
}

double raw_connection::replay(const std::vector<std::string>& streams, std::size_t total) {
  std::atomic<std::size_t> come{0};
  std::vector<owned_subscription> all;
  const auto begin = clock::now();
  for (const auto& stream : streams)
    all.push_back(consume(handle_, stream, "raw.replay." + stream, come));
  while (come < total) {
    if (clock::now() - begin > std::chrono::minutes{2})
      throw std::runtime_error{"only " + std::to_string(come) + " messages were replayed"};
    std::this_thread::sleep_for(std::chrono::microseconds{200});
  }
  const double rate = per_second(total, begin);
  // No callback after its counter is gone: an unsubscribed one may still be running.
  for (auto& one : all) check(natsSubscription_Drain(one.get()), "natsSubscription_Drain");
  for (auto& one : all)
    check(natsSubscription_WaitForDrainCompletion(one.get(), patience_ms), "draining");
  if (come != total) throw std::runtime_error{"more was replayed than stored"};
  return rate;
}

std::size_t raw_connection::stored() {
  const raw_context jetstream{handle_, nullptr};
  jsStreamInfoList* all = nullptr;
  check(js_Streams(&all, jetstream.handle, nullptr, nullptr), "js_Streams");
  std::size_t sum = 0;
  for (int i = 0; i < all->Count; ++i) sum += all->List[i]->State.Msgs;
  jsStreamInfoList_Destroy(all);
  return sum;
}

}  // namespace aether::perf
