#pragma once

#include "persistence/src/core/projection_machine.hpp"
#include "support/commits.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace aether::testing {

/// One partition's log, its stored position and what is parked, and owners that come and go: each a
/// `projection_machine` whose effects are carried out one at a time, in virtual time, with faults
/// from a seed. After each step it is checked that positions never go back nor pass what was not
/// handled, that each actor's events are handled in order, and, where the view and the position are
/// stored in one transaction, once.
class projection_world {
 public:
  struct settings {
    bool transactional = false;
    poison_policy on_poison = poison_policy::park_commit;
    /// Of 1,000 calls, so many fail, or have their answers lost.
    unsigned faults = 100;
  };

  projection_world(std::mt19937_64& random, settings how) : random_{random}, how_{how} {
    options_.batch_commits_max = 4;
    options_.ahead_commits_max = 8;
    options_.attempts_max = 2;
    options_.on_poison = how.on_poison;
  }

  // The log

  void append() {
    const auto who =
        address(roll(8) == 0 ? "other" : "counter", std::string(1, 'a' + char(roll(4))));
    sequence_ += 1 + roll(3) / 2;  // others' messages lie between
    auto& end = ends_[who];
    auto made = commit_after(end, 1 + roll(2));
    end = {made.last(), stream_sequence{sequence_}, made.id};
    log_.push_back(
        {who, {stream_sequence{sequence_}, recorded_commit{made, stream_sequence{sequence_}}}});
  }
  /// The newest commit can never be handled, until `heal`.
  void poison_newest() { poison_.insert(sequence_); }
  /// Its handler was mended.
  void heal_one() {
    if (!poison_.empty()) poison_.erase(poison_.begin());
  }
  void heal() { poison_.clear(); }
  [[nodiscard]] const std::set<std::uint64_t>& poison() const noexcept { return poison_; }

  // The owners

  struct owner {
    owner(projection_key key, const projection_options& options, bool transactional)
        : machine{std::move(key),
                  {actor_type::parse("counter").value()},
                  options,
                  transactional,
                  false} {}
    projection_machine machine;
    projection_effects wants{};
    /// A reading that has not ended: how far it came, and its round.
    std::uint64_t read_to = 0, round = 0;
    bool reading = false;
    std::chrono::steady_clock::time_point wake = std::chrono::steady_clock::time_point::max();
    bool stopped = false;
    /// What the store and the handler did, and the owner is told later.
    std::vector<std::function<void(owner&)>> answers{};
  };

  owner& start() {
    owners_.push_back(
        std::make_unique<owner>(projection_key{"p", 1, 0}, options_, how_.transactional));
    owners_.back()->machine.start(owners_.back()->wants);
    return *owners_.back();
  }
  void crash(std::size_t index) {
    owners_.erase(owners_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  [[nodiscard]] std::vector<std::unique_ptr<owner>>& owners() noexcept { return owners_; }

  /// Something happens to one owner.
  void step(owner& of) {
    now_ += std::chrono::milliseconds{roll(20)};
    if (!of.answers.empty()) {
      auto next = std::move(of.answers.front());
      of.answers.erase(of.answers.begin());
      return next(of);
    }
    if (of.reading && roll(2) == 0) return bring_page(of);
    if (!of.wants.empty()) {
      auto effect = std::move(of.wants.front());
      of.wants.erase(of.wants.begin());
      return std::visit([&](auto& what) { carry_out(of, what); }, effect);
    }
    if (roll(4) == 0) of.machine.hint(now(), of.wants);
    if (of.wake <= now_) of.machine.tick(now(), of.wants);
    if (roll(3) == 0) now_ += std::chrono::milliseconds{roll(400)};
  }

  /// Until the one owner has nothing to do, without faults.
  void settle() {
    how_.faults = 0;
    owners_.clear();
    auto& last = start();
    for (int i = 0; i < 20'000; ++i) {
      step(last);
      if (complete() && last.machine.at_end()) return;
    }
    FAIL("it does not come to the end of the log");
  }
  [[nodiscard]] bool complete() const {
    return position_.sequence.value() == (log_.empty() ? 0 : sequence_);
  }

  [[nodiscard]] parking_lot& lot() noexcept { return lot_; }
  void wish_all(parked_wish what) {
    for (const auto& one : std::vector<parked_commit>{lot_.entries()})
      lot_.find(one.sequence)->wish = what;
    ++lot_revision_;
  }
  /// Somebody wants one of them handled again, in the middle of everything.
  void wish_one() {
    if (lot_.empty()) return;
    lot_.find(lot_.entries()[roll(lot_.size())].sequence)->wish = parked_wish::replay;
    ++lot_revision_;
  }
  [[nodiscard]] const std::map<std::uint64_t, unsigned>& handled() const noexcept {
    return handled_;
  }

  /// Every wanted commit, handled or parked. @returns how many are handled.
  std::size_t check_all(bool parked_allowed) const {
    std::size_t found = 0;
    for (const auto& one : log_) {
      if (one.address.type.str() != "counter") continue;
      const auto at = one.record.sequence;
      const bool handled = handled_.contains(at.value());
      CHECK((handled || (parked_allowed && lot_.covers(one.address, at))));
      // A replay moves no position: it is at least once.
      if (how_.transactional && handled && !replayed_.contains(at.value()))
        CHECK(handled_.at(at.value()) == 1);
      found += handled;
    }
    return found;
  }

 private:
  using us = projection_world;
  std::uint64_t roll(std::uint64_t sides) { return random_between(random_, 0, sides - 1); }
  bool fault() { return roll(1'000) < how_.faults; }
  [[nodiscard]] projection_instant now() const { return {now_, {}}; }

  template <class Answer>
  void answer(owner& of, Answer later) {
    of.answers.emplace_back(std::move(later));
  }

  void carry_out(owner& of, projection_effect::load&) {
    result<projection_position> found = position_;
    if (how_.transactional) found->revision = position_.sequence.value();
    if (fault()) found = fail(errc::unavailable, "");
    answer(of, [this, found](owner& o) { o.machine.loaded(found, now(), o.wants); });
  }
  void carry_out(owner& of, projection_effect::load_lot&) {
    result<std::pair<parking_lot, std::uint64_t>> found = std::pair{lot_, lot_revision_};
    if (fault()) found = fail(errc::timed_out, "");
    answer(of, [this, found](owner& o) { o.machine.lot_loaded(found, now(), o.wants); });
  }
  void carry_out(owner& of, projection_effect::store& what) {
    result<std::uint64_t> outcome = fail(errc::unavailable, "");
    if (!fault()) outcome = store(what.next);
    if (outcome && fault()) outcome = fail(errc::outcome_unknown, "");
    answer(of, [this, outcome](owner& o) { o.machine.stored(outcome, now(), o.wants); });
  }
  result<std::uint64_t> store(const projection_position& next) {
    const auto revision = how_.transactional ? position_.sequence.value() : position_.revision;
    if (next.revision != revision) return fail(errc::version_conflict, "");
    return move_to(next);
  }
  std::uint64_t move_to(const projection_position& next) {
    CHECK(next.sequence >= position_.sequence);
    for (const auto& one : log_)
      if (one.record.sequence <= next.sequence && one.address.type.str() == "counter") {
        const bool kept = handled_.contains(one.record.sequence.value()) ||
                          lot_.covers(one.address, one.record.sequence);
        CHECK(kept);
      }
    const auto revision = how_.transactional ? next.sequence.value() : position_.revision + 1;
    position_ = next;
    position_.revision = revision;
    return revision;
  }

  void carry_out(owner& of, projection_effect::read& what) {
    of.reading = true;
    of.read_to = what.after.value();
    of.round = what.round;
  }
  void bring_page(owner& of) {
    if (fault()) {
      of.reading = false;
      return of.machine.page_read(of.round, fail(errc::timed_out, ""), false, now(), of.wants);
    }
    shard_page page;
    const std::size_t most = 1 + roll(4);
    std::uint64_t left = 0;
    for (const auto& one : log_) {
      if (one.record.sequence.value() <= of.read_to) continue;
      if (page.entries.size() < most)
        page.entries.push_back(one);
      else
        ++left;
    }
    page.last = left == 0;
    page.behind = left;
    if (!page.entries.empty()) of.read_to = page.entries.back().record.sequence.value();
    const bool more = of.machine.ahead() + page.entries.size() < options_.ahead_commits_max;
    of.reading = more && !page.last;
    of.machine.page_read(of.round, std::move(page), more, now(), of.wants);
  }

  void carry_out(owner& of, projection_effect::handle& what) {
    auto outcome = handle(*what.batch);
    answer(of, [this, outcome](owner& o) { o.machine.handled(outcome, now(), o.wants); });
  }
  result<void> handle(const projection_batch& batch) {
    if (fault()) return fail(errc::unavailable, "");
    if (fault()) return fail(errc::handler_failed, "once");
    for (const auto& one : batch.commits)
      if (poison_.contains(one.record.sequence.value()))
        return fail(errc::handler_failed, "poison");
    if (how_.transactional && !batch.replay) {
      if (batch.after.sequence != position_.sequence) return fail(errc::version_conflict, "");
    }
    for (const auto& one : batch.commits) apply(one, batch.replay);
    if (how_.transactional && !batch.replay) (void)move_to(batch.through);
    if (fault()) return fail(how_.transactional ? errc::outcome_unknown : errc::timed_out, "lost");
    return {};
  }
  void apply(const projected_commit& one, bool replay) {
    auto& max = newest_[one.address];
    const auto& commit = one.record.commit;
    // Later events of an actor that has a commit parked come before it, where only that is parked.
    const bool in_order = how_.on_poison == poison_policy::park_actor || !had_poison(one.address);
    if (in_order) CHECK(commit.first.value() <= max.value() + 1);
    if (how_.transactional && !replay) CHECK_FALSE(handled_.contains(one.record.sequence.value()));
    max = std::max(max, commit.last());
    if (replay) replayed_.insert(one.record.sequence.value());
    ++handled_[one.record.sequence.value()];
  }
  /// Also where a fault took twice in a row what looks like poison.
  [[nodiscard]] bool had_poison(const actor_address& whose) const {
    return ever_parked_.contains(whose);
  }

  void carry_out(owner& of, projection_effect::store_lot& what) {
    result<std::uint64_t> outcome = fail(errc::unavailable, "");
    if (!fault()) {
      if (what.expected != lot_revision_) {
        outcome = fail(errc::version_conflict, "");
      } else {
        lot_ = what.lot;
        for (const auto& one : lot_.entries()) ever_parked_.insert(one.address);
        outcome = ++lot_revision_;
      }
    }
    if (outcome && fault()) outcome = fail(errc::outcome_unknown, "");
    answer(of, [this, outcome](owner& o) { o.machine.lot_stored(outcome, now(), o.wants); });
  }
  void carry_out(owner& of, projection_effect::read_past& what) {
    result<std::vector<history_record>> found{std::vector<history_record>{}};
    for (const auto& one : log_) {
      const bool wanted = what.entry.whole_actor ? one.address == what.entry.address &&
                                                       one.record.sequence > what.after
                                                 : one.record.sequence == what.entry.sequence;
      if (wanted && found->size() < 3) found->push_back(one.record);
    }
    if (fault()) found = fail(errc::unavailable, "");
    answer(of, [this, found, round = what.round](owner& o) {
      o.machine.past_read(round, found, now(), o.wants);
    });
  }
  void carry_out(owner& of, projection_effect::wake_at& what) { of.wake = what.when; }
  void carry_out(owner&, projection_effect::report&) {}
  void carry_out(owner& of, projection_effect::stopped&) { of.stopped = true; }

  std::mt19937_64& random_;
  settings how_;
  projection_options options_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
  std::vector<shard_page::entry> log_;
  std::map<actor_address, log_position> ends_;
  std::uint64_t sequence_ = 0;
  std::set<std::uint64_t> poison_;
  projection_position position_;
  parking_lot lot_;
  std::uint64_t lot_revision_ = 0;
  std::vector<std::unique_ptr<owner>> owners_;
  /// By sequence, how often; by actor, the newest version.
  std::map<std::uint64_t, unsigned> handled_;
  std::set<std::uint64_t> replayed_;
  std::map<actor_address, event_version> newest_;
  std::set<actor_address> ever_parked_;
};

}  // namespace aether::testing
