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
                           std::vector<std::string> streams, std::chrono::milliseconds look_every,
                           bool replicated)
    : connection_{std::move(connection)},
      look_every_{look_every},
      patience_{replicated ? replica_patience : std::chrono::seconds{0}},
      streams_(streams.size()) {
  for (std::size_t k = 0; k < streams.size(); ++k) streams_[k].name = std::move(streams[k]);
}

result<void> stream_watch::verdict(const watched& one) {
  if (one.regressed) return fail(errc::stream_regressed, *one.regressed);
  return {};
}

result<void> stream_watch::verdict(std::uint32_t stream) const {
  const std::lock_guard lock{mutex_};
  return verdict(streams_[stream]);
}

void stream_watch::may_write(std::uint32_t stream, std::chrono::milliseconds timeout,
                             verdict_handler then) {
  const std::uint64_t losses = connection_->losses();
  std::unique_lock lock{mutex_};
  watched& one = streams_[stream];
  const bool trusted =
      one.regressed || (one.looked_at == losses && clock::now() - one.looked_when < look_every_);
  const bool starts = !trusted && !std::exchange(one.looking, true);
  if (starts) {
    one.asked_for = one.reached;
    one.asked_witness = one.witness;
  }
  auto may = verdict(one);
  if (!trusted) one.waiting.push_back(std::move(then));
  lock.unlock();
  if (starts) look(stream, timeout, losses);
  if (trusted) then(std::move(may));
}

void stream_watch::look(std::uint32_t stream, std::chrono::milliseconds timeout,
                        std::uint64_t losses) {
  const std::string subject = "$JS.API.STREAM.INFO." + streams_[stream].name;
  auto answered = [self = shared_from_this(), stream, timeout,
                   losses](result<nats_message> answer) {
    self->informed(stream, timeout, losses, answer);
  };
  connection_->request({subject}, timeout, std::move(answered));
}

void stream_watch::informed(std::uint32_t stream, std::chrono::milliseconds timeout,
                            std::uint64_t losses, const result<nats_message>& answer) {
  const json document =
      answer ? json::parse(as_text(answer->payload()), nullptr, false) : json::object();
  const bool usable = document.is_object() && document.contains("state") &&
                      document["state"].is_object() && document.contains("created") &&
                      document["state"].contains("last_seq") &&
                      document["state"]["last_seq"].is_number_unsigned();
  const std::string name = streams_[stream].name;
  const bool forbidden = !answer && answer.error().code() == errc::not_permitted;
  if (!usable)
    return looked(stream, losses,
                  fail(forbidden ? errc::not_permitted : errc::unavailable,
                       "cannot see how far stream " + name + " reaches" +
                           (answer ? "" : ": " + answer.error().text())));
  stream_sequence witness;
  result<void> outcome;
  {
    const std::lock_guard lock{mutex_};
    watched& one = streams_[stream];
    outcome =
        judge(one, document["created"].dump(), document["state"]["last_seq"].get<std::uint64_t>());
    witness = one.asked_witness.sequence;
  }
  if (!outcome || witness.value() == 0) return looked(stream, losses, std::move(outcome));
  auto found = [self = shared_from_this(), stream,
                losses](result<std::optional<stored_record>> read) {
    self->judge_witness(stream, read);
    self->looked(stream, losses, read ? result<void>{} : std::unexpected(std::move(read).error()));
  };
  leader_get(*connection_, name, sequence_query(witness), timeout, std::move(found));
}

void stream_watch::looked(std::uint32_t stream, std::uint64_t losses, result<void> outcome) {
  std::vector<verdict_handler> waiting;
  {
    const std::lock_guard lock{mutex_};
    watched& one = streams_[stream];
    one.looking = false;
    waiting.swap(one.waiting);
    if (outcome) {
      one.looked_at = losses;
      one.looked_when = clock::now();
    }
    if (one.regressed) outcome = verdict(one);
  }
  for (auto& then : waiting) then(outcome);
}

result<void> stream_watch::judge(watched& one, const std::string& created,
                                 std::uint64_t last) const {
  if (one.created.empty()) one.created = created;
  if (last >= one.asked_for) {
    one.behind_since.reset();
    if (created != one.created)
      regress(one, "it was created " + created + ", the one seen before " + one.created);
    return verdict(one);
  }
  const auto now = clock::now();
  if (!one.behind_since) one.behind_since = now;
  if (now - *one.behind_since < patience_)
    return fail(errc::unavailable, "stream " + one.name + " may be behind: it ends at sequence " +
                                       std::to_string(last) + ", not yet at " +
                                       std::to_string(one.asked_for));
  regress(one, "it ends at sequence " + std::to_string(last) + " but was seen to reach " +
                   std::to_string(one.asked_for));
  return verdict(one);
}

void stream_watch::judge_witness(std::uint32_t stream,
                                 const result<std::optional<stored_record>>& found) {
  // What is not there any more, or cannot be read, tells nothing.
  if (!found || !*found) return;
  const auto commit = decode_commit((*found)->payload, (*found)->format);
  const std::lock_guard lock{mutex_};
  watched& one = streams_[stream];
  if (commit && commit->id != one.asked_witness.commit)
    regress(one, "at sequence " + std::to_string(one.asked_witness.sequence.value()) +
                     " it has commit " + commit->id.hex() + ", where it had " +
                     one.asked_witness.commit.hex());
}

void stream_watch::regress(watched& one, std::string why) {
  if (one.regressed) return;
  one.regressed = "stream " + one.name + " is not what it was: " + std::move(why) +
                  "; restore it, or restart this node to accept the loss";
  log::error("store", "stream_regressed", {{"why", *one.regressed}});
}

void stream_watch::note(watched& one, const sighting& what) {
  one.reached = std::max(one.reached, what.sequence.value());
  if (!what.commit.is_nil() && what.sequence > one.witness.sequence) one.witness = what;
}

void stream_watch::saw(std::uint32_t stream, sighting what) {
  const std::lock_guard lock{mutex_};
  note(streams_[stream], what);
}

stream_sequence stream_watch::reached(std::uint32_t stream) const {
  const std::lock_guard lock{mutex_};
  return stream_sequence{streams_[stream].reached};
}

void stream_watch::stored(std::uint32_t stream, stream_sequence before, sighting what) {
  const std::lock_guard lock{mutex_};
  watched& one = streams_[stream];
  if (what.sequence <= before)
    regress(one, "it stored a new message at sequence " + std::to_string(what.sequence.value()) +
                     " after it had reached " + std::to_string(before.value()));
  note(one, what);
}

}  // namespace aether
