#include "child_process.hpp"

#include "stop_request.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace flights {

namespace {

constexpr std::chrono::milliseconds poll_interval{5};

/// Everything the child needs between fork and exec, where nothing may be allocated any more.
struct launch {
  const char* program;
  char* const* arguments;
  pid_t parent;
  int input;
  int log;
  int report;
  int failure;
};

/// Runs in the child: async-signal-safe calls only. Says through `failure` why exec did not work.
[[noreturn]] void become(const launch& what) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != what.parent) ::_exit(127);
  ::setpgid(0, 0);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool wired = ::dup2(what.input, STDIN_FILENO) >= 0 &&
                     ::dup2(what.log, STDOUT_FILENO) >= 0 && ::dup2(what.log, STDERR_FILENO) >= 0 &&
                     ::dup2(what.report, child_process::report_fd) >= 0;
  if (wired) ::execv(what.program, what.arguments);
  const int problem = errno;
  [[maybe_unused]] const auto written = ::write(what.failure, &problem, sizeof problem);
  ::_exit(127);
}

/// Opened close-on-exec, and above the descriptors that the child wires up.
owned_fd high(int fd) {
  owned_fd low{fd};
  return owned_fd{fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, child_process::report_fd + 1)};
}

struct pipe_ends {
  owned_fd read;
  owned_fd write;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {high(ends[0]), high(ends[1])};
}

/// What `become` reported; 0 when exec worked, which closes the pipe.
int exec_problem(const owned_fd& failure) {
  int problem = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure.get(), &problem, sizeof problem);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof problem) ? problem : 0;
}

std::unexpected<std::string> cannot_start(const std::filesystem::path& program, int problem) {
  return std::unexpected("cannot start " + program.string() + ": " + std::strerror(problem));
}

}  // namespace

owned_fd::~owned_fd() {
  if (fd_ >= 0) ::close(fd_);
}

or_error<child_process> child_process::start(const command& what) {
  const owned_fd input = high(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const owned_fd log =
      high(::open(what.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  pipe_ends report = make_pipe();
  pipe_ends failure = make_pipe();
  if (input.get() < 0 || log.get() < 0 || report.write.get() < 0 || failure.write.get() < 0)
    return cannot_start(what.program, errno);

  std::vector<std::string> texts{what.program.string()};
  texts.insert(texts.end(), what.arguments.begin(), what.arguments.end());
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  const launch plan{texts.front().c_str(), arguments.data(),   ::getpid(), input.get(), log.get(),
                    report.write.get(),    failure.write.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return cannot_start(what.program, errno);
  if (pid == 0) become(plan);

  child_process child{pid, std::move(report.read)};
  failure.write = owned_fd{};
  if (const int problem = exec_problem(failure.read)) return cannot_start(what.program, problem);
  return child;
}

child_process::child_process(child_process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)},
      report_{std::move(other.report_)},
      line_{std::move(other.line_)},
      status_{other.status_} {}

child_process::~child_process() {
  if (pid_ < 0 || status_) return;
  signal(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

or_error<std::string> child_process::report(clock::time_point deadline) {
  constexpr std::size_t bytes_max = 4'096;
  while (clock::now() < deadline && !stop_requested()) {
    pollfd ready{report_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 50) <= 0) continue;
    char c = 0;
    const auto got = ::read(report_.get(), &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::unexpected("it ended before it was ready");
    if (c == '\n' || line_.size() == bytes_max) return std::exchange(line_, {});
    line_ += c;
  }
  return std::unexpected(stop_requested() ? "interrupted" : "it was not ready in time");
}

void child_process::signal(int number) const noexcept {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

bool child_process::ended(clock::time_point deadline) {
  while (pid_ > 0 && !status_) {
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == pid_) status_ = status;
    if (got != 0 && errno != EINTR) break;
    if (clock::now() >= deadline) break;
    std::this_thread::sleep_for(poll_interval);
  }
  return status_.has_value();
}

std::string child_process::ending() const {
  if (WIFSIGNALED(*status_)) return "killed by signal " + std::to_string(WTERMSIG(*status_));
  return "exit status " + std::to_string(WEXITSTATUS(*status_));
}

std::string tail_of(const std::filesystem::path& log) {
  constexpr std::size_t lines_max = 15;
  std::ifstream in{log};
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > lines_max) lines.pop_front();
  }
  std::string out;
  for (const std::string& line : lines) out += "\n    " + line;
  return out;
}

}  // namespace flights
