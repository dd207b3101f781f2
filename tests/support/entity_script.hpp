#pragma once

#include "actors/src/core/entity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace aether::testing {

/// One entity under a test's control: records what it wants, and lets the test play the stores, the
/// clock and the senders. `log` and `saved` are what the stores hold.
template <class Actor>
class entity_script {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct sent_options {
    command_id id = command_id::make();
    bool repeated = false;
    bool stale = false;
    time_point deadline = time_point::max();
  };

  /// A command that was sent, and every answer it got.
  struct sent_command {
    command_id id;
    std::vector<result<any_reply>> answers;
  };

  explicit entity_script(bool begin = true) : under_test{model<Actor>::traits(), address, make} {
    if (begin) start();
  }

  void start() {
    play([&](auto& out) { under_test.start(at(), out); });
  }

  template <message Command>
  sent_command& send(Command command, sent_options how) {
    auto& made = commands.emplace_back();
    made.id = how.id;
    envelope wrapped{
        how.id,
        {},
        how.repeated,
        how.stale,
        how.deadline,
        any_message::of<Command>(std::move(command)),
        [&made](result<any_reply> answer) { made.answers.push_back(std::move(answer)); }};
    play([&](auto& out) { under_test.receive(std::move(wrapped), at(), out); });
    return made;
  }
  template <message Command>
  sent_command& send(Command command) {
    return send(std::move(command), sent_options{});
  }

  /// Sends it without waiting for an answer.
  template <message Command>
  void tell(Command command) {
    envelope made;
    made.id = command_id::make();
    made.command = any_message::of<Command>(std::move(command));
    send_envelope(std::move(made));
  }

  void send_envelope(envelope command) {
    play([&](auto& out) { under_test.receive(std::move(command), at(), out); });
  }

  // The stores answer.
  void give_tail(result<std::optional<recorded_commit>> tail) {
    REQUIRE(tails_wanted > 0);
    --tails_wanted;
    play([&](auto& out) { under_test.tail_read(std::move(tail), at(), out); });
  }
  void give_tail() { give_tail(log.empty() ? std::nullopt : std::optional{log.back()}); }
  void confirm(result<std::optional<recorded_commit>> tail) {
    REQUIRE(tail_doubted);
    tail_doubted = false;
    play([&](auto& out) { under_test.tail_read(std::move(tail), at(), out); });
  }
  void confirm() { confirm(log.empty() ? std::nullopt : std::optional{log.back()}); }
  void give_snapshot(result<std::optional<snapshot>> loaded) {
    REQUIRE(snapshots_wanted > 0);
    --snapshots_wanted;
    play([&](auto& out) { under_test.snapshot_loaded(std::move(loaded), at(), out); });
  }
  void give_snapshot() { give_snapshot(saved); }
  void give_page(result<std::vector<recorded_commit>> page) {
    REQUIRE(page_wanted.has_value());
    page_wanted.reset();
    play([&](auto& out) { under_test.history_read(std::move(page), at(), out); });
  }
  void give_page() {
    std::vector<recorded_commit> page;
    for (const auto& next : log)
      if (next.commit.last() >= page_wanted->from && page.size() < recovery_machine::page_commits)
        page.push_back(next);
    give_page(std::move(page));
  }
  void give_fetched(result<std::vector<recorded_commit>> commits) {
    REQUIRE(fetch_wanted.has_value());
    fetch_wanted.reset();
    play([&](auto& out) { under_test.commits_fetched(std::move(commits), at(), out); });
  }
  void give_fetched() {
    std::vector<recorded_commit> some;
    for (const auto& next : log)
      if (std::ranges::binary_search(fetch_wanted->sequences, next.sequence)) some.push_back(next);
    give_fetched(std::move(some));
  }
  void give_records(result<std::vector<history_record>> all) {
    REQUIRE(records_wanted > 0);
    --records_wanted;
    play([&](auto& out) { under_test.records_read(std::move(all), at(), out); });
  }
  void give_records() {
    std::vector<history_record> all;
    for (const auto& next : log) all.push_back({next.sequence, next});
    give_records(std::move(all));
  }
  /// Answers reads from `log` and `saved` until nothing more is read.
  void recover() {
    while (tails_wanted > 0 || snapshots_wanted > 0 || page_wanted || fetch_wanted ||
           records_wanted > 0) {
      if (tails_wanted > 0) give_tail();
      if (snapshots_wanted > 0) give_snapshot();
      if (page_wanted) give_page();
      if (fetch_wanted) give_fetched();
      if (records_wanted > 0) give_records();
    }
  }

  void give_append(result<log_position> outcome) {
    REQUIRE(append.has_value());
    append.reset();
    play([&](auto& out) { under_test.appended(std::move(outcome), at(), out); });
  }
  /// Puts a commit at the end of `log`.
  log_position put(commit next) {
    const stream_sequence before{10 * log.size()};
    log.push_back({std::move(next), stream_sequence{before.value() + 10}, {}, before});
    return log.back().position();
  }
  void append_succeeds() {
    REQUIRE(append.has_value());
    CHECK(append->expected == (log.empty() ? log_position{} : log.back().position()));
    give_append(put(append->next));
  }
  void append_fails(errc code) { give_append(fail(code, "scripted")); }

  void save_succeeds() {
    REQUIRE(save.has_value());
    saved = save->taken;
    save_ends({});
  }
  void save_ends(result<void> outcome) {
    REQUIRE(save.has_value());
    save.reset();
    play([&](auto& out) { under_test.snapshot_saved(std::move(outcome), out); });
  }
  void retry() {
    retry_wanted.reset();
    play([&](auto& out) { under_test.retry(at(), out); });
  }
  void expire() {
    expire_wanted.reset();
    play([&](auto& out) { under_test.expire(at(), out); });
  }
  void side_effect_threw() {
    play([&](auto& out) { under_test.side_effect_threw("on purpose", at(), out); });
  }
  void retire(departure how) {
    play([&](auto& out) { under_test.retire(how, out); });
  }

  [[nodiscard]] bool reported(std::string_view event) const {
    return std::ranges::any_of(reports, [&](const auto& one) { return one.event == event; });
  }

  /// Now, by both clocks. A handler that takes its time moves them.
  [[nodiscard]] instant at() { return {now, wall, contact, &clock}; }

  const actor_address address{model<Actor>::traits().type, *actor_id::parse("it")};
  /// How often an actor object was made.
  unsigned times_made = 0;
  bool making_throws = false;
  const behavior_factory make = [this](const actor_address& self) {
    ++times_made;
    if (making_throws) throw std::runtime_error{"on purpose"};
    return std::make_unique<model<Actor>>(Actor{}, self);
  };
  std::chrono::system_clock::time_point wall{std::chrono::hours{24}};
  time_point now{std::chrono::hours{1}};
  /// Nobody else owns it, if the test does not say otherwise.
  aether::contact contact{};
  struct script_clock final : running_clock {
    explicit script_clock(entity_script& of) : of_{of} {}
    void read(instant& into) override { into = of_.at(); }
    entity_script& of_;
  };
  script_clock clock{*this};
  std::vector<recorded_commit> log;
  std::optional<snapshot> saved;

  // What it wants and has not got.
  unsigned tails_wanted = 0;
  /// It asks whether it knows the newest.
  bool tail_doubted = false;
  unsigned snapshots_wanted = 0;
  std::optional<entity_effect::read_history> page_wanted;
  std::optional<entity_effect::fetch_commits> fetch_wanted;
  unsigned records_wanted = 0;
  std::optional<entity_effect::append> append;
  std::optional<entity_effect::save_snapshot> save;
  std::optional<std::chrono::milliseconds> retry_wanted;
  std::vector<entity_effect::report> reports;
  unsigned retired = 0;
  /// It stopped itself; what is for the next incarnation.
  bool ended = false;
  std::vector<envelope> left;
  std::vector<entity_effect::act> acts;
  std::optional<time_point> expire_wanted;
  unsigned expiries_wanted = 0;
  unsigned expired = 0;
  std::deque<sent_command> commands;
  /// How those ended that were told.
  std::vector<result<any_reply>> told;

  entity under_test;

 private:
  template <class Input>
  void play(Input input) {
    entity_effects out;
    input(out);
    for (auto& wanted : out)
      std::visit([this](auto&& effect) { record(std::move(effect)); }, wanted);
  }

  void record(entity_effect::read_tail) { ++tails_wanted; }
  void record(entity_effect::confirm_tail) {
    CHECK(!tail_doubted);
    tail_doubted = true;
  }
  void record(entity_effect::load_snapshot) { ++snapshots_wanted; }
  void record(entity_effect::read_history wanted) {
    CHECK(!page_wanted);
    page_wanted = wanted;
  }
  void record(entity_effect::fetch_commits wanted) {
    CHECK(!fetch_wanted);
    fetch_wanted = std::move(wanted);
  }
  void record(entity_effect::read_records) { ++records_wanted; }
  void record(entity_effect::append wanted) {
    CHECK(!append);
    wanted.next.id = commit_id::make();
    append.emplace(std::move(wanted));
  }
  void record(entity_effect::save_snapshot wanted) {
    CHECK(!save);
    save.emplace(std::move(wanted));
  }
  void record(entity_effect::answer wanted) {
    expired += wanted.expired ? 1 : 0;
    if (wanted.command.answer)
      wanted.command.answer(std::move(wanted.with));
    else
      told.push_back(std::move(wanted.with));
  }
  void record(entity_effect::act wanted) { acts.push_back(std::move(wanted)); }
  void record(entity_effect::expire_at wanted) {
    ++expiries_wanted;
    expire_wanted = wanted.when;
  }
  void record(entity_effect::retry_later wanted) {
    CHECK(!retry_wanted);
    retry_wanted = wanted.delay;
  }
  void record(entity_effect::report wanted) { reports.push_back(std::move(wanted)); }
  void record(entity_effect::retired wanted) {
    ++retired;
    ended = ended || wanted.ended;
    for (auto& command : wanted.left) left.push_back(std::move(command));
  }
};

/// The one answer that a command got, as a value of type `Reply`.
template <class Reply, class Sent>
[[nodiscard]] Reply reply_to(Sent& sent) {
  REQUIRE(sent.answers.size() == 1);
  REQUIRE_MESSAGE(sent.answers[0].has_value(), sent.answers[0].error().message());
  auto reply = take_reply<Reply>(std::move(sent.answers[0]));
  REQUIRE(reply.has_value());
  return *std::move(reply);
}

/// The one answer that a command got: an error, and its code.
template <class Sent>
[[nodiscard]] errc error_to(const Sent& sent) {
  REQUIRE(sent.answers.size() == 1);
  REQUIRE(!sent.answers[0].has_value());
  return sent.answers[0].error().code();
}

}  // namespace aether::testing
