#include "balance_view.hpp"

#include <aether/actors/projected_events.hpp>
#include "../bank/account.hpp"
#include "statement.hpp"

namespace {

using aether::errc;
using aether::fail;
using aether::projection_key;
using aether::projection_position;
using aether::result;

constexpr const char* tables =
    "pragma journal_mode = wal;"
    // What a commit of the view loses with the power, the log brings again.
    "pragma synchronous = normal;"
    "create table if not exists balance ("
    "  account text primary key, cents integer not null, events integer not null);"
    "create table if not exists position ("
    "  projection text, version integer, partition integer, sequence integer not null,"
    "  commit_id text not null, primary key (projection, version, partition));";

constexpr int busy_timeout_ms = 5'000;

/// What an event adds to a balance.
std::int64_t added_by(const deposited& event) { return event.cents; }
std::int64_t added_by(const withdrawn& event) { return -event.cents; }
std::int64_t added_by(const account_closed&) { return 0; }

}  // namespace

result<std::shared_ptr<balance_view>> balance_view::open(const std::string& file) {
  sqlite3* made = nullptr;
  const int opened = sqlite3_open(file.c_str(), &made);
  std::shared_ptr<balance_view> view{new balance_view{made}};
  if (opened != SQLITE_OK) return fail(errc::store_failed, file + ": " + sqlite3_errmsg(made));
  sqlite3_busy_timeout(made, busy_timeout_ms);
  if (auto ready = view->run(tables); !ready)
    return fail(errc::store_failed, file + ": " + ready.error().text());
  return view;
}

balance_view::~balance_view() { sqlite3_close(open_); }

result<void> balance_view::run(const char* sql) {
  if (sqlite3_exec(open_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return database_trouble(open_);
  return {};
}

result<void> balance_view::apply(const aether::projection_batch& batch) {
  const std::lock_guard lock{mutex_};
  if (auto begun = run("begin immediate"); !begun) return begun;
  auto done = apply_within(batch);
  if (done) done = run("commit");
  if (!done) (void)run("rollback");
  return done;
}

result<void> balance_view::apply_within(const aether::projection_batch& batch) {
  // What was parked is counted again without moving the position.
  if (!batch.replay) {
    const auto moved = move(batch.key, batch.after.sequence.value(), batch.through);
    if (!moved) return std::unexpected(moved.error());
    if (!*moved) return fail(errc::version_conflict, "another process counts these events");
  }
  for (const auto& commit : batch.commits)
    if (auto counted = count(commit); !counted) return counted;
  return {};
}

result<void> balance_view::count(const aether::projected_commit& commit) {
  std::int64_t cents = 0, events = 0;
  auto read = aether::read_events<account>(commit, [&](const auto&, const auto& event) {
    cents += added_by(event);
    ++events;
  });
  if (!read) return read;
  statement change{open_,
                   "insert into balance values (?1, ?2, ?3) on conflict (account) do update"
                   "  set cents = cents + ?2, events = events + ?3"};
  const auto done = change.bind(commit.address.id.str()).bind(cents).bind(events).step();
  if (!done) return std::unexpected(done.error());
  return {};
}

result<bool> balance_view::move(const projection_key& key, std::uint64_t after,
                                const projection_position& to) {
  statement change{open_,
                   "update position set sequence = ?, commit_id = ?"
                   "  where projection = ? and version = ? and partition = ? and sequence = ?"};
  change.bind(to.sequence.value()).bind(to.commit.hex()).bind(key.name);
  change.bind(std::uint64_t{key.version}).bind(std::uint64_t{key.partition}).bind(after);
  if (auto done = change.step(); !done) return done;
  return sqlite3_changes(open_) == 1;
}

result<projection_position> balance_view::load(const projection_key& key) {
  const std::lock_guard lock{mutex_};
  const auto bind_key = [&](statement& to) {
    to.bind(key.name).bind(std::uint64_t{key.version}).bind(std::uint64_t{key.partition});
  };
  statement make{open_, "insert or ignore into position values (?, ?, ?, 0, '')"};
  bind_key(make);
  if (auto made = make.step(); !made) return std::unexpected(made.error());
  statement find{open_,
                 "select sequence, commit_id from position"
                 "  where projection = ? and version = ? and partition = ?"};
  bind_key(find);
  const auto found = find.step();
  if (!found) return std::unexpected(found.error());
  const auto sequence = *found ? static_cast<std::uint64_t>(find.number(0)) : 0;
  const auto commit = *found ? aether::commit_id::from_hex(find.text(1)) : std::nullopt;
  return projection_position{aether::stream_sequence{sequence},
                             commit.value_or(aether::commit_id{}), sequence};
}

result<std::uint64_t> balance_view::store(const projection_key& key,
                                          const projection_position& next) {
  const std::lock_guard lock{mutex_};
  const auto moved = move(key, next.revision, next);
  if (!moved) return std::unexpected(moved.error());
  if (!*moved) return fail(errc::version_conflict, "another process counts these events");
  return next.sequence.value();
}

result<void> balance_view::forget(const projection_key& key) {
  const std::lock_guard lock{mutex_};
  statement gone{open_,
                 "delete from position where projection = ? and version = ? and partition = ?"};
  gone.bind(key.name).bind(std::uint64_t{key.version}).bind(std::uint64_t{key.partition});
  const auto done = gone.step();
  if (!done) return std::unexpected(done.error());
  return {};
}

result<std::vector<balance_view::row>> balance_view::rows() {
  const std::lock_guard lock{mutex_};
  statement all{open_, "select account, cents, events from balance order by account"};
  std::vector<row> found;
  while (true) {
    const auto more = all.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return found;
    found.push_back({all.text(0), all.number(1), all.number(2)});
  }
}

result<std::optional<std::int64_t>> balance_view::cents_of(std::string_view account) {
  const std::lock_guard lock{mutex_};
  statement one{open_, "select cents from balance where account = ?"};
  const auto found = one.bind(account).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::optional<std::int64_t>{};
  return std::optional{one.number(0)};
}
