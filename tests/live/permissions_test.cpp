// What the users of examples/security/namespaces.conf may do, and what they may not.

#include <aether/aether.hpp>
#include "support/bank.hpp"
#include "support/nats_talk.hpp"
#include "support/temp_files.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace aether;
using namespace std::chrono_literals;
using testing_support::await;
using testing_support::nats_server;
using testing_support::temp_files;

const std::string examples = AETHER_EXAMPLES_DIR;

std::string shipped_config() {
  std::ostringstream text;
  text << std::ifstream{examples + "/security/namespaces.conf"}.rdbuf();
  return text.str();
}

/// What `examples/security/permissions` prints.
std::string permissions_of(const std::string& ns) {
  const std::string command = examples + "/security/permissions " + ns;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), pipe))
    out.append(part.data(), count);
  REQUIRE(::pclose(pipe) == 0);
  return out;
}

std::string user(const std::string& name, const std::string& permissions) {
  return "{ user: \"" + name + "\", password: \"secret of " + name + "\"\n" + permissions + "}\n";
}

/// Both users in one account: only permissions keep them apart.
std::string one_account() {
  return "accounts { ONE { jetstream: enabled, users = [\n" + user("a", permissions_of("a")) +
         user("b", permissions_of("b")) + "] } }\n";
}

options settings_of(const nats_server& server, const temp_files& files, const std::string& user,
                    const std::string& ns) {
  options made;
  made.nats = server.url();
  made.nats_user = user;
  made.nats_password_file = files.write("password of " + user, "secret of " + user + "\n");
  made.ns = ns;
  made.node = "n-" + ns;
  return made;
}

std::shared_ptr<nats_connection> connect(const options& as) {
  auto opened = nats_connection::open(nats_options::of(as));
  if (!opened) FAIL(opened.error().message());
  return *std::move(opened);
}

std::uint64_t events_of(node& of, const std::string& id) {
  return of.history<bank::account>(id).state_now().get().value().point.version.value();
}

}  // namespace

TEST_CASE("security: the shipped configuration has the permissions that the script prints") {
  const std::string config = shipped_config();
  CHECK(config.find(permissions_of("a")) != std::string::npos);
  CHECK(config.find(permissions_of("b")) != std::string::npos);
}

TEST_CASE("security: two namespaces in one process are each other's nothing") {
  std::string config;
  SUBCASE("with an account each") { config = shipped_config(); }
  SUBCASE("in one account") { config = one_account(); }
  const nats_server server{{.config = config}};
  const temp_files files;
  node first{settings_of(server, files, "a", "a")};
  node second{settings_of(server, files, "b", "b")};
  for (node* each : {&first, &second}) {
    each->host<bank::account>();
    const auto joined = each->join();
    REQUIRE_MESSAGE(joined.has_value(), joined.error().message());
  }
  const std::string id = "same.id *>";
  REQUIRE(first.actor<bank::account>(id).ask(bank::deposit{500}, 10s).get());
  CHECK(second.actor<bank::account>(id).ask(bank::get_balance{}, 10s).get()->cents == 0);
  CHECK(first.actor<bank::account>(id).ask(bank::get_balance{}, 10s).get()->cents == 500);
  CHECK(events_of(first, id) == 1);
  CHECK(events_of(second, id) == 0);
  CHECK(first.status().members.size() == 1);
  CHECK(first.status().actors.handled + first.status().actors.rejected >= 2);
  CHECK(second.status().actors.handled + second.status().actors.rejected == 1);
  CHECK(first.leave());
  CHECK(second.actor<bank::account>(id).ask(bank::deposit{1}, 10s).get()->cents == 1);
  CHECK(second.leave());
}

TEST_CASE("security: a node's permissions are enough for its bus and its projections") {
  const nats_server server{{.config = one_account()}};
  const temp_files files;
  node sees{settings_of(server, files, "a", "a")};
  sees.host<bank::account>();
  std::atomic<int> projected{0};
  sees.project({.name = "counts", .handler = [&](const projection_batch& batch) -> result<void> {
                  for (const auto& one : batch.commits)
                    projected += static_cast<int>(one.record.commit.events.size());
                  return {};
                }});
  REQUIRE(sees.join().has_value());
  std::atomic<int> seen{0};
  const auto ear = sees.bus()->subscribe({}, {}, {.event = [&](const bus_event&) { ++seen; }});
  REQUIRE_MESSAGE(ear.has_value(), ear.error().message());
  const auto stored =
      sees.actor<bank::account>("alice").ask(bank::deposit{500}, 10s).get_with_position();
  REQUIRE(stored.has_value());
  CHECK(sees.projection("counts")->wait_for(stored->position, 10s).has_value());
  CHECK(projected == 1);
  CHECK(await([&] { return seen == 1; }));
  CHECK(sees.leave());
}

TEST_CASE(
    "security: a node's permissions are enough for durable sends, parked ones and reminders") {
  const nats_server server{{.config = one_account()}};
  const temp_files files;
  node sends{settings_of(server, files, "a", "a")};
  sends.host<bank::account>();
  REQUIRE(sends.join().has_value());
  std::atomic<int> outcomes{0};
  const auto ear = sends.outcomes("bank", [&](const durable_outcome&) { ++outcomes; });
  REQUIRE_MESSAGE(ear.has_value(), ear.error().message());
  const auto alice = sends.actor<bank::account>("alice");
  const auto sent = alice.send_durable(bank::deposit{500}, {.outcome = "bank"}).get();
  REQUIRE_MESSAGE(sent.has_value(), sent.error().message());
  CHECK(await([&] { return outcomes == 1; }));
  const auto series = alice.send_durable(bank::deposit{1}, {.every = 1h}).get();
  REQUIRE_MESSAGE(series.has_value(), series.error().message());
  const auto gone = sends.cancel_reminder(*alice.address(), series->id);
  REQUIRE_MESSAGE(gone.has_value(), gone.error().message());
  CHECK(*gone);
  const auto aside = sends.parked_sends(10);
  REQUIRE_MESSAGE(aside.has_value(), aside.error().message());
  CHECK(aside->empty());
  CHECK(sends.leave());
}

TEST_CASE("security: a user can neither write, read, hear nor purge what is another namespace's") {
  const nats_server server{{.config = one_account()}};
  const temp_files files;
  node owner{settings_of(server, files, "b", "b")};
  owner.host<bank::account>();
  REQUIRE(owner.join().has_value());
  REQUIRE(owner.actor<bank::account>("alice").ask(bank::deposit{500}, 10s).get());

  const auto intruder = connect(settings_of(server, files, "a", "a"));
  for (const std::string subject :
       {"aether.b.evt.27.account.alice", "aether.b.snap.27.account.alice",
        "aether.b.cmd.27.account", "aether.b.bus.27.account.alice", "aether.b.hb.n-b",
        "aether.b.node.n-b", "$KV.aether_b.table", "$JS.API.STREAM.INFO.aether_b_EVT_0",
        "$JS.API.STREAM.PURGE.aether_b_EVT_0", "$JS.API.STREAM.DELETE.aether_b_SNAP",
        "$JS.API.STREAM.MSG.GET.KV_aether_b", "$JS.API.DIRECT.GET.aether_b_EVT_0",
        "$JS.API.CONSUMER.CREATE.aether_b_EVT_0", "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.DELETE.aether_a_EVT_0"}) {
    const auto answer = intruder->request_wait({.subject = subject}, 10s);
    REQUIRE_FALSE(answer.has_value());
    CHECK_MESSAGE(answer.error().code() == errc::not_permitted, answer.error().message());
    CHECK(answer.error().text().find("\"" + subject + "\"") != std::string::npos);
    CHECK(answer.error().text().find("publish") != std::string::npos);
  }
  for (const std::string subject : {"aether.b.>", "aether.b.bus.>", "aether.b.inbox.>", "aether.>",
                                    ">", "aether.*.cmd.27.account", "$KV.aether_b.>", "_INBOX.>"}) {
    const auto spy = connect(settings_of(server, files, "a", "a"));
    std::atomic<int> heard{0};
    const auto ear = spy->subscribe(subject, [&](nats_message) { ++heard; });
    REQUIRE(spy->flush(10s));
    const auto no = spy->refused();
    REQUIRE(no.has_value());
    CHECK(no->code() == errc::not_permitted);
    CHECK(no->text().find("subscribe to \"" + subject + "\"") != std::string::npos);
    REQUIRE(owner.actor<bank::account>("alice").ask(bank::deposit{1}, 10s).get());
    REQUIRE(spy->flush(10s));
    CHECK(heard == 0);
    spy->close();
  }
  CHECK(owner.actor<bank::account>("alice").ask(bank::get_balance{}, 10s).get()->cents == 508);
  CHECK(owner.leave());
}

TEST_CASE(
    "security: a node of another namespace than its user's is told which permission it lacks") {
  const nats_server server{{.config = one_account()}};
  const temp_files files;
  node intruder{settings_of(server, files, "a", "b")};
  intruder.host<bank::account>();
  const auto joined = intruder.join();
  REQUIRE_FALSE(joined.has_value());
  CHECK(joined.error().code() == errc::not_permitted);
  CHECK(joined.error().text().find("subscribe to \"aether.b.inbox.") != std::string::npos);
}

TEST_CASE("security: join names the one subject that a user lacks") {
  struct row {
    std::string deny, says;
  };
  const std::vector<row> rows{
      {"subscribe { deny: [\"aether.a.hb.*\"] }", "subscribe to \"aether.a.hb.*\""},
      {"publish { deny: [\"aether.a.hb.>\"] }", "publish on \"aether.a.hb.n-a\""},
      {"subscribe { deny: [\"aether.a.cmd.>\"] }", "subscribe to \"aether.a.cmd."},
      {"publish { deny: [\"$KV.aether_a.settings\"] }", "publish on \"$KV.aether_a.settings\""},
      {"publish { deny: [\"$JS.API.STREAM.CREATE.aether_a_EVT_3\"] }",
       "publish on \"$JS.API.STREAM.CREATE.aether_a_EVT_3\""},
      {"publish { deny: [\"$JS.API.INFO\"] }", "publish on \"$JS.API.INFO\""}};
  for (const auto& [deny, says] : rows) {
    CAPTURE(deny);
    const nats_server server{{.config = "accounts { ONE { jetstream: enabled, users = [\n" +
                                        user("a", "permissions { " + deny + " }") + "] } }\n"}};
    const temp_files files;
    node lacking{settings_of(server, files, "a", "a")};
    lacking.host<bank::account>();
    const auto joined = lacking.join();
    REQUIRE_FALSE(joined.has_value());
    CHECK(joined.error().code() == errc::not_permitted);
    CHECK_MESSAGE(joined.error().text().find(says) != std::string::npos, joined.error().text());
  }
}

TEST_CASE("security: an append that the server refuses is not stored, and the ask says why") {
  const nats_server server{
      {.config = "accounts { ONE { jetstream: enabled, users = [\n" +
                 user("a", "permissions { publish { deny: [\"aether.a.evt.>\"] } }") +
                 user("b", "") + "] } }\n"}};
  const temp_files files;
  node reader{settings_of(server, files, "a", "a")};
  reader.host<bank::account>();
  REQUIRE(reader.join().has_value());
  // Longer than what the client library keeps of the server's words.
  const std::string id(250, 'x');
  for (const std::string& who : {std::string{"alice"}, id}) {
    const auto left = reader.actor<bank::account>(who).ask(bank::deposit{500}, 20s).get();
    REQUIRE_FALSE(left.has_value());
    CHECK_MESSAGE(left.error().code() == errc::not_permitted, left.error().message());
    CHECK(left.error().text().find("." + who + "\"") != std::string::npos);
    CHECK(reader.actor<bank::account>(who).ask(bank::get_balance{}, 10s).get()->cents == 0);
    CHECK(events_of(reader, who) == 0);
  }
  CHECK(reader.leave());
}

TEST_CASE("security: a node that may create nothing joins what an operator has made") {
  const nats_server server{
      {.config = "accounts { ONE { jetstream: enabled, users = [\n" + user("b", "") +
                 user("a", "permissions { publish { deny: [\"$JS.API.STREAM.CREATE.>\"] } }") +
                 "] } }\n"}};
  const temp_files files;
  {
    node maker{settings_of(server, files, "b", "a")};
    REQUIRE(maker.join().has_value());
    CHECK(maker.leave());
  }
  node modest{settings_of(server, files, "a", "a")};
  modest.host<bank::account>();
  const auto joined = modest.join();
  REQUIRE_MESSAGE(joined.has_value(), joined.error().message());
  CHECK(modest.actor<bank::account>("alice").ask(bank::deposit{5}, 10s).get()->cents == 5);
  CHECK(modest.leave());
}
