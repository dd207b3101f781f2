#include "support/nats_server.hpp"

#include "support/await.hpp"

#include <arpa/inet.h>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aether::testing_support {
namespace {

namespace fs = std::filesystem;

std::string executable() {
  const char* const named = std::getenv("AETHER_NATS_SERVER");
  return named != nullptr && *named != '\0' ? named : "nats-server";
}

fs::path make_directory() {
  std::string pattern = (fs::temp_directory_path() / "aether-nats-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp");
  }
  return pattern;
}

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

// Between fork and exec only what is safe in a process with one of many threads.
[[noreturn]] void become(const std::vector<char*>& arguments, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it died before the line above
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

pid_t spawn(std::vector<std::string> command, const fs::path& log) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int fd = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(arguments, fd, parent);
  ::close(fd);
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  return child;
}

// A server that has an open port may not serve yet; one that greets does.
bool greets(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool greeted = false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) {
    pollfd polled{fd, POLLIN, 0};
    char first = 0;
    greeted = ::poll(&polled, 1, 1'000) == 1 && ::recv(fd, &first, 1, 0) == 1 && first == 'I';
  }
  ::close(fd);
  return greeted;
}

}  // namespace

nats_server::nats_server(options chosen)
    : options_{std::move(chosen)}, directory_{make_directory()} {
  std::ofstream config{directory_ / "nats.conf"};
  if (options_.jetstream) {
    config << "jetstream { store_dir: \"" << (directory_ / "store").string() << "\" }\n";
  }
  config << options_.config << "\n";
  config.close();
  start();
}

nats_server::~nats_server() {
  kill();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string nats_server::url() const { return "nats://127.0.0.1:" + std::to_string(port()); }

std::string nats_server::last_words(std::size_t lines) const {
  const std::string log = content(directory_ / "log");
  std::size_t from = log.size();
  for (std::size_t line = 0; line < lines && from > 0; ++line) {
    const auto end = from > 1 ? log.rfind('\n', from - 2) : log.npos;
    from = end == log.npos ? 0 : end + 1;
  }
  return log.substr(from);
}

void nats_server::start() {
  pid_ = spawn({executable(), "-a", "127.0.0.1", "-p", std::to_string(port()), "-c",
                (directory_ / "nats.conf").string()},
               directory_ / "log");
  await_ready();
}

void nats_server::await_ready() {
  bool exited = false;
  const bool ready = await([&] {
    exited = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    return exited || greets(port());
  });
  if (exited) {
    pid_ = 0;
    give_up("cannot run, or ended at once");
  }
  if (!ready) give_up("did not get ready");
}

void nats_server::kill() { end(SIGKILL); }

void nats_server::stop() { end(SIGTERM); }

void nats_server::end(int signal) {
  if (pid_ == 0) return;
  ::kill(pid_, signal);
  if (paused_ && signal != SIGKILL) resume();
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  paused_ = false;
}

void nats_server::restart() {
  kill();
  start();
}

void nats_server::back_up() {
  fs::remove_all(directory_ / "backup");
  fs::copy(directory_ / "store", directory_ / "backup", fs::copy_options::recursive);
}

void nats_server::restore(const std::string& stream) {
  const fs::path part = stream.empty() ? fs::path{} : fs::path{"jetstream/$G/streams"} / stream;
  fs::remove_all(directory_ / "store" / part);
  fs::copy(directory_ / "backup" / part, directory_ / "store" / part, fs::copy_options::recursive);
}

void nats_server::pause() {
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
  paused_ = true;
}

void nats_server::resume() {
  if (!paused_) return;
  ::kill(pid_, SIGCONT);
  paused_ = false;
}

void nats_server::give_up(const std::string& why) {
  const std::string log = content(directory_ / "log");
  kill();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  throw std::runtime_error(executable() + " " + why +
                           "; set AETHER_NATS_SERVER to a nats-server 2.9.10 or newer. Its log:\n" +
                           log);
}

}  // namespace aether::testing_support
