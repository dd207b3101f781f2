#pragma once

#include "actors/src/core/recovery_machine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aether::testing {

/// One actor's log as a recovery meets it. The event with version 7 is of type `e7`.
struct recovery_log {
  std::vector<recorded_commit> commits;

  [[nodiscard]] std::uint64_t versions() const {
    return commits.empty() ? 0 : commits.back().commit.last().value();
  }
  [[nodiscard]] std::uint64_t next_sequence() const {
    return commits.empty() ? 10 : commits.back().sequence.value() + 10;
  }
  /// The sequences of the newest `count` commits, ascending.
  [[nodiscard]] std::vector<stream_sequence> newest(std::size_t count) const {
    std::vector<stream_sequence> found;
    for (std::size_t i = commits.size() - std::min(count, commits.size()); i < commits.size(); ++i)
      found.push_back(commits[i].sequence);
    return found;
  }

  /// Adds a commit of `events` events that names the newest `pointers` commits.
  recorded_commit& add(std::size_t events = 1, std::size_t pointers = 0) {
    recorded_commit next;
    next.commit.id = commit_id::make();
    next.commit.first = event_version{versions() + 1};
    for (std::size_t i = 0; i < events; ++i)
      next.commit.events.push_back({"e" + std::to_string(versions() + 1 + i), {}});
    next.commit.back_pointers = newest(pointers);
    next.sequence = stream_sequence{next_sequence()};
    next.after = stream_sequence{};
    if (!commits.empty()) {
      next.previous = commits.back().commit.id;
      next.after = commits.back().sequence;
    }
    return commits.emplace_back(std::move(next));
  }

  /// Of the state after the `nth` commit, from 1.
  [[nodiscard]] snapshot snapshot_after(std::size_t nth) const {
    return {commits.at(nth - 1).position(), "s", 1, {}, {}};
  }

  // As `event_store` has it.
  [[nodiscard]] std::optional<recorded_commit> tail() const {
    return commits.empty() ? std::nullopt : std::optional{commits.back()};
  }
  [[nodiscard]] std::vector<recorded_commit> page(const recovery_machine::read& wanted) const {
    std::vector<recorded_commit> found;
    for (const auto& next : commits)
      if (next.sequence >= wanted.after && found.size() < recovery_machine::page_commits &&
          (!found.empty() || next.commit.last() >= wanted.from))
        found.push_back(next);
    return found;
  }
  [[nodiscard]] std::vector<recorded_commit> at(const recovery_machine::fetch& wanted) const {
    std::vector<recorded_commit> found;
    for (const auto sequence : wanted.sequences)
      for (const auto& next : commits)
        if (next.sequence == sequence) found.push_back(next);
    return found;
  }
  [[nodiscard]] std::vector<history_record> records() const {
    std::vector<history_record> found;
    for (const auto& next : commits) found.push_back({next.sequence, next});
    return found;
  }
};

/// A recovery played against a log to its end, and what it asked for.
struct played_recovery {
  recovery_machine machine;
  /// The types of the events replayed, in order.
  std::vector<std::string> events;
  std::vector<std::vector<stream_sequence>> fetches;
  std::vector<recovery_machine::read> reads;
  unsigned records_read = 0;
  unsigned restores = 0;

  explicit played_recovery(bool careful = false) : machine{{}, careful} {}

  /// @param tail as it was when recovery began.
  void play(const recovery_log& log, std::optional<recorded_commit> tail,
            std::optional<snapshot> from = {}) {
    carry_out(log, machine.tail_read(std::move(tail)));
    carry_out(log, machine.snapshot_read(std::move(from)));
  }
  void play(const recovery_log& log, std::optional<snapshot> from = {}) {
    play(log, log.tail(), std::move(from));
  }

  void carry_out(const recovery_log& log, recovery_machine::steps steps) {
    for (auto& step : steps)
      std::visit([&](auto&& wanted) { carry_out_one(log, std::move(wanted)); }, step);
  }

 private:
  void carry_out_one(const recovery_log&, recovery_machine::restore) { ++restores; }
  void carry_out_one(const recovery_log&, recovery_machine::replay wanted) {
    for (const auto& event : wanted.next.events) events.push_back(event.type);
  }
  void carry_out_one(const recovery_log& log, recovery_machine::read wanted) {
    reads.push_back(wanted);
    REQUIRE(reads.size() < 100);
    carry_out(log, machine.page_read(log.page(wanted)));
  }
  void carry_out_one(const recovery_log& log, recovery_machine::fetch wanted) {
    fetches.push_back(wanted.sequences);
    REQUIRE(fetches.size() < 100);
    carry_out(log, machine.fetched(log.at(wanted)));
  }
  void carry_out_one(const recovery_log& log, recovery_machine::read_tail) {
    carry_out(log, machine.tail_read(log.tail()));
  }
  void carry_out_one(const recovery_log& log, recovery_machine::read_records) {
    ++records_read;
    carry_out(log, machine.records_read(log.records()));
  }
};

/// `e<first>` to `e<last>`.
inline std::vector<std::string> events_between(std::uint64_t first, std::uint64_t last) {
  std::vector<std::string> names;
  for (; first <= last; ++first) names.push_back("e" + std::to_string(first));
  return names;
}

}  // namespace aether::testing
