#include "raw_queue.hpp"

#include "raw_support.hpp"
#include "timing.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

namespace aether::perf {

namespace {

constexpr const char* stream = "raw_queue";
constexpr int page = 1'000;

void make_stream(natsConnection* connection) {
  const raw_context jetstream{connection, nullptr};
  js_DeleteStream(jetstream.handle, stream, nullptr, nullptr);
  const char* subjects[] = {"rawq.>"};
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = stream;
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  config.Retention = js_WorkQueuePolicy;
  check(js_AddStream(nullptr, jetstream.handle, &config, nullptr, nullptr), "js_AddStream");
}

void consume(natsConnection* connection, std::size_t total, std::atomic<bool>& failed) {
  const raw_context jetstream{connection, nullptr};
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Config.MaxAckPending = 10 * page;
  natsSubscription* pulls = nullptr;
  if (js_PullSubscribe(&pulls, jetstream.handle, "rawq.>", "raw", nullptr, &options, nullptr) !=
      NATS_OK) {
    failed = true;
    return;
  }
  const auto begin = clock::now();
  for (std::size_t seen = 0; seen < total && clock::now() - begin < std::chrono::minutes{2};) {
    natsMsgList got{};
    if (natsSubscription_Fetch(&got, pulls, page, 200, nullptr) != NATS_OK) continue;
    seen += static_cast<std::size_t>(got.Count);
    for (int i = 0; i < got.Count; ++i) natsMsg_Ack(got.Msgs[i], nullptr);
    natsMsgList_Destroy(&got);
  }
  natsConnection_FlushTimeout(connection, 5'000);
  natsSubscription_Destroy(pulls);
}

}  // namespace

double raw_work_queue(const std::string& url, std::size_t total, std::size_t window,
                      std::size_t payload_bytes) {
  natsConnection* out = nullptr;
  natsConnection* in = nullptr;
  check(natsConnection_ConnectTo(&out, url.c_str()), "natsConnection_ConnectTo");
  check(natsConnection_ConnectTo(&in, url.c_str()), "natsConnection_ConnectTo");
  make_stream(out);
  std::atomic<bool> failed{false};
  const std::string payload(payload_bytes, 'x');
  const auto begin = clock::now();
  {
    std::jthread consumer{[&] { consume(in, total, failed); }};
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = static_cast<int64_t>(window);
    options.PublishAsync.StallWait = 10'000;
    const raw_context jetstream{out, &options};
    for (std::size_t i = 0; i < total; ++i) {
      const std::string subject = "rawq." + std::to_string(i % 1'000);
      const std::string id = std::to_string(i) + "-0123456789abcdef0123456789";
      jsPubOptions how;
      jsPubOptions_Init(&how);
      how.MsgId = id.c_str();
      check(js_PublishAsync(jetstream.handle, subject.c_str(), payload.data(),
                            static_cast<int>(payload.size()), &how),
            "js_PublishAsync");
    }
    check(js_PublishAsyncComplete(jetstream.handle, nullptr), "js_PublishAsyncComplete");
  }
  const double rate = per_second(total, begin);
  natsConnection_Destroy(out);
  natsConnection_Destroy(in);
  if (failed) throw std::runtime_error{"the raw consumer was not made"};
  return rate;
}

}  // namespace aether::perf
