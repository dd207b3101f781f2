// The flights example as its users run it: the program, a real nats-server, real node processes.

#include "examples/flights/child_process.hpp"
#include "examples/flights/temp_directory.hpp"
#include "support/await.hpp"
#include "support/nats_server.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using aether::testing::random_between;
using aether::testing_support::await;
using flights::child_process;

constexpr auto run_limit = 100s;

/// Inherited by everything that a run starts, and by nothing else.
const std::string marker = "AETHER_FLIGHTS_TEST=" + std::to_string(::getpid());

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

/// The program, with a directory of its own for input, output and its TMPDIR.
class program {
 public:
  program() : directory_{flights::temp_directory::make().value()} {
    std::filesystem::create_directory(temp());
  }

  void start(const std::vector<std::string>& arguments) {
    ::setenv("AETHER_FLIGHTS_TEST", marker.substr(marker.find('=') + 1).c_str(), 1);
    ::setenv("TMPDIR", temp().c_str(), 1);
    const char* path = std::getenv("AETHER_FLIGHTS");
    REQUIRE_MESSAGE(path != nullptr, "AETHER_FLIGHTS has to name the flights program");
    auto started = child_process::start({path, arguments, log()});
    ::unsetenv("TMPDIR");
    ::unsetenv("AETHER_FLIGHTS_TEST");
    REQUIRE_MESSAGE(started, started.error());
    process_.emplace(std::move(*started));
  }

  /// @returns how it ended, e.g. "exit status 0".
  std::string finish() {
    REQUIRE_MESSAGE(process_->ended(child_process::clock::now() + run_limit), output());
    return process_->ending();
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
  flights::temp_directory directory_;
  std::optional<child_process> process_;
};

/// A file of flights, and what is in it, counted while it is made up.
struct sample {
  std::int64_t rows = 0, rejected = 0, delay = 0, miles = 0;
  std::string text = "date,delay,distance,origin,destination\n";
};

sample random_sample(std::int64_t rows, bool with_bad_rows) {
  static const char* const codes[] = {"ORD", "DFW", "ATL", "LAX", "PHX", "STL", "DTW", "DEN"};
  static const std::string bad[] = {
      "2001-01-01T00:47,66,1750,DTW",           "2001-01-01T00:47,late,1750,DTW,LAS",
      "2001-01-01T00:47,66,1750,,LAS",          "2001-01-01T00:47,66,1750,DETROIT,LAS",
      "2001-01-01T00:47,66,1750,\"DTW,LAS",     "2001-01-01T00:47,66,1750,DTW,LAS\r",
      "2001-01-01T00:47,66,1750,DTW,L\xFF\xFE", std::string(10'000, 'x'),
  };
  auto random = aether::testing::seeded_random();
  sample made;
  for (; made.rows < rows; ++made.rows) {
    if (with_bad_rows && random_between(random, 0, 19) == 0) {
      made.text += bad[random_between(random, 0, std::size(bad) - 1)] + "\n";
      ++made.rejected;
      continue;
    }
    const auto delay = static_cast<std::int64_t>(random_between(random, 0, 600)) - 60;
    const auto miles = static_cast<std::int64_t>(random_between(random, 0, 5'000));
    made.text += "2001-01-01T00:47," + std::to_string(delay) + "," + std::to_string(miles) + "," +
                 codes[random_between(random, 0, 7)] + "," + codes[random_between(random, 0, 7)] +
                 "\n";
    made.delay += delay;
    made.miles += miles;
  }
  return made;
}

std::string write(const std::filesystem::path& to, const std::string& text) {
  std::ofstream{to, std::ios::binary} << text;
  return to.string();
}

void check_matches(const nlohmann::json& found, const sample& file) {
  CHECK(found["rows"] == file.rows);
  CHECK(found["rejected_rows"] == file.rejected);
  CHECK(found["airports"] == 8);
  CHECK(found["departures"] == file.rows - file.rejected);
  CHECK(found["arrivals"] == file.rows - file.rejected);
  CHECK(found["delay_minutes"] == file.delay);
  CHECK(found["distance_miles"] == file.miles);
  CHECK(found["commands"] == 2 * (file.rows - file.rejected));
  CHECK(found["failed_commands"] == 0);
  CHECK(found["seconds"].is_number());
  CHECK(found["commands_per_second"].is_number());
  CHECK(found["unavailable_ms"].is_number());
  CHECK(found["matches_file"] == true);
  CHECK(found["matches_after_restart"] == true);
}

/// A port of 127.0.0.1 on which somebody listens who is no NATS server and says nothing.
class silent_listener {
 public:
  silent_listener() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), generic, size) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    REQUIRE(::getsockname(socket_.get(), generic, &size) == 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  [[nodiscard]] const std::string& port() const { return port_; }

 private:
  flights::owned_fd socket_;
  std::string port_;
};

}  // namespace

TEST_CASE("a killed owner loses nothing and doubles nothing") {
  const sample file = random_sample(4'000, true);
  program run;
  run.start({"--input", write(run.file("in.csv"), file.text), "--kill-one", "--json"});
  const std::string ending = run.finish();
  CAPTURE(run.output());
  CHECK(ending == "exit status 0");
  const auto found = run.last_line();
  REQUIRE(found.is_object());
  check_matches(found, file);
  CHECK(found["killed_node"] == "n1");
  CHECK(running() == 0);
  CHECK_FALSE(run.left_files());
}

TEST_CASE("a run on a server of the user's, then another in the same namespace") {
  const aether::testing_support::nats_server server;
  const sample file = random_sample(500, false);
  program run;
  const std::vector<std::string> arguments{"--input",     write(run.file("in.csv"), file.text),
                                           "--nats",      server.url(),
                                           "--namespace", "once",
                                           "--nodes",     "1",
                                           "--json"};
  run.start(arguments);
  const std::string first_ending = run.finish();
  CAPTURE(run.output());
  CHECK(first_ending == "exit status 0");
  const auto found = run.last_line();
  REQUIRE(found.is_object());
  check_matches(found, file);
  CHECK(found["killed_node"].is_null());

  run.start(arguments);
  CHECK(run.finish() == "exit status 1");
  CHECK(run.output().contains("choose another --namespace"));
  CHECK(running() == 0);
}

TEST_CASE("what cannot work is a clear error and leaves nothing running") {
  const silent_listener listener;
  program run;
  const std::string good = write(run.file("in.csv"), random_sample(10, false).text);
  const std::string header = "date,delay,distance,origin,destination\n";
  struct row {
    std::vector<std::string> arguments;
    std::string ending;
    std::string text;
  };
  const std::vector<row> rows{
      {{"--input", "/nowhere.csv"}, "exit status 1", "No such file or directory"},
      {{"--input", write(run.file("empty.csv"), "")}, "exit status 1", "the file is empty"},
      {{"--input", write(run.file("bad.csv"), header + "x\n")},
       "exit status 1",
       "none of the 1 rows"},
      {{"--input", good, "--nats", "nats://127.0.0.1:1"}, "exit status 1", "no NATS server"},
      {{"--input", good, "--nats", "nats://127.0.0.1:" + listener.port()},
       "exit status 1",
       "no NATS server"},
      {{"--input", good, "--nats-port", listener.port()}, "exit status 1", "is taken"},
      {{"--input", good, "--nats-server", "/nowhere"}, "exit status 1", "no nats-server at"},
      {{"--input", good, "--nodes", "1", "--kill-one"}, "exit status 2", "at least 2 --nodes"},
      {{"--input", good, "--namespace", "a.b"}, "exit status 2", "--namespace"},
      {{"--input", good, "--no-such-option"}, "exit status 2", "--no-such-option"},
  };
  for (const row& one : rows) {
    run.start(one.arguments);
    const std::string ending = run.finish();
    CAPTURE(run.output());
    CHECK(ending == one.ending);
    CHECK(run.output().contains(one.text));
    CHECK(running() == 0);
    CHECK_FALSE(run.left_files());
    std::filesystem::remove(run.file("log"));
  }
}

TEST_CASE("stopped or killed in the middle, it leaves nothing running") {
  program run;
  run.start({"--input", write(run.file("in.csv"), random_sample(200'000, false).text)});
  REQUIRE(await([&] { return run.output().contains("sending"); }));

  SUBCASE("SIGTERM: everything is tidied up") {
    run.process().signal(SIGTERM);
    CHECK(run.finish() == "exit status 143");
    CHECK(running() == 0);
    CHECK_FALSE(run.left_files());
  }
  SUBCASE("SIGKILL: the kernel ends the children") {
    run.process().signal(SIGKILL);
    CHECK(run.finish() == "killed by signal 9");
    CHECK(await([] { return running() == 0; }));
  }
}
