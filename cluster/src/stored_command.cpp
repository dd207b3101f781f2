#include "stored_command.hpp"

#include <aether/runtime/base64.hpp>
#include "command_format.hpp"
#include "command_headers.hpp"

#include <algorithm>
#include <charconv>

namespace aether::cluster {

namespace {

constexpr const char* outcome_header = "Aether-Outcome";
constexpr const char* due_header = "Aether-Due";
constexpr const char* every_header = "Aether-Every";
constexpr const char* series_header = "Aether-Series";
constexpr const char* number_header = "Aether-Number";
constexpr const char* parked_header = "Aether-Parked";
/// Headers share the server's limit with the payload, and cannot hold every byte.
constexpr std::size_t reason_max = 256;
/// The year 2200: nanoseconds since 1970 still fit.
constexpr std::uint64_t due_max_ms = 7'258'118'400'000;

std::uint64_t ms_of(std::chrono::system_clock::time_point when) {
  const auto count = std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 1));
}

std::optional<std::uint64_t> number(std::optional<std::string_view> text) {
  std::uint64_t value = 0;
  if (!text) return std::nullopt;
  const auto [stop, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
  return failed == std::errc{} && stop == text->data() + text->size() ? std::optional{value}
                                                                      : std::nullopt;
}

/// One line of printable text, as a header can hold it.
std::string as_header(std::string_view text) {
  std::string line{text.substr(0, reason_max)};
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const auto begin = line.find_first_not_of(' ');
  if (begin == line.npos) return "-";
  return line.substr(begin, line.find_last_not_of(' ') - begin + 1);
}

std::unexpected<error> bad(const char* name) {
  return fail(errc::decode_failed,
              std::string{"stored command: header "} + name + " is missing or wrong");
}

result<actor_address> address_in(const nats_message& from, const char* type_name,
                                 const char* id_name) {
  auto type = actor_type::parse(std::string{from.header(type_name).value_or("")});
  if (!type) return bad(type_name);
  const auto plain = unescape_token(from.header(id_name).value_or(""));
  if (!plain) return bad(id_name);
  auto id = actor_id::parse(*plain);
  if (!id) return bad(id_name);
  return actor_address{std::move(*type), std::move(*id)};
}

std::uint64_t mix(std::uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

/// The id of the `number`-th command of a series, the same whoever makes it: its time is when it
/// is due, what follows a hash of the first id and the number.
command_id nth_id(const command_id& first, std::uint64_t number, std::uint64_t due_ms) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const auto byte : first.raw()) h = (h ^ byte) * 0x100000001b3;
  const std::uint64_t a = mix(h + number), b = mix(a ^ h);
  std::array<std::uint8_t, command_id::size> raw{};
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(due_ms >> (40 - 8 * i));
  for (std::size_t i = 6; i < 8; ++i) raw[i] = static_cast<std::uint8_t>(a >> (8 * (i - 6)));
  for (std::size_t i = 8; i < 16; ++i) raw[i] = static_cast<std::uint8_t>(b >> (8 * (i - 8)));
  raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0FU) | 0x70U);
  raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3FU) | 0x80U);
  return command_id{raw};
}

result<void> check(const durable_options& how) {
  if (!how.outcome.empty() && !detail::token_rule::allows(how.outcome))
    return fail(errc::invalid_argument,
                "an outcome's name is [A-Za-z0-9_-]{1,64}, not '" + how.outcome + "'");
  if (how.after && how.at)
    return fail(errc::invalid_argument, "a durable send has `after` or `at`, not both");
  const auto far = std::chrono::milliseconds{due_max_ms / 2};
  if (how.every && (*how.every < durable_options::every_min || *how.every > far))
    return fail(errc::invalid_argument, "`every` is 100 ms to 115 years");
  if (how.after && *how.after > far)
    return fail(errc::invalid_argument, "`after` is 115 years at most");
  if (how.at && how.at->time_since_epoch() > std::chrono::milliseconds{due_max_ms})
    return fail(errc::invalid_argument, "`at` is before the year 2200");
  return {};
}

}  // namespace

result<stored_command> to_stored(const actor_address& to, const envelope& command,
                                 const durable_options& how,
                                 std::chrono::system_clock::time_point now) {
  if (auto fine = check(how); !fine) return std::unexpected(std::move(fine).error());
  stored_command made{.to = to, .id = command.id};
  made.correlation = command.correlation;
  made.repeated = command.repeated;
  made.sender = command.sender;
  made.command = command.command.type().wire_name;
  command.command.encode_to(made.payload);
  made.outcome = how.outcome;
  if (how.after) made.due_ms = ms_of(now + std::max(*how.after, std::chrono::milliseconds{1}));
  if (how.at)
    made.due_ms =
        static_cast<std::uint64_t>(std::max<std::int64_t>(how.at->time_since_epoch().count(), 1));
  if (how.every) {
    made.every_ms = static_cast<std::uint64_t>(how.every->count());
    if (made.due_ms == 0) made.due_ms = ms_of(now + *how.every);
  }
  if (made.due_ms != 0) {
    made.series = command.id;
    made.id = nth_id(made.series, 0, made.due_ms);
  }
  return made;
}

const command_id& receipt_id(const stored_command& of) noexcept {
  return of.series.is_nil() || of.number != 0 ? of.id : of.series;
}

stored_command successor(const stored_command& of, std::uint64_t now_ms) {
  stored_command next = of;
  const std::uint64_t missed = now_ms > of.due_ms ? (now_ms - of.due_ms) / of.every_ms : 0;
  next.number = of.number + 1 + missed;
  next.due_ms = of.due_ms + (1 + missed) * of.every_ms;
  next.id = nth_id(of.series, next.number, next.due_ms);
  next.repeated = false;
  next.sequence = {};
  next.ack_to.clear();
  return next;
}

outgoing_stored::outgoing_stored(const stored_command& from) : from_{from} {
  add(format_header, std::string{format_version});
  add(type_header, from.to.type.str());
  add(id_header, escape_token(from.to.id.str()));
  add(command_header, from.command);
  add(command_id_header, from.id.hex());
  if (!from.correlation.is_nil()) add(correlation_header, from.correlation.hex());
  if (from.sender) {
    add(sender_type_header, from.sender->type.str());
    add(sender_id_header, escape_token(from.sender->id.str()));
  }
  if (from.repeated) add(repeated_header, "1");
  if (!from.outcome.empty()) add(outcome_header, from.outcome);
  if (from.due_ms != 0) add(due_header, std::to_string(from.due_ms));
  if (from.every_ms != 0) add(every_header, std::to_string(from.every_ms));
  if (from.series.is_nil()) return;
  add(series_header, from.series.hex());
  add(number_header, std::to_string(from.number));
}

std::size_t outgoing_stored::size() const noexcept {
  constexpr std::size_t first_line = 12, around_a_header = 4;
  std::size_t sum = first_line + from_.payload.size();
  for (const auto& [name, value] : headers_) sum += name.size() + value.size() + around_a_header;
  return sum;
}

void outgoing_stored::add(std::string_view name, std::string value) {
  headers_.emplace_back(name, std::move(value));
}

nats_outgoing outgoing_stored::message(std::string_view subject,
                                       std::string_view message_id) const {
  nats_outgoing made{subject, from_.payload, {}};
  for (const auto& [name, value] : headers_) made.headers.emplace_back(name, value);
  if (!message_id.empty()) made.headers.emplace_back("Nats-Msg-Id", message_id);
  return made;
}

result<stored_command> parse_stored(const nats_message& from) {
  if (from.header(format_header).value_or("") != format_version) return bad(format_header);
  auto to = address_in(from, type_header, id_header);
  if (!to) return std::unexpected(std::move(to).error());
  const auto id = command_id::from_hex(from.header(command_id_header).value_or(""));
  if (!id || id->is_nil()) return bad(command_id_header);
  stored_command made{.to = std::move(*to), .id = *id};
  made.command = from.header(command_header).value_or("");
  if (made.command.empty()) return bad(command_header);
  if (const auto story = from.header(correlation_header)) {
    const auto parsed = command_id::from_hex(*story);
    if (!parsed) return bad(correlation_header);
    made.correlation = *parsed;
  }
  made.repeated = from.header(repeated_header).has_value();
  if (from.header(sender_type_header)) {
    auto sender = address_in(from, sender_type_header, sender_id_header);
    if (!sender) return std::unexpected(std::move(sender).error());
    made.sender = std::make_shared<const actor_address>(std::move(*sender));
  }
  made.outcome = from.header(outcome_header).value_or("");
  if (!made.outcome.empty() && !detail::token_rule::allows(made.outcome))
    return bad(outcome_header);
  if (from.header(due_header)) {
    const auto due = number(from.header(due_header));
    if (!due || *due > due_max_ms) return bad(due_header);
    made.due_ms = *due;
  }
  if (from.header(series_header)) {
    const auto series = command_id::from_hex(*from.header(series_header));
    const auto nth = number(from.header(number_header));
    if (!series || series->is_nil()) return bad(series_header);
    if (!nth) return bad(number_header);
    made.series = *series;
    made.number = *nth;
  }
  if (from.header(every_header)) {
    const auto every = number(from.header(every_header));
    const auto least = static_cast<std::uint64_t>(durable_options::every_min.count());
    if (!every || *every < least || *every > due_max_ms / 2) return bad(every_header);
    if (made.series.is_nil() || made.due_ms == 0) return bad(series_header);
    made.every_ms = *every;
  }
  made.payload.assign(from.payload().begin(), from.payload().end());
  return made;
}

void add_parked(outgoing_stored& to, const error& why, std::uint32_t deliveries,
                std::chrono::system_clock::time_point now) {
  to.add(parked_code_header, std::to_string(static_cast<unsigned>(why.code())));
  to.add(parked_reason_header, as_header(why.text()));
  to.add(deliveries_header, std::to_string(deliveries));
  to.add(parked_at_header, std::to_string(ms_of(now)));
}

outgoing_outcome::outgoing_outcome(const stored_command& of, const result<any_reply>& answer,
                                   bool parked)
    : of_{of} {
  const outgoing_answer made{answer};
  const auto as_answer = made.message("-");
  payload_.assign(as_answer.payload.begin(), as_answer.payload.end());
  for (const auto& [name, value] : as_answer.headers) headers_.emplace_back(name, value);
  headers_.emplace_back(type_header, of.to.type.str());
  headers_.emplace_back(id_header, escape_token(of.to.id.str()));
  headers_.emplace_back(command_header, of.command);
  headers_.emplace_back(command_id_header, receipt_id(of).hex());
  if (parked) headers_.emplace_back(parked_header, "1");
}

nats_outgoing outgoing_outcome::message(std::string_view subject) const {
  nats_outgoing made{subject, payload_, {}};
  for (const auto& [name, value] : headers_) made.headers.emplace_back(name, value);
  return made;
}

result<durable_outcome> parse_outcome(const nats_message& from) {
  if (from.header(format_header).value_or("") != format_version) return bad(format_header);
  auto to = address_in(from, type_header, id_header);
  if (!to) return std::unexpected(std::move(to).error());
  const auto id = command_id::from_hex(from.header(command_id_header).value_or(""));
  if (!id || id->is_nil()) return bad(command_id_header);
  return durable_outcome{.to = std::move(*to),
                         .id = *id,
                         .command = std::string{from.header(command_header).value_or("")},
                         .answer = parse_answer(from),
                         .parked = from.header(parked_header).has_value()};
}

}  // namespace aether::cluster
