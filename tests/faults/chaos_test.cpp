// aether_chaos and aether_check as their users run them: real nats-servers, real node processes.

#include "examples/flights/child_process.hpp"
#include "examples/flights/temp_directory.hpp"
#include "support/await.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <signal.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using aether::testing_support::await;
using flights::child_process;
using strings = std::vector<std::string>;

constexpr auto run_limit = 240s;

/// Inherited by everything that a run starts, and by nothing else.
const std::string marker = "AETHER_CHAOS_TEST=" + std::to_string(::getpid());

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// How many live processes carry the marker; a zombie has no environment any more.
std::size_t running() {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc", ignored})
    if (text_of(entry.path() / "environ").contains(marker)) ++count;
  return count;
}

/// A program, with a directory of its own for its files and its TMPDIR.
class program {
 public:
  explicit program(const char* variable)
      : path_{std::getenv(variable)}, directory_{flights::temp_directory::make().value()} {
    std::filesystem::create_directory(temp());
  }

  void start(const strings& arguments) {
    ::setenv("AETHER_CHAOS_TEST", marker.substr(marker.find('=') + 1).c_str(), 1);
    ::setenv("TMPDIR", temp().c_str(), 1);
    std::filesystem::remove(log());
    auto started = child_process::start({path_, arguments, log()});
    ::unsetenv("TMPDIR");
    ::unsetenv("AETHER_CHAOS_TEST");
    REQUIRE_MESSAGE(started, started.error());
    process_.emplace(std::move(*started));
  }
  /// @returns how it ended, e.g. "exit status 0".
  std::string finish() {
    REQUIRE_MESSAGE(process_->ended(child_process::clock::now() + run_limit), output());
    return process_->ending();
  }
  std::string run(const strings& arguments) {
    start(arguments);
    return finish();
  }

  [[nodiscard]] std::filesystem::path file(const char* name) const {
    return directory_.path() / name;
  }
  [[nodiscard]] std::string output() const { return text_of(log()); }
  [[nodiscard]] child_process& process() { return *process_; }
  [[nodiscard]] bool left_files() const { return !std::filesystem::is_empty(temp()); }
  [[nodiscard]] nlohmann::json last_line() const {
    std::string all = output();
    while (all.ends_with('\n')) all.pop_back();
    return nlohmann::json::parse(all.substr(all.rfind('\n') + 1), nullptr, false);
  }

 private:
  [[nodiscard]] std::filesystem::path log() const { return file("log"); }
  [[nodiscard]] std::filesystem::path temp() const { return file("tmp"); }
  std::string path_;
  flights::temp_directory directory_;
  std::optional<child_process> process_;
};

program chaos() { return program{"AETHER_CHAOS"}; }

/// Runs it and looks at all that it promises.
void check_run(const std::string& faults, const std::string& seconds, const std::string& seed) {
  program run = chaos();
  const std::string history = run.file("history.jsonl");
  const std::string ending = run.run(
      {"--seconds", seconds, "--seed", seed, "--faults", faults, "--history", history, "--json"});
  CAPTURE(run.output());
  CHECK(ending == "exit status 0");
  CHECK(running() == 0);
  CHECK_FALSE(run.left_files());
  const auto found = run.last_line();
  REQUIRE(found.is_object());
  CHECK(found["verdict"] == "linearizable");
  CHECK(found["good"] == true);
  CHECK(found["shards_served"] == found["shards"]);
  CHECK(found["operations"]["append"]["ok"] > 100);
  // Two clients, of which each may wait 5 s for an acknowledgement that a fault has lost.
  CHECK(found["durable"]["stored"] > 10);
  CHECK(found["durable"]["missing"].empty());
  CHECK(found["durable"]["astray"].empty());
  CHECK(found["operations"]["read"]["ok"] > 100);
  REQUIRE_FALSE(found["faults"].empty());
  for (const auto& fault : found["faults"]) {
    CHECK(faults.contains(fault["kind"].get<std::string>()));
    CHECK(fault["lasted_ms"] > 0);
    CHECK(found["unavailable_ms"].contains(fault["kind"].get<std::string>()));
  }
  program check{"AETHER_CHECK"};
  CHECK(check.run({history}) == "exit status 0");
  CHECK(check.output().ends_with("linearizable\n"));
}

}  // namespace

TEST_CASE(
    "chaos: killed, stopped and cut-off nodes, and a killed server, lose and double nothing") {
  check_run("kill,stop,partition,server", "20", "1");
}

TEST_CASE("chaos: a server out of three that fails loses and doubles nothing") {
  check_run("servercluster", "15", "1");
}

TEST_CASE("chaos: the checker's exit status and report name what is wrong") {
  program check{"AETHER_CHECK"};
  const std::string file = check.file("history.jsonl");
  const std::string append =
      R"({"client":1,"op":"append","key":"k","value":1,"invoke_us":1,"complete_us":2,)"
      R"("outcome":"ok","result":[1]})";
  const std::string read =
      R"({"client":1,"op":"read","key":"k","value":null,"invoke_us":3,"complete_us":4,)"
      R"("outcome":"ok","result":[]})";
  struct row {
    std::string content, ending, says;
  };
  for (const row& one : std::vector<row>{
           {append + "\n", "exit status 0", "linearizable"},
           {append + "\n" + read + "\n", "exit status 1", "key k: lost: line 2: "},
           {append + "\n" + append + "\n", "exit status 2", "line 2, field value: "},
           {append + "\n" + read.substr(0, 30), "exit status 2", "line 2: is not a JSON object"},
           {"", "exit status 2", "is empty"}}) {
    std::ofstream{file} << one.content;
    CHECK(check.run({file}) == one.ending);
    CAPTURE(check.output());
    CHECK(check.output().contains(one.says));
  }
  CHECK(check.run({"/nowhere"}) == "exit status 2");
  CHECK(check.run({}) == "exit status 2");
}

TEST_CASE("chaos: what cannot work is a clear error and leaves nothing running") {
  program run = chaos();
  const std::string history = run.file("history.jsonl");
  struct row {
    strings arguments;
    std::string ending, says;
  };
  for (const row& one : std::vector<row>{
           {{}, "exit status 2", "--history FILE is required"},
           {{"--history", history, "--faults", "kill,fire"}, "exit status 2", "'fire' is no fault"},
           {{"--history", history, "--nodes", "0"}, "exit status 2", "--nodes"},
           {{"--history", history, "--no-such-option"}, "exit status 2", "--no-such-option"},
           {{"--history", "/nowhere/h"}, "exit status 1", "cannot write /nowhere/h"},
           {{"--history", history, "--nats-server", "/nowhere"},
            "exit status 1",
            "no nats-server that runs at /nowhere"}}) {
    CHECK(run.run(one.arguments) == one.ending);
    CAPTURE(run.output());
    CHECK(run.output().contains(one.says));
    CHECK_FALSE(run.left_files());
  }
}

TEST_CASE("chaos: stopped or killed in the middle, it leaves nothing running") {
  program run = chaos();
  run.start({"--seconds", "100", "--history", run.file("history.jsonl")});
  REQUIRE(await([&] { return run.output().contains("clients at work"); }));

  SUBCASE("SIGINT: everything is tidied up") {
    run.process().signal(SIGINT);
    CHECK(run.finish() == "exit status 130");
    CHECK(running() == 0);
    CHECK_FALSE(run.left_files());
  }
  SUBCASE("SIGKILL: the kernel ends the children") {
    run.process().signal(SIGKILL);
    CHECK(run.finish() == "killed by signal 9");
    CHECK(await([] { return running() == 0; }));
  }
}
