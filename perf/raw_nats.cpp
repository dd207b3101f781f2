#include "raw_nats.hpp"

#include "child.hpp"
#include "measure.hpp"
#include "raw_support.hpp"
#include "timing.hpp"

#include <atomic>
#include <charconv>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace aether::perf {

namespace {

constexpr const char* question = "raw.question";

/// The last sequence of each subject, as acknowledgements tell it.
struct acknowledged {
  explicit acknowledged(std::size_t subjects) : last(subjects) {}
  std::vector<std::atomic<std::uint64_t>> last;
  std::atomic<std::size_t> failed{0};
};

void on_acknowledgement(jsCtx*, natsMsg* message, jsPubAck* answer, jsPubAckErr*, void* closure) {
  auto& all = *static_cast<acknowledged*>(closure);
  const std::string_view subject{natsMsg_GetSubject(message)};
  const auto digits = subject.substr(subject.rfind('.') + 1);
  std::size_t index = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (answer == nullptr)
    ++all.failed;
  else
    all.last[index].store(answer->Sequence, std::memory_order_relaxed);
  natsMsg_Destroy(message);
}

jsPubOptions only_after(std::uint64_t sequence) {
  jsPubOptions made;
  jsPubOptions_Init(&made);
  made.ExpectNoMessage = sequence == 0;
  made.ExpectLastSubjectSeq = sequence;
  return made;
}

jsOptions options_for(std::size_t window, acknowledged& all) {
  jsOptions made;
  jsOptions_Init(&made);
  made.PublishAsync.MaxPending = static_cast<int64_t>(window);
  made.PublishAsync.StallWait = 10'000;
  made.PublishAsync.AckHandler = on_acknowledgement;
  made.PublishAsync.AckHandlerClosure = &all;
  return made;
}

void publish_async(jsCtx* jetstream, const std::string& subject, const std::string& payload,
                   const std::string& header, std::uint64_t after) {
  natsMsg* message = nullptr;
  check(natsMsg_Create(&message, subject.c_str(), nullptr, payload.data(),
                       static_cast<int>(payload.size())),
        "natsMsg_Create");
  if (!header.empty())
    check(natsMsgHeader_Set(message, "Aether-Commit", header.c_str()), "natsMsgHeader_Set");
  jsPubOptions condition = only_after(after);
  check(js_PublishMsgAsync(jetstream, &message, &condition), "js_PublishMsgAsync");
}

void answer(natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
  natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                         natsMsg_GetDataLength(message));
  natsMsg_Destroy(message);
}

natsConnection* connect(const std::string& url, bool send_at_once) {
  natsOptions* options = nullptr;
  check(natsOptions_Create(&options), "natsOptions_Create");
  natsOptions_SetURL(options, url.c_str());
  natsOptions_SetSendAsap(options, send_at_once);
  natsConnection* made = nullptr;
  const auto status = natsConnection_Connect(&made, options);
  natsOptions_Destroy(options);
  check(status, "natsConnection_Connect");
  return made;
}

}  // namespace

raw_connection::raw_connection(const std::string& url) : handle_{connect(url, false)} {}

raw_connection::~raw_connection() { natsConnection_Destroy(handle_); }

void raw_connection::make_streams(std::size_t count, bool republishing) {
  const raw_context jetstream{handle_, nullptr};
  streams_ = count;
  for (std::size_t k = 0; k < count; ++k) {
    const std::string name = "raw_" + std::to_string(k);
    const std::string wildcard = "raw." + std::to_string(k) + ".>";
    const char* subjects[] = {wildcard.c_str()};
    js_DeleteStream(jetstream.handle, name.c_str(), nullptr, nullptr);
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = name.c_str();
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Duplicates = 1'000'000'000;
    jsRePublish to_bus;
    jsRePublish_Init(&to_bus);
    to_bus.Source = "raw.>";
    to_bus.Destination = "bus.>";
    if (republishing) config.RePublish = &to_bus;
    check(js_AddStream(nullptr, jetstream.handle, &config, nullptr, nullptr), "js_AddStream");
  }
}

double raw_connection::publish(const raw_publishes& what) {
  const std::string payload(what.payload_bytes, 'x');
  std::vector<std::string> names;
  for (std::size_t i = 0; i < what.subjects; ++i)
    names.push_back("raw." + std::to_string(i % streams_) + "." + std::to_string(i));
  acknowledged all{what.subjects};
  jsOptions options = options_for(what.window, all);
  const raw_context jetstream{handle_, &options};
  const auto begin = clock::now();
  for (std::size_t i = 0; i < what.total; ++i) {
    const auto after = all.last[i % what.subjects].load(std::memory_order_relaxed);
    publish_async(jetstream.handle, names[i % what.subjects], payload, what.header, after);
  }
  check(js_PublishAsyncComplete(jetstream.handle, nullptr), "js_PublishAsyncComplete");
  const double rate = per_second(what.total, begin);
  if (all.failed != 0) throw std::runtime_error{"conditional publishes were refused"};
  return rate;
}

double raw_connection::publish_one_at_a_time(std::size_t total) {
  const std::string payload(raw_publishes{}.payload_bytes, 'x');
  const raw_context jetstream{handle_, nullptr};
  std::uint64_t last = 0;
  const auto begin = clock::now();
  for (std::size_t i = 0; i < total; ++i) {
    jsPubOptions condition = only_after(last);
    jsPubAck* acknowledgement = nullptr;
    check(js_Publish(&acknowledgement, jetstream.handle, "raw.0.hot", payload.data(),
                     static_cast<int>(payload.size()), &condition, nullptr),
          "js_Publish");
    last = acknowledgement->Sequence;
    jsPubAck_Destroy(acknowledgement);
  }
  return per_second(total, begin);
}

double raw_connection::request_p50(std::size_t total) {
  const std::string payload(64, 'x');
  std::vector<double> times;
  for (std::size_t i = 0; i < total; ++i) {
    const auto begin = clock::now();
    natsMsg* reply = nullptr;
    check(natsConnection_Request(&reply, handle_, question, payload.data(),
                                 static_cast<int>(payload.size()), 5'000),
          "natsConnection_Request");
    times.push_back(microseconds_since(begin));
    natsMsg_Destroy(reply);
  }
  return spread_of(std::move(times)).median;
}

void respond_raw(const std::string& url) {
  natsConnection* const connection = connect(url, true);
  natsSubscription* subscription = nullptr;
  check(natsConnection_Subscribe(&subscription, connection, question, answer, nullptr),
        "natsConnection_Subscribe");
  check(natsConnection_Flush(connection), "natsConnection_Flush");
  for (;;) ::pause();
}

}  // namespace aether::perf
