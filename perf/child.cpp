#include "child.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace aether::perf {

namespace {

constexpr const char* own_program = "/proc/self/exe";

struct spawned {
  pid_t pid;
  /// What it prints can be read here.
  int output;
};

// Between fork and exec only what is safe in a process with one of many threads.
[[noreturn]] void become(const std::vector<char*>& arguments, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it died before the line above
  ::dup2(output, STDOUT_FILENO);
  ::execv(own_program, arguments.data());
  ::_exit(127);
}

spawned spawn(std::vector<std::string> words) {
  words.insert(words.begin(), {"aether_perf", "--child"});
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error{errno, std::generic_category(), "pipe"};
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(arguments, ends[1], parent);
  ::close(ends[1]);
  if (pid < 0) throw std::system_error{errno, std::generic_category(), "fork"};
  return {pid, ends[0]};
}

std::string read_all(int from) {
  std::string text;
  std::array<char, 256> part{};
  for (ssize_t got = 0; (got = ::read(from, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

int await_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

double number_from_child(const std::vector<std::string>& role) {
  const auto [pid, output] = spawn(role);
  const std::string text = read_all(output);
  ::close(output);
  if (await_end(pid) != 0 || text.empty())
    throw std::runtime_error{"the child process '" + role.front() + "' failed"};
  return std::strtod(text.c_str(), nullptr);
}

child::child(const std::vector<std::string>& role) {
  const auto [pid, output] = spawn(role);
  ::close(output);
  pid_ = pid;
}

child::~child() {
  if (ended_) return;
  signal(SIGCONT);
  signal(SIGTERM);
  (void)await_end();
}

void child::signal(int number) const { ::kill(pid_, number); }

bool child::await_end() {
  ended_ = true;
  const int status = perf::await_end(pid_);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int play_role(const std::vector<std::string>& role) {
  const auto is = [&](std::string_view name, std::size_t words) {
    return role.size() == words && role.front() == name;
  };
  const auto print = [](double number) {
    std::printf("%.1f\n", number);
    return 0;
  };
  if (is("weigh-idle-actors", 2)) return print(weigh_idle_actors(std::stoul(role[1])));
  if (is("weigh-raw-actors", 2)) return print(weigh_raw_actors(std::stoul(role[1])));
  if (is("tell-actors", 3))
    return print(tells_per_second(std::stoul(role[1]), std::stoul(role[2])));
  if (is("tell-raw-actors", 3))
    return print(raw_tells_per_second(std::stoul(role[1]), std::stoul(role[2])));
  if (is("respond-raw", 2)) respond_raw(role[1]);
  if (is("own-counters", 4)) return own_counters(role[1], role[2], role[3]);
  std::fputs("no such role\n", stderr);
  return 2;
}

}  // namespace aether::perf
