#include "stream_watch.hpp"

#include <aether/runtime/log.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace aether {

namespace {

using json = nlohmann::json;

}  // namespace

stream_watch::stream_watch(std::shared_ptr<nats_connection> connection,
                           std::vector<std::string> streams, bool replicated)
    : connection_{std::move(connection)},
      patience_{replicated ? replica_patience : std::chrono::seconds{0}},
      streams_(streams.size()) {
  for (std::size_t k = 0; k < streams.size(); ++k) streams_[k].name = std::move(streams[k]);
}

result<void> stream_watch::verdict(const watched& one) {
  if (one.regressed) return fail(errc::stream_regressed, *one.regressed);
  return {};
}

void stream_watch::may_write(std::uint32_t stream, std::chrono::milliseconds timeout,
                             verdict_handler then) {
  const std::uint64_t losses = connection_->losses();
  std::unique_lock lock{mutex_};
  watched& one = streams_[stream];
  if (one.regressed || one.looked_at == losses) {
    auto may = verdict(one);
    lock.unlock();
    return then(std::move(may));
  }
  one.waiting.push_back(std::move(then));
  if (std::exchange(one.looking, true)) return;
  one.asked_for = one.reached;
  lock.unlock();
  look(stream, timeout, losses);
}

void stream_watch::look(std::uint32_t stream, std::chrono::milliseconds timeout,
                        std::uint64_t losses) {
  const std::string subject = "$JS.API.STREAM.INFO." + streams_[stream].name;
  connection_->request({subject}, timeout,
                       [self = shared_from_this(), stream, losses](result<nats_message> answer) {
                         self->looked(stream, losses, answer);
                       });
}

void stream_watch::looked(std::uint32_t stream, std::uint64_t losses,
                          const result<nats_message>& answer) {
  const json document =
      answer ? json::parse(as_text(answer->payload()), nullptr, false) : json::object();
  const bool usable = document.is_object() && document.contains("state") &&
                      document["state"].is_object() && document.contains("created");
  result<void> outcome;
  std::vector<verdict_handler> waiting;
  {
    const std::lock_guard lock{mutex_};
    watched& one = streams_[stream];
    one.looking = false;
    waiting.swap(one.waiting);
    if (usable && judge(one, document["created"].dump(),
                        document["state"].value("last_seq", std::uint64_t{0}))) {
      one.looked_at = losses;
      outcome = verdict(one);
    } else {
      outcome = fail(errc::unavailable, "cannot yet see how far stream " + one.name + " reaches" +
                                            (answer ? "" : ": " + answer.error().text()));
    }
  }
  for (auto& then : waiting) then(outcome);
}

bool stream_watch::judge(watched& one, const std::string& created, std::uint64_t last) const {
  if (one.created.empty()) one.created = created;
  if (last >= one.asked_for) {
    one.behind_since.reset();
    if (created != one.created)
      regress(one, "it was created " + created + ", the one seen before " + one.created);
    return true;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!one.behind_since) one.behind_since = now;
  if (now - *one.behind_since < patience_) return false;
  regress(one, "it ends at sequence " + std::to_string(last) + " but was seen to reach " +
                   std::to_string(one.asked_for));
  return true;
}

void stream_watch::regress(watched& one, std::string why) {
  if (one.regressed) return;
  one.regressed = "stream " + one.name + " is behind what it acknowledged: " + std::move(why) +
                  "; restore it, or restart this node to accept the loss";
  log::error("store", "stream_regressed", {{"why", *one.regressed}});
}

void stream_watch::saw(std::uint32_t stream, stream_sequence sequence) {
  const std::lock_guard lock{mutex_};
  streams_[stream].reached = std::max(streams_[stream].reached, sequence.value());
}

stream_sequence stream_watch::reached(std::uint32_t stream) const {
  const std::lock_guard lock{mutex_};
  return stream_sequence{streams_[stream].reached};
}

void stream_watch::stored(std::uint32_t stream, stream_sequence before, stream_sequence sequence) {
  const std::lock_guard lock{mutex_};
  watched& one = streams_[stream];
  if (sequence <= before)
    regress(one, "it stored a new message at sequence " + std::to_string(sequence.value()) +
                     " after it had acknowledged " + std::to_string(before.value()));
  one.reached = std::max(one.reached, sequence.value());
}

}  // namespace aether
