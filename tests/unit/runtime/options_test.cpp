#include <aether/runtime/options.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>
#include <vector>

using aether::options;
using namespace std::chrono_literals;

namespace {

using variables = std::map<std::string, std::string>;
using arguments = std::vector<std::string>;

aether::result<options::parsed> parse(const arguments& args, const variables& env = {}) {
  return options::parse(args, [&env](const char* name) {
    const auto found = env.find(name);
    return found == env.end() ? std::nullopt : std::optional{found->second};
  });
}

std::string refusal(const arguments& args, const variables& env = {}) {
  const auto read = parse(args, env);
  if (read) return {};
  CHECK(read.error().code() == aether::errc::invalid_options);
  return read.error().text();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// An option file, gone with this object.
class file {
 public:
  explicit file(const std::string& text)
      : path_{std::filesystem::temp_directory_path() /
              ("aether-options-" + std::to_string(::getpid()) + ".toml")} {
    std::ofstream{path_} << text;
  }
  ~file() { std::filesystem::remove(path_); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

const char* const all_names[] = {"nats",
                                 "namespace",
                                 "prefix",
                                 "node",
                                 "shards",
                                 "streams",
                                 "replicas",
                                 "weight",
                                 "labels",
                                 "build",
                                 "moves-max",
                                 "heartbeat",
                                 "lease",
                                 "failure-timeout",
                                 "passivate-after",
                                 "workers",
                                 "log-level",
                                 "drain-timeout",
                                 "recovery-permits",
                                 "log-format",
                                 "ask-attempt",
                                 "mailbox-max",
                                 "snapshots-kept",
                                 "warm-up",
                                 "resident-max",
                                 "resident-bytes-max",
                                 "waiting-bytes-max",
                                 "asks-max"};

}  // namespace

TEST_CASE("without arguments, environment and file every option has its documented default") {
  auto value = parse({}).value().value;
  CHECK(value.node == options::generated_node());
  value.node.clear();
  CHECK(value == options{});
  CHECK(value.check());
}

TEST_CASE("every option is read from flag, environment and file alike") {
  options expected;
  expected.nats = "nats://u:p#w@a:1,nats://b:2";
  expected.ns = "bank";
  expected.prefix = "ae";
  expected.node = "n1";
  expected.shards = 64, expected.streams = 4, expected.replicas = 3, expected.weight = 0;
  expected.snapshots_kept = 2;
  expected.labels = "zone=a,rack=2", expected.build = "1.4", expected.moves_max = 5;
  expected.heartbeat = 100ms, expected.failure_timeout = 1s, expected.lease = 3s;
  expected.passivate_after = 1h, expected.drain_timeout = 2min, expected.ask_attempt = 250ms;
  expected.workers = 2, expected.recovery_permits = 8, expected.mailbox_max = 16;
  expected.warm_up = true;
  expected.waiting_bytes_max = 1'000'000, expected.asks_max = 100;
  expected.resident_max = 5'000, expected.resident_bytes_max = 8'000'000'000;
  expected.log_level = aether::log::level::debug, expected.log_format = aether::log::format::json;
  const variables values{{"nats", "nats://u:p#w@a:1,nats://b:2"},
                         {"namespace", "bank"},
                         {"prefix", "ae"},
                         {"node", "n1"},
                         {"shards", "64"},
                         {"streams", "4"},
                         {"replicas", "3"},
                         {"snapshots-kept", "2"},
                         {"weight", "0"},
                         {"labels", "zone=a,rack=2"},
                         {"build", "1.4"},
                         {"moves-max", "5"},
                         {"heartbeat", "100ms"},
                         {"failure-timeout", "1s"},
                         {"lease", "3000ms"},
                         {"passivate-after", "1h"},
                         {"drain-timeout", "2m"},
                         {"ask-attempt", "250ms"},
                         {"workers", "2"},
                         {"recovery-permits", "8"},
                         {"warm-up", "on"},
                         {"mailbox-max", "16"},
                         {"waiting-bytes-max", "1000000"},
                         {"asks-max", "100"},
                         {"resident-max", "5000"},
                         {"resident-bytes-max", "8000000000"},
                         {"log-level", "debug"},
                         {"log-format", "json"}};
  CHECK(values.size() == std::size(all_names));
  arguments flags;
  variables env;
  std::string lines;
  for (const auto& [name, value] : values) {
    flags.push_back("--" + name + "=" + value);
    std::string variable = "AETHER_" + name;
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    env[variable] = value;
    lines += name + " = \"" + value + "\"\n";
  }
  const file config{lines};
  CHECK(parse(flags).value().value == expected);
  CHECK(parse({}, env).value().value == expected);
  CHECK(parse({"--config", config.path()}).value().value == expected);
}

TEST_CASE("the command line wins over the environment, and that over the file") {
  const file config{"shards = 16\nworkers = 1\nweight = 7\n"};
  const variables env{
      {"AETHER_SHARDS", "32"}, {"AETHER_WORKERS", "2"}, {"AETHER_CONFIG", config.path()}};
  const auto value = parse({"--shards", "64"}, env).value().value;
  CHECK(value.shards == 64);
  CHECK(value.workers == 2);
  CHECK(value.weight == 7);
}

TEST_CASE("a config flag wins over AETHER_CONFIG, and an empty variable counts as not given") {
  const file config{"shards = 16\n"};
  const variables env{{"AETHER_CONFIG", "/does/not/exist"}, {"AETHER_SHARDS", ""}};
  CHECK(parse({"--config", config.path()}, env).value().value.shards == 16);
  CHECK(parse({}, {{"AETHER_CONFIG", ""}}).has_value());
}

TEST_CASE("a value outside its domain is refused with option, value, origin and domain") {
  CHECK(refusal({"--shards", "0"}) ==
        "shards: '0' from the command line is not allowed; use 1..65536");
  CHECK(refusal({}, {{"AETHER_REPLICAS", "6"}}) ==
        "replicas: '6' from AETHER_REPLICAS is not allowed; use 1..5");
  const file config{"\n# comment\nlog-level = loud\n"};
  CHECK(refusal({"--config", config.path()}) ==
        "log-level: 'loud' from " + config.path() +
            ":3 is not allowed; use trace|debug|info|warn|error|off");
}

TEST_CASE("each option refuses what is just outside its domain") {
  struct row {
    const char* name;
    std::vector<const char*> bad;
  };
  for (const auto& [name, values] : std::initializer_list<row>{
           {"shards",
            {"0", "65537", "-1", "1.5", "x", "0x10", "4294967297", "99999999999999999999"}},
           {"streams", {"0", "65"}},
           {"replicas", {"0", "6"}},
           {"snapshots-kept", {"0", "65"}},
           {"weight", {"-1", "1001"}},
           {"workers", {"1025"}},
           {"recovery-permits", {"0", "100001"}},
           {"mailbox-max", {"0", "1000001"}},
           {"waiting-bytes-max", {"0", "4095", "1099511627777"}},
           {"asks-max", {"0", "100000001"}},
           {"resident-max", {"-1", "1000000001"}},
           {"resident-bytes-max", {"-1", "1099511627777"}},
           {"heartbeat", {"0ms", "-1s", "1", "s", "1.5s", "1 s", "1d", "25h", "99999999999999h"}},
           {"namespace", {"a.b", "a b", "*"}},
           {"prefix", {"a_b", "KV", "a.b"}},
           {"node", {"a.b"}},
           {"nats", {"localhost", "http://a", "nats://", "nats://a,", ",nats://a", "nats://a b"}},
           {"labels", {"a", "=b", "a=1,", "a=1,,b=2", "a= b", "a=\n"}},
           {"build", {"a b", "\x7f"}},
           {"moves-max", {"0", "65537"}},
           {"log-format", {"xml"}}})
    for (const char* value : values) {
      CAPTURE(value);
      CHECK(contains(refusal({std::string{"--"} + name + "=" + value}), name));
    }
}

TEST_CASE("options that contradict each other are refused") {
  CHECK(refusal({"--streams=8", "--shards=4"}) == "streams: 8 is more than shards, 4");
  CHECK(refusal({"--lease=99ms"}) == "lease: 99ms is less than 100ms");
  CHECK(refusal({"--failure-timeout=1s", "--heartbeat=400ms"}) ==
        "failure-timeout: 1000ms is less than 3 heartbeats, 1200ms");
  CHECK(parse({"--lease=100ms", "--failure-timeout=1500ms"}));
}

TEST_CASE("options made in code are checked by the same rules") {
  options value;
  value.shards = 0;
  CHECK(value.check().error().text() == "shards: '0' is not allowed; use 1..65536");
  value = {};
  value.ns = "";
  CHECK(contains(value.check().error().text(), "namespace"));
  value = {};
  value.lease = 1ms;
  CHECK(contains(value.check().error().text(), "lease"));
  value = {};
  value.heartbeat = -1ms;
  CHECK(!value.check());
}

TEST_CASE("what is no option is refused by name") {
  CHECK(refusal({"--bogus"}) == "there is no option '--bogus'; --help lists them");
  CHECK(refusal({"stray"}) == "there is no option 'stray'; --help lists them");
  CHECK(refusal({"--shards"}) == "--shards needs one value, once");
  CHECK(refusal({"--shards=1", "--shards=2"}) == "--shards needs one value, once");
}

TEST_CASE("what is no option is left, in order, to a program that has arguments of its own") {
  const auto known = [](const arguments& args) {
    return options::parse_known(args, [](const char*) { return std::nullopt; });
  };
  const auto read =
      known({"--to", "3", "--prefix", "ae", "alice", "--shards=64", "-n5", "--because=x y"});
  REQUIRE(read.has_value());
  CHECK(read->value.prefix == "ae");
  CHECK(read->value.shards == 64);
  CHECK(read->rest == arguments{"--to", "3", "alice", "-n5", "--because=x y"});
  CHECK(known({"--shards=4", "--streams=4", "--", "--nats", "x"})->rest ==
        arguments{"--", "--nats", "x"});
  CHECK(known({"--shards=4"}).error().text() == "streams: 8 is more than shards, 4");
  const auto help = known({"alice", "--help"});
  REQUIRE(help.has_value());
  CHECK(help->text.has_value());
}

TEST_CASE("a NATS address is never repeated, for it may hold a password") {
  CHECK(!contains(refusal({"--nats=http://u:secret@a"}), "secret"));
  CHECK(!contains(refusal({"--natz=nats://u:secret@a"}), "secret"));
  CHECK(!contains(refusal({"--natz", "nats://u:secret@a"}), "secret"));
  CHECK(!contains(refusal({"--nats", "nats://u:secret@a", "--nats", "x"}), "secret"));
}

TEST_CASE("options of NATS that exclude each other, or lack their other half, are refused") {
  const std::string key = "--nats-nkey=U" + std::string(55, 'A');
  CHECK(refusal({"--nats=nats://u:secret@a", "--nats-creds=f"}) ==
        "a user in the address and nats-creds exclude each other: a connection has one kind of "
        "credentials");
  CHECK(contains(refusal({"--nats-token-file=f", "--nats-creds=f"}), "exclude each other"));
  CHECK(refusal({"--nats-user=u"}) == "nats-user needs nats-password-file as well");
  CHECK(refusal({"--nats-password-file=f"}) == "nats-password-file needs nats-user as well");
  CHECK(refusal({key}) == "nats-nkey needs nats-nkey-seed as well");
  CHECK(contains(refusal({"--nats-nkey=Uabc"}), "U..."));
  CHECK(refusal({"--nats-tls-key=f"}) == "nats-tls-key needs nats-tls-cert as well");
  CHECK(refusal({"--nats=tls://a,nats://b"}) ==
        "nats: either all addresses begin with tls:// or none");
  CHECK(contains(refusal({"--nats=tls://"}), "is not allowed"));
  CHECK(parse({"--nats=tls://a:4222,tls://b", "--nats-tls-ca=ca.pem"}).has_value());
}

TEST_CASE("a file that cannot be read or understood is refused with its path and line") {
  CHECK(contains(refusal({"--config=/does/not/exist"}), "'/does/not/exist' cannot be read"));
  CHECK(contains(refusal({"--config=/"}), "cannot be read"));
  struct row {
    const char* text;
    const char* why;
  };
  for (const auto& [text, why] :
       std::initializer_list<row>{{"shards = 16\nbogus = 1\n", ":2: there is no option 'bogus'"},
                                  {"garbage\n", ":1: expected `name = value`"},
                                  {"= 5\n", ":1: expected `name = value`"},
                                  {"[cluster]\nshards = 1\n", ":1: sections are not used here"},
                                  {"shards = 1\nshards = 2\n", ":2: 'shards' is given twice"},
                                  {"node = \"n1\n", ":1: unreadable value"},
                                  {"node = \"n1\" x\n", ":1: unreadable value"},
                                  {"nats = \"a\\n\"\n", ":1: unreadable value"},
                                  {"shards =\n", "shards: '' from"}}) {
    const file config{text};
    CHECK(contains(refusal({"--config", config.path()}), why));
  }
}

TEST_CASE("comments, blanks and both kinds of quotes are understood in a file") {
  const file config{
      "; ini comment\r\n  shards=16 # why\r\n\tnamespace = 'bank' ; note\n"
      "nats = nats://u:p#w@a:1\nlog-level = \"warn\"# close\n"};
  const auto value = parse({"--config", config.path()}).value().value;
  CHECK(value.shards == 16);
  CHECK(value.ns == "bank");
  CHECK(value.nats == "nats://u:p#w@a:1");
  CHECK(value.log_level == aether::log::level::warn);
}

TEST_CASE("help names every option with its variable") {
  const auto read = parse({"--help"});
  REQUIRE(read.has_value());
  REQUIRE(read->text.has_value());
  for (const char* name : all_names) {
    CHECK(contains(*read->text, std::string{"--"} + name));
    std::string variable = std::string{"[AETHER_"} + name + "]";
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
    CHECK(contains(*read->text, variable));
  }
  CHECK(parse({"--version"}).value().text.has_value());
  CHECK(!parse({}).value().text.has_value());
}

TEST_CASE("a generated node id is a node id that ends in the process id") {
  const auto name = options::generated_node();
  CHECK(name.size() <= 64);
  CHECK(name.ends_with("-" + std::to_string(::getpid())));
  options value;
  value.node = name;
  CHECK(value.check());
}
