#include "command_format.hpp"

#include <aether/runtime/base64.hpp>
#include <aether/runtime/log.hpp>
#include "command_headers.hpp"

#include <algorithm>
#include <charconv>

namespace aether::cluster {

namespace {

constexpr std::string_view stale_read = "stale";
constexpr std::chrono::milliseconds timeout_max{86'400'000};
/// A larger one stays away: headers have no room for it.
constexpr std::size_t reason_bytes_max = 16'384;

std::unexpected<error> bad_header(const char* name) {
  return fail(errc::decode_failed, std::string{"command: header "} + name + " is missing or wrong");
}

std::optional<std::uint64_t> number(std::optional<std::string_view> text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto [stop, failed] = std::from_chars(text->data(), end, value);
  return failed == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

result<actor_address> parse_address(const nats_message& from, const char* type_name,
                                    const char* id_name) {
  const auto type_text = from.header(type_name);
  const auto id_text = from.header(id_name);
  if (!type_text) return bad_header(type_name);
  if (!id_text) return bad_header(id_name);
  auto type = actor_type::parse(*type_text);
  if (!type) return bad_header(type_name);
  const auto plain = unescape_token(*id_text);
  if (!plain) return bad_header(id_name);
  auto id = actor_id::parse(*plain);
  if (!id) return bad_header(id_name);
  return actor_address{std::move(*type), std::move(*id)};
}

result<any_message> parse_payload(const nats_message& from, const actor_address& to,
                                  const traits_finder& find) {
  const auto* traits = find(to.type);
  if (traits == nullptr)
    return fail(errc::unknown_message, "actor type '" + to.type.str() + "' is not hosted here");
  const auto name = from.header(command_header);
  if (!name) return bad_header(command_header);
  const auto* type = traits->find_command(*name);
  if (type == nullptr)
    return fail(errc::unknown_message,
                "actor type '" + to.type.str() + "' has no command '" + std::string{*name} + "'");
  return type->decode(from.payload());
}

result<void> parse_envelope(const nats_message& from, std::chrono::steady_clock::time_point now,
                            envelope& into) {
  const auto id = command_id::from_hex(from.header(command_id_header).value_or(""));
  if (!id || id->is_nil()) return bad_header(command_id_header);
  into.id = *id;
  if (const auto story = from.header(correlation_header)) {
    const auto parsed = command_id::from_hex(*story);
    if (!parsed) return bad_header(correlation_header);
    into.correlation = *parsed;
  }
  if (const auto text = from.header(timeout_header)) {
    const auto within = number(text);
    if (!within || *within > static_cast<std::uint64_t>(timeout_max.count()))
      return bad_header(timeout_header);
    into.deadline = now + std::chrono::milliseconds{*within};
  }
  into.repeated = from.header(repeated_header).has_value();
  if (const auto how = from.header(read_header)) {
    if (*how != stale_read) return bad_header(read_header);
    into.stale_read = true;
  }
  if (from.header(sender_type_header)) {
    auto sender = parse_address(from, sender_type_header, sender_id_header);
    if (!sender) return std::unexpected(std::move(sender).error());
    into.sender = std::make_shared<const actor_address>(std::move(*sender));
  }
  return {};
}

/// None where it is missing or no such thing: an answer is good without it.
reply_mark parse_mark(const nats_message& from) {
  const auto text = from.header(position_header).value_or("");
  const auto space = text.find(' ');
  if (space == text.npos) return {};
  const auto sequence = number(text.substr(0, space)), version = number(text.substr(space + 1));
  if (!sequence || !version) return {};
  return {event_version{*version}, stream_sequence{*sequence}};
}

}  // namespace

outgoing_command::outgoing_command(const subjects& names, std::uint32_t shards,
                                   const actor_address& to, const envelope& command)
    : subject_{names.commands(shard_of(to, shards), to.type)},
      type_{to.type.str()},
      id_{escape_token(to.id.str())},
      command_{command.command.type().wire_name},
      command_id_{command.id.hex()},
      correlation_{command.correlation.is_nil() ? std::string{} : command.correlation.hex()},
      stale_read_{command.stale_read} {
  if (command.sender) {
    sender_type_ = command.sender->type.str();
    sender_id_ = escape_token(command.sender->id.str());
  }
  command.command.encode_to(payload_);
}

nats_outgoing outgoing_command::message(bool repeated, std::chrono::milliseconds answer_within) {
  nats_outgoing made{subject_, payload_, {}};
  made.headers = {{format_header, format_version},
                  {type_header, type_},
                  {id_header, id_},
                  {command_header, command_},
                  {command_id_header, command_id_}};
  if (!correlation_.empty()) made.headers.emplace_back(correlation_header, correlation_);
  if (!sender_type_.empty()) {
    made.headers.emplace_back(sender_type_header, sender_type_);
    made.headers.emplace_back(sender_id_header, sender_id_);
  }
  if (answer_within > std::chrono::milliseconds::zero()) {
    timeout_ = std::to_string(std::min(answer_within, timeout_max).count());
    made.headers.emplace_back(timeout_header, timeout_);
  }
  if (repeated) made.headers.emplace_back(repeated_header, "1");
  if (stale_read_) made.headers.emplace_back(read_header, stale_read);
  return made;
}

result<void> publish_tell(nats_connection& over, const subjects& names, std::uint32_t shards,
                          const actor_address& to, const envelope& command,
                          std::chrono::steady_clock::time_point now) {
  std::chrono::milliseconds within{};
  if (command.deadline != std::chrono::steady_clock::time_point::max()) {
    within = std::chrono::ceil<std::chrono::milliseconds>(command.deadline - now);
    if (within <= std::chrono::milliseconds::zero())
      return fail(errc::unavailable, "its deadline passed before it was sent");
  }
  outgoing_command encoded{names, shards, to, command};
  return over.publish(encoded.message(command.repeated, within), nats_flush::soon);
}

command_id command_id_of(const nats_message& from) {
  return command_id::from_hex(from.header(command_id_header).value_or("")).value_or(command_id{});
}

bool is_repeated(const nats_message& from) { return from.header(repeated_header).has_value(); }

result<incoming_command> parse_command(const nats_message& from, const traits_finder& find,
                                       std::chrono::steady_clock::time_point now) {
  if (from.header(format_header).value_or("") != format_version) return bad_header(format_header);
  auto to = parse_address(from, type_header, id_header);
  if (!to) return std::unexpected(std::move(to).error());
  envelope command;
  if (auto read = parse_envelope(from, now, command); !read) return std::unexpected(read.error());
  auto payload = parse_payload(from, *to, find);
  if (!payload) return std::unexpected(std::move(payload).error());
  command.command = std::move(*payload);
  return incoming_command{std::move(*to), std::move(command)};
}

outgoing_answer::outgoing_answer(const result<any_reply>& answer) {
  if (!answer) {
    error_ = &answer.error();
    code_ = std::to_string(static_cast<unsigned>(error_->code()));
    payload_ = as_bytes_view(error_->text());
    reason_ = error_->reason();
    if (reason_ != nullptr && reason_->data.size() > reason_bytes_max) reason_ = nullptr;
    if (reason_ != nullptr) reason_data_ = encode_base64(reason_->data);
  } else if (const auto* typed = std::get_if<any_message>(&*answer)) {
    typed->encode_to(encoded_);
    payload_ = encoded_;
  } else if (const auto* recorded = std::get_if<bytes>(&*answer)) {
    payload_ = *recorded;
  }
  if (answer && answer->mark.sequence.value() != 0)
    position_ = std::to_string(answer->mark.sequence.value()) + ' ' +
                std::to_string(answer->mark.version.value());
}

nats_outgoing outgoing_answer::message(std::string_view reply_to) const {
  nats_outgoing made{reply_to, payload_, {{format_header, format_version}}};
  if (!position_.empty()) made.headers.emplace_back(position_header, position_);
  if (error_ == nullptr) return made;
  made.headers.emplace_back(error_header, code_);
  if (reason_ != nullptr) {
    made.headers.emplace_back(reason_header, reason_->wire_name);
    made.headers.emplace_back(reason_data_header, reason_data_);
  }
  return made;
}

void send_answer(nats_connection& over, std::string_view reply_to,
                 const result<any_reply>& answer) {
  const outgoing_answer made{answer};
  if (auto sent = over.publish(made.message(reply_to), nats_flush::now); !sent)
    log::warn("cluster", "answer_not_sent", {{"reason", sent.error().message()}});
}

result<any_reply> parse_answer(const nats_message& from) {
  if (from.header(format_header).value_or("") != format_version)
    return fail(errc::decode_failed, "answer: header Aether-Format is missing or wrong");
  const auto payload = from.payload();
  const auto failed = from.header(error_header);
  if (!failed) {
    any_reply good{bytes{payload.begin(), payload.end()}};
    good.mark = parse_mark(from);
    return good;
  }
  const auto code = number(failed);
  if (!code || *code == 0 || *code > 0xffff)
    return fail(errc::decode_failed, "answer: header Aether-Error is not a number");
  std::string text{as_text(payload)};
  const auto reason = from.header(reason_header);
  if (!reason) return fail(static_cast<errc>(*code), std::move(text));
  auto data = decode_base64(from.header(reason_data_header).value_or(""));
  if (!data) return fail(errc::decode_failed, "answer: header Aether-Reason-Data is no base64");
  return std::unexpected(error{static_cast<errc>(*code), std::move(text),
                               error_reason{std::string{*reason}, std::move(*data)}});
}

}  // namespace aether::cluster
