#include "hand_over_talk.hpp"

#include <aether/runtime/log.hpp>

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

/// How long after its last part an answer is still listened to. Givers are asked again before.
constexpr std::chrono::seconds answer_timeout{3};
/// Part of a message that ids may take; msgpack puts 2 bytes before the 16 of each.
constexpr std::size_t bytes_per_id = 18;
constexpr std::size_t message_divisor = 2;

}  // namespace

hand_over_talk::hand_over_talk(std::shared_ptr<nats_connection> over, subjects names, process self,
                               std::chrono::milliseconds echo_timeout)
    : over_{std::move(over)},
      names_{std::move(names)},
      self_{std::move(self)},
      subject_{names_.hand_over(self_.node, self_.incarnation.hex())},
      echo_timeout_{echo_timeout} {}

result<void> hand_over_talk::start(request_handler on_request) {
  on_request_ = std::move(on_request);
  auto made = over_->subscribe(subject_, [weak = weak_from_this()](const nats_message& message) {
    if (const auto self = weak.lock()) self->receive(message);
  });
  if (!made) return std::unexpected(std::move(made).error());
  listening_ = std::move(*made);
  return {};
}

void hand_over_talk::stop() { listening_ = {}; }

void hand_over_talk::receive(const nats_message& message) {
  if (message.reply_to().empty()) return;
  if (message.payload().empty())  // an echo
    return static_cast<void>(over_->publish({message.reply_to()}, nats_flush::now));
  auto request = decode_hand_request(message.payload());
  if (request) return on_request_(std::move(*request), std::string{message.reply_to()});
  log::warn("cluster", "hand_over_request_refused", {{"reason", request.error().message()}});
}

void hand_over_talk::ask(const process& giver, const hand_request& request,
                         std::function<void(hand_answer)> answered, handler nobody) {
  const auto subject = names_.hand_over(giver.node, giver.incarnation.hex());
  const auto payload = encode_hand_request(request);
  over_->request_stream(
      {subject, payload}, answer_timeout,
      [weak = weak_from_this(), answered = std::move(answered), nobody = std::move(nobody),
       left = request.slots.size()](result<nats_message> part) mutable {
        const auto self = weak.lock();
        if (!self) return false;
        if (!part) {
          // Also said where nothing was sent.
          if (part.error().code() == errc::unavailable && self->over_->connected()) nobody();
          return false;
        }
        auto answer = decode_hand_answer(part->payload());
        if (!answer) return false;
        left -= std::min(left, answer->done.size());
        answered(std::move(*answer));
        return left > 0;
      });
}

void hand_over_talk::answer(std::string_view reply_to, hand_over_step step,
                            std::vector<hand_done> done) {
  const std::size_t ids_max = over_->server().payload_bytes_max / message_divisor / bytes_per_id;
  std::vector<hand_done> part;
  std::size_t ids = 0;
  const auto send = [&] {
    if (part.empty()) return;
    const auto payload = encode_hand_answer(step, part);
    if (auto sent = over_->publish({reply_to, payload}, nats_flush::now); !sent)
      log::warn("cluster", "hand_over_answer_not_sent", {{"reason", sent.error().message()}});
    part.clear();
    ids = 0;
  };
  for (auto& one : done) {
    if (one.got.size() > ids_max) {
      one.complete = false;
      one.got.clear();
    }
    if (ids + one.got.size() > ids_max) send();
    ids += one.got.size();
    part.push_back(std::move(one));
  }
  send();
}

void hand_over_talk::echo(handler back) {
  over_->request({subject_}, echo_timeout_,
                 [back = std::move(back)](const result<nats_message>& answer) mutable {
                   if (answer) back();
                 });
}

}  // namespace aether::cluster
