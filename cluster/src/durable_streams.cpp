#include "durable_streams.hpp"

#include "outcome_listener.hpp"

#include <cstdio>
#include <ctime>
#include <future>
#include <utility>

namespace aether::cluster {

namespace {

using json = nlohmann::json;

/// For so long the server drops a second copy of what a sender sends again.
constexpr std::chrono::nanoseconds duplicate_window = std::chrono::minutes{2};
/// The first API level with scheduled messages: 2.12.
constexpr int api_with_schedules = 2;
constexpr std::uint64_t stored_elsewhere = 10077;
constexpr std::uint64_t in_process = 10158;
/// The status of a direct get that found nothing.
constexpr int none_found = 404;
/// What a message grows by when it is parked, at most.
constexpr std::size_t room_for_parking = 1'024;

/// As `Nats-Schedule` wants it.
std::string at_time(std::uint64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string fraction = std::to_string(ms % 1'000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return "@at " + std::string{text, size} + "." + fraction + "Z";
}

/// Under which the server drops a second copy: one id may be used for several actors.
std::string once(const command_id& id, const actor_address& to) {
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(stable_hash(to)));
  return id.hex() + "-" + hash;
}

result<stream_sequence> sequence_of(const result<nats_message>& answer) {
  constexpr const char* again = "it may be stored; send it again with the same id";
  auto heard = parse_jetstream(answer);
  if (!heard) {
    const auto code = heard.error().code();
    // Closed while the request was open, or an answer that nobody can read.
    const bool perhaps =
        code == errc::timed_out || code == errc::not_running || code == errc::store_failed;
    if (perhaps) return fail(errc::outcome_unknown, heard.error().text() + ": " + again);
    return std::unexpected(std::move(heard).error());
  }
  if (heard->error_code == stored_elsewhere || heard->error_code == in_process)
    return fail(errc::outcome_unknown, heard->text + ": " + again);
  if (heard->error_code == jetstream_answer::wrong_last_sequence)
    return fail(errc::version_conflict, heard->text);
  if (heard->error_code != 0) return std::unexpected(heard->as_error("it was not stored"));
  const auto sequence = heard->number("seq");
  if (sequence == 0) return fail(errc::outcome_unknown, std::string{"no sequence: "} + again);
  return stream_sequence{sequence};
}

/// Whether a stream that was there already loses no command. @returns whether it keeps reminders.
result<bool> usable(const std::string& name, const json& info) {
  const auto limited = [&](const char* field) { return number_in(info, "config", field) > 0; };
  const auto config = info.find("config");
  const bool refuses = config != info.end() && config->is_object() && config->contains("discard") &&
                       (*config)["discard"] == "new";
  const bool drops =
      !refuses && (limited("max_msgs") || limited("max_bytes") || limited("max_msgs_per_subject"));
  if (drops || limited("max_age"))
    return fail(errc::incompatible_cluster,
                "stream " + name + " would drop stored commands: it must have no limits");
  return flag_in(info, "config", "allow_msg_schedules");
}

std::optional<std::uint64_t> header_number(const nats_message& from, const char* name) {
  const auto text = from.header(name);
  if (!text || text->empty() || text->size() > 19 ||
      text->find_first_not_of("0123456789") != text->npos)
    return std::nullopt;
  return std::stoull(std::string{*text});
}

}  // namespace

durable_streams::durable_streams(std::shared_ptr<nats_connection> over, subjects names, layout how,
                                 std::function<std::chrono::system_clock::time_point()> wall_clock)
    : over_{std::move(over)},
      names_{std::move(names)},
      how_{how},
      wall_clock_{std::move(wall_clock)},
      streams_(how.streams + 1) {}

std::uint32_t durable_streams::range_of(const actor_address& to) const {
  return stream_of(shard(to), how_.shards, how_.streams);
}

json durable_streams::config(std::uint32_t which) const {
  const bool aside = which == how_.streams;
  json made{{"name", aside ? names_.parked_stream() : names_.durable_stream(which)},
            {"retention", aside ? "limits" : "workqueue"},
            {"storage", "file"},
            {"discard", "new"},
            {"max_consumers", -1},
            {"max_msgs", -1},
            {"max_bytes", -1},
            {"max_age", 0},
            {"max_msg_size", -1},
            {"num_replicas", how_.replicas},
            {"duplicate_window", duplicate_window.count()},
            {"allow_direct", true}};
  if (aside) {
    made["subjects"] = {names_.all_parked()};
    return made;
  }
  made["subjects"] = {names_.all_durable(which), names_.all_later(which),
                      names_.all_scheduled(which)};
  if (over_->server().api_level >= api_with_schedules) {
    made["allow_msg_schedules"] = true;
    made["discard"] = "old";  // such a stream must; without limits nothing is discarded
  }
  return made;
}

void durable_streams::when_ready(std::uint32_t which, ready_handler then) {
  bool schedules = false;
  {
    const std::lock_guard lock{mutex_};
    auto& one = streams_[which];
    if (one.now != stream::state::ready) {
      one.waiting.push_back(std::move(then));
      if (std::exchange(one.now, stream::state::creating) == stream::state::creating) return;
    } else {
      schedules = one.schedules;
    }
  }
  if (then) return then(schedules);
  create(which);
}

void durable_streams::create(std::uint32_t which) {
  const auto wanted = config(which);
  const std::string subject = "$JS.API.STREAM.CREATE." + wanted["name"].get<std::string>();
  const std::string body = wanted.dump();
  over_->request({subject, as_bytes_view(body)}, jetstream_timeout,
                 [self = shared_from_this(), which](result<nats_message> answer) {
                   auto heard = parse_jetstream(answer);
                   if (!heard)
                     return self->created(which, std::unexpected(std::move(heard).error()));
                   if (heard->error_code != 0)
                     return self->look_up(which, heard->as_error("a stream was not made"));
                   self->created(which, flag_in(heard->document, "config", "allow_msg_schedules"));
                 });
}

/// It may be there already, made by another with other numbers.
void durable_streams::look_up(std::uint32_t which, const error& refused) {
  const auto name = config(which)["name"].get<std::string>();
  const std::string subject = "$JS.API.STREAM.INFO." + name;
  over_->request({subject}, jetstream_timeout,
                 [self = shared_from_this(), which, name, refused](result<nats_message> answer) {
                   auto heard = parse_jetstream(answer);
                   if (!heard)
                     return self->created(which, std::unexpected(std::move(heard).error()));
                   if (heard->error_code != 0)
                     return self->created(which, std::unexpected(refused));
                   self->created(which, usable(name, heard->document));
                 });
}

/// In order: what comes meanwhile goes behind what waits.
void durable_streams::created(std::uint32_t which, result<bool> schedules) {
  while (true) {
    std::deque<ready_handler> waiting;
    {
      const std::lock_guard lock{mutex_};
      auto& one = streams_[which];
      waiting.swap(one.waiting);
      // Whoever comes after an error tries once more.
      if (waiting.empty() || !schedules) {
        one.now = schedules ? stream::state::ready : stream::state::unknown;
        one.schedules = schedules.value_or(false);
      }
    }
    for (auto& then : waiting) then(schedules);
    if (waiting.empty() || !schedules) return;
  }
}

void durable_streams::forget(std::uint32_t which) {
  const std::lock_guard lock{mutex_};
  auto& one = streams_[which];
  if (one.now == stream::state::ready) one.now = stream::state::unknown;
}

void durable_streams::publish(std::uint32_t which, const nats_outgoing& message,
                              stored_handler done) {
  over_->request(
      message, jetstream_timeout,
      [self = shared_from_this(), which,
       done = std::move(done)](result<nats_message> answer) mutable {
        // Nobody listens: the stream is gone.
        if (!answer && answer.error().code() == errc::unavailable) self->forget(which);
        done(sequence_of(answer));
      },
      nats_flush::soon);
}

void durable_streams::store(std::uint32_t k, bool schedules, const stored_command& command,
                            stored_handler done) {
  outgoing_stored made{command};
  const auto limit = over_->server().payload_bytes_max;
  if (limit != 0 && made.size() + room_for_parking > limit)
    return done(fail(errc::invalid_argument, "the command has " + std::to_string(made.size()) +
                                                 " bytes with its headers; the server takes " +
                                                 std::to_string(limit) + ", of which " +
                                                 std::to_string(room_for_parking) + " are kept"));
  const auto where = shard(command.to);
  if (command.due_ms == 0)
    return publish(k,
                   made.message(names_.durable(k, where, command.to), once(command.id, command.to)),
                   std::move(done));
  const auto id = "later-" + once(command.series, command.to);
  if (schedules && command.every_ms == 0) {
    made.add("Nats-Schedule", at_time(command.due_ms));
    made.add("Nats-Schedule-Target", names_.durable(k, where, command.to));
    const auto subject = names_.scheduled(k, where, command.to, command.series.hex());
    return publish(k, made.message(subject, {}), std::move(done));
  }
  const auto subject = names_.later(k, where, command.to, command.series.hex());
  publish(k, made.message(subject, id), std::move(done));
}

void durable_streams::send(stored_command command, receipt_sink done) {
  if (open_.fetch_add(1) >= sends_max) {
    --open_;
    return done(fail(errc::overloaded, std::to_string(sends_max) +
                                           " durable sends are not acknowledged yet; slow down"));
  }
  const auto k = range_of(command.to);
  when_ready(k, [self = shared_from_this(), k, command = std::move(command),
                 done = std::move(done)](result<bool> schedules) mutable {
    if (!schedules) {
      --self->open_;
      auto& why = schedules.error();
      // Of the stream; nothing was stored.
      const bool late = why.code() == errc::timed_out;
      return done(fail(late ? errc::unavailable : why.code(), why.text()));
    }
    const auto id = receipt_id(command);
    self->store(k, *schedules, command,
                [self, k, id, done = std::move(done)](result<stream_sequence> stored) mutable {
                  --self->open_;
                  if (!stored) return done(std::unexpected(std::move(stored).error()));
                  done(durable_receipt{id, k, *stored});
                });
  });
}

void durable_streams::enqueue(const stored_command& which, std::string_view suffix,
                              stored_handler done) {
  const auto k = range_of(which.to);
  const auto subject = names_.durable(k, shard(which.to), which.to);
  const outgoing_stored made{which};
  const auto id = once(which.id, which.to).append(suffix);
  publish(k, made.message(subject, id), std::move(done));
}

void durable_streams::enqueue_later(const stored_command& next, stream_sequence sequence,
                                    stored_handler done) {
  const auto k = range_of(next.to);
  const auto subject = names_.later(k, shard(next.to), next.to, next.series.hex());
  outgoing_stored made{next};
  made.add("Nats-Expected-Last-Subject-Sequence", std::to_string(sequence.value()));
  publish(k, made.message(subject, {}), std::move(done));
}

void durable_streams::park(const stored_command& which, std::uint32_t deliveries, const error& why,
                           std::chrono::system_clock::time_point now, done_handler done) {
  const auto aside = how_.streams;
  when_ready(aside, [self = shared_from_this(), which, deliveries, why, now, aside,
                     done = std::move(done)](const result<bool>& ready) mutable {
    if (!ready) return done(false);
    outgoing_stored made{which};
    add_parked(made, why, deliveries, now);
    const auto subject = self->names_.parked(self->shard(which.to), which.to);
    // Parked once, also where the acknowledgement was lost; after a `resend` once more.
    const auto id = once(which.id, which.to) + "-" + std::to_string(which.sequence.value());
    self->publish(aside, made.message(subject, id),
                  [done = std::move(done)](const result<stream_sequence>& stored) mutable {
                    done(stored.has_value());
                  });
  });
}

/// As much of it as can be kept: whoever looks finds payload and reason.
void durable_streams::park_unreadable(const nats_message& which, const error& why,
                                      done_handler done) {
  const actor_address nobody{*actor_type::parse("unreadable"), *actor_id::parse("unreadable")};
  stored_command kept{.to = nobody, .id = command_id::make()};
  kept.command = "aether.unreadable";
  kept.payload.assign(which.payload().begin(), which.payload().end());
  park(kept, 1, {why.code(), std::string{which.subject()} + ": " + why.text()}, wall_clock_(),
       std::move(done));
}

result<outcome_subscription> durable_streams::outcomes(std::string_view name,
                                                       outcome_handler handler) {
  struct listening {
    std::shared_ptr<outcome_listener> who;
    nats_connection::subscription where;
    ~listening() { who->end(); }
  };
  const auto who = std::make_shared<outcome_listener>(std::move(handler));
  auto made = over_->subscribe(names_.outcomes(name), [who](const nats_message& message) {
    if (auto read = parse_outcome(message)) who->tell(std::move(*read));
  });
  if (!made) return std::unexpected(std::move(made).error());
  return outcome_subscription{std::shared_ptr<void>{new listening{who, std::move(*made)}}};
}

result<jetstream_answer> durable_streams::ask(const std::string& subject, const std::string& body) {
  return parse_jetstream(over_->request_wait({subject, as_bytes_view(body)}, jetstream_timeout));
}

result<std::vector<parked_send>> durable_streams::parked(std::size_t limit) {
  std::vector<parked_send> found;
  const auto known = ask("$JS.API.STREAM.INFO." + names_.parked_stream(), {});
  if (!known) return std::unexpected(known.error());
  if (known->error_code == jetstream_answer::stream_not_found) return found;
  const std::string subject = "$JS.API.DIRECT.GET." + names_.parked_stream();
  std::uint64_t next = 1;
  while (found.size() < limit) {
    const std::string body =
        "{\"seq\":" + std::to_string(next) + ",\"next_by_subj\":\"" + names_.all_parked() + "\"}";
    auto got = over_->request_wait({subject, as_bytes_view(body)}, jetstream_timeout);
    if (!got) return std::unexpected(std::move(got).error());
    if (got->status() == none_found) break;
    if (got->status() != 0)
      return fail(errc::store_failed,
                  "the server answered status " + std::to_string(got->status()));
    const auto place = header_number(*got, "Nats-Sequence");
    if (!place) return fail(errc::store_failed, "a parked command came without its place");
    next = *place + 1;
    auto read = parse_stored(*got);
    if (!read) continue;
    const auto code = header_number(*got, parked_code_header).value_or(0);
    const auto at = header_number(*got, parked_at_header).value_or(0);
    found.push_back({.place = stream_sequence{*place},
                     .to = read->to,
                     .id = receipt_id(*read),
                     .command = read->command,
                     .outcome = read->outcome,
                     .code = static_cast<errc>(code),
                     .reason = std::string{got->header(parked_reason_header).value_or("")},
                     .deliveries = static_cast<std::uint32_t>(
                         header_number(*got, deliveries_header).value_or(0)),
                     .at = std::chrono::sys_time<std::chrono::milliseconds>{
                         std::chrono::milliseconds{static_cast<std::int64_t>(at)}}});
  }
  return found;
}

result<nats_message> durable_streams::fetch_parked(stream_sequence place) {
  const std::string subject = "$JS.API.DIRECT.GET." + names_.parked_stream();
  const std::string body = "{\"seq\":" + std::to_string(place.value()) + "}";
  auto got = over_->request_wait({subject, as_bytes_view(body)}, jetstream_timeout);
  if (got && got->status() != 0)
    return fail(errc::invalid_argument, "nothing is parked there (any more)");
  return got;
}

result<void> durable_streams::resend(const parked_send& which) {
  auto got = fetch_parked(which.place);
  if (!got) return std::unexpected(std::move(got).error());
  auto read = parse_stored(*got);
  if (!read) return std::unexpected(std::move(read).error());
  if (receipt_id(*read) != which.id)
    return fail(errc::invalid_argument, "another command is parked there");
  // Its id was seen by the server just now, perhaps: this is another message with the same command.
  const auto suffix = "-again-" + std::to_string(which.place.value());
  read->repeated = true;
  read->due_ms = 0;
  std::promise<result<stream_sequence>> stored;
  enqueue(*read, suffix,
          [&](result<stream_sequence> got_it) { stored.set_value(std::move(got_it)); });
  auto where = stored.get_future().get();
  if (!where) return std::unexpected(std::move(where).error());
  return discard(which);
}

result<void> durable_streams::discard(const parked_send& which) {
  const auto body = "{\"seq\":" + std::to_string(which.place.value()) + "}";
  auto heard = ask("$JS.API.STREAM.MSG.DELETE." + names_.parked_stream(), body);
  if (!heard) return std::unexpected(std::move(heard).error());
  if (heard->error_code == 0) return {};
  // One code for all that can go wrong: gone before, it is gone as well.
  auto still = ask("$JS.API.STREAM.MSG.GET." + names_.parked_stream(), body);
  if (!still) return std::unexpected(std::move(still).error());
  if (still->error_code == jetstream_answer::no_message_found ||
      still->error_code == jetstream_answer::stream_not_found)
    return {};
  return std::unexpected(heard->as_error("it was not discarded"));
}

result<bool> durable_streams::cancel(const actor_address& to, const command_id& id) {
  const auto k = range_of(to);
  std::uint64_t purged = 0;
  for (const auto& subject :
       {names_.later(k, shard(to), to, id.hex()), names_.scheduled(k, shard(to), to, id.hex())}) {
    auto heard =
        ask("$JS.API.STREAM.PURGE." + names_.durable_stream(k), json{{"filter", subject}}.dump());
    if (!heard) return std::unexpected(std::move(heard).error());
    if (heard->error_code == jetstream_answer::stream_not_found) return false;
    if (heard->error_code != 0) return std::unexpected(heard->as_error("it was not cancelled"));
    purged += heard->number("purged");
  }
  return purged > 0;
}

}  // namespace aether::cluster
