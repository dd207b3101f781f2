#pragma once

#include <aether/actors/actor_host.hpp>
#include <aether/persistence/jetstream_store.hpp>
#include "persistence/src/commit_format.hpp"
#include "support/bank.hpp"
#include "support/commits.hpp"
#include "support/nats_server.hpp"
#include "support/store_calls.hpp"
#include "support/stream_tool.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Accounts on a real server whose histories a test can also write, past the store.
namespace aether::testing {

using namespace std::chrono_literals;

/// A commit of one deposit that follows `end`, as an account would write it.
inline commit deposit_after(const log_position& end, std::int64_t cents = 1) {
  commit made = commit_after(end);
  made.events = {{"bank.deposited", encode(bank::deposited{cents})}};
  made.commands.clear();
  return made;
}

/// The header with which the store would have stored it.
inline std::vector<std::pair<std::string, std::string>> headers_of(const commit& of) {
  return {{commit_header_name, commit_header(of)}};
}

struct history_bench {
  explicit history_bench(std::string ns = "kit") : names{space("aether"), space(ns)} { open(); }

  static namespace_name space(const std::string& name) {
    return namespace_name::parse(name).value();
  }
  static actor_address account(const std::string& id) { return address("account", id); }

  /// The namespace's streams are on the server after this.
  void open() {
    auto opened = nats_connection::open({.url = server.url(), .reconnect_wait = 20ms});
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message());
    connection = *std::move(opened);
    create();
    forget();
  }
  /// Stores that were told nothing, as those of another node.
  void forget() {
    events = std::make_shared<jetstream_event_store>(connection, names, layout, timing);
    snapshots = std::make_shared<jetstream_snapshot_store>(connection, names, layout, timing);
  }
  void create() {
    const auto created = create_streams(*connection, names, layout);
    REQUIRE_MESSAGE(created.has_value(), created.error().message());
  }

  [[nodiscard]] std::string subject_of(const actor_address& actor) const {
    return names.commits(shard_of(actor, layout.shards), actor);
  }
  [[nodiscard]] std::string stream_of(const actor_address& actor) const {
    return names.event_stream(
        aether::stream_of(shard_of(actor, layout.shards), layout.shards, layout.streams));
  }

  /// Appends `count` deposits of one cent after `end`, through the store. @returns the new end.
  log_position deposits(const actor_address& actor, std::size_t count, log_position end = {}) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto stored = append(*events, actor, end, deposit_after(end));
      REQUIRE_MESSAGE(stored.has_value(), stored.error().message());
      end = *stored;
    }
    return end;
  }
  /// The same, each with pointers back to all that were appended by this call.
  log_position chained_deposits(const actor_address& actor, std::size_t count,
                                log_position end = {}) {
    std::vector<stream_sequence> before;
    if (end.sequence.value() != 0) before.push_back(end.sequence);
    for (std::size_t i = 0; i < count; ++i) {
      auto next = deposit_after(end);
      next.back_pointers = before;
      const auto stored = append(*events, actor, end, std::move(next));
      REQUIRE_MESSAGE(stored.has_value(), stored.error().message());
      end = *stored;
      before.push_back(end.sequence);
    }
    return end;
  }
  /// Stores a commit on the actor's subject whatever is there, by default as the first builds wrote
  /// it. @returns its sequence.
  std::uint64_t put(const actor_address& actor, const commit& any, const commit_frame& as = {}) {
    return testing_support::store_by_hand(*connection, subject_of(actor), encode_commit(any, as),
                                          headers_of(any));
  }
  /// What the actor's subject holds.
  [[nodiscard]] std::vector<testing_support::raw_message> messages(const actor_address& actor) {
    auto all = testing_support::whole_stream(*connection, stream_of(actor));
    std::erase_if(all, [&](const auto& one) { return one.subject != subject_of(actor); });
    return all;
  }
  [[nodiscard]] std::unique_ptr<actor_host> host() {
    auto made = std::make_unique<actor_host>(host_options{.shards = layout.shards, .workers = 2},
                                             events, snapshots, clock);
    made->host<bank::account>();
    return made;
  }
  static result<bank::balance> ask(actor_host& of, const std::string& id) {
    return of.actor<bank::account>(id).ask(bank::get_balance{}, 10s).get();
  }
  static result<bank::balance> deposit(actor_host& of, const std::string& id) {
    return of.actor<bank::account>(id).ask(bank::deposit{1}, 10s).get();
  }

  jetstream_layout layout{.shards = 16, .streams = 2, .replicas = 1};
  jetstream_timing timing{.request_timeout = 500ms, .append_deadline = 10s};
  subjects names;
  testing_support::nats_server server;
  timers clock;
  std::shared_ptr<nats_connection> connection;
  std::shared_ptr<jetstream_event_store> events;
  std::shared_ptr<jetstream_snapshot_store> snapshots;
};

}  // namespace aether::testing
