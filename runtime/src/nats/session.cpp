#include "session.hpp"

#include "credentials.hpp"
#include "server_probe.hpp"

#include <algorithm>
#include <random>

namespace aether::nats {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds close_wait{2'000};
constexpr milliseconds reconnect_probe{1'000};
/// Of 500 signatures that the client library (3.4.1) makes with an NKey, the server takes one for
/// wrong; the next attempt signs something else.
constexpr int signed_tries_max = 3;
/// With so many requests open, each can wait for others.
constexpr std::size_t crowd = 256;

template <void (session::*Member)()>
void call_member(natsConnection*, void* closure) {
  (static_cast<session*>(closure)->*Member)();
}

/// The library's words for the last error on this thread, without the place in its source.
std::string words_of_library() {
  const char* const words = nats_GetLastError(nullptr);
  std::string_view text = words != nullptr ? words : "";
  if (const auto end = text.find("): "); text.starts_with('(') && end != std::string_view::npos)
    text.remove_prefix(end + 3);
  return std::string{text};
}

std::string unique_inbox(const std::string& prefix) {
  static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
  std::random_device random;
  std::string inbox = prefix + ".";
  for (int word = 0; word < 4; ++word) {
    std::uint32_t bits = random();
    for (int i = 0; i < 6; ++i, bits >>= 5) inbox += digits[bits & 31];
  }
  return inbox + ".";
}

}  // namespace

session::~session() {
  loop_.stop();
  natsConnection_Destroy(connection_);
}

result<void> session::open() {
  if (auto sound = options_.check(); !sound) return sound;
  if (!is_subject(options_.inbox_prefix) ||
      options_.inbox_prefix.find_first_of("*>") != std::string::npos)
    return fail(errc::invalid_options, "the inbox prefix is not a subject without wildcards");
  auto parsed = parse_addresses(options_.url);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  addresses_ = *std::move(parsed);
  const bool started =
      loop_.valid() && loop_.start([this](clock::time_point now) { return expire(now); },
                                   [this] { return requests_.open() >= crowd; });
  if (!started) {
    return fail(errc::unavailable, "no file descriptor or no thread left for an event loop");
  }
  if (auto done = connect(); !done) return done;
  if (auto done = open_inbox(); !done) return done;
  return learn_server();
}

result<void> session::connect() {
  natsOptions* raw = nullptr;
  if (natsOptions_Create(&raw) != NATS_OK) return fail(errc::unavailable, "no memory");
  const std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)> options{raw,
                                                                             &natsOptions_Destroy};
  if (auto applied = apply(raw); !applied) return applied;
  self_ = shared_from_this();
  const bool is_signed = !options_.nkey.empty() || !options_.creds_file.empty();
  natsStatus status = natsConnection_Connect(&connection_, raw);
  for (int tries = 1;
       is_signed && status == NATS_CONNECTION_AUTH_FAILED && tries < signed_tries_max; ++tries)
    status = natsConnection_Connect(&connection_, raw);
  if (status == NATS_OK) {
    connected_ = true;
    return {};
  }
  self_.reset();
  return std::unexpected(not_connected(status));
}

// The library's own words are those of TLS or of the server; neither has seen a secret of ours.
error session::not_connected(natsStatus status) const {
  const std::string where = shown(addresses_);
  std::string why = natsStatus_GetText(status);
  if (const std::string words = words_of_library(); !words.empty())
    why.append(" (").append(words).append(")");
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return {errc::not_permitted, "the NATS server at " + where + " refused the credentials: " +
                                       why + "; correct user, password, token, NKey or creds"};
    case NATS_SSL_ERROR:
      return {errc::unavailable, "no TLS with the NATS server at " + where + ": " + why +
                                     "; check nats-tls-ca, nats-tls-cert and the name in the "
                                     "server's certificate"};
    case NATS_SECURE_CONNECTION_WANTED:
      return {errc::unavailable,
              "the NATS server at " + where + " has no TLS, and this client was told to use it"};
    case NATS_SECURE_CONNECTION_REQUIRED:
      return {errc::unavailable,
              "the NATS server at " + where + " demands TLS; connect with nats-tls, or tls://"};
    default:
      return {errc::unavailable, "no NATS server answers at " + where + ": " +
                                     natsStatus_GetText(status) +
                                     "; start one, or correct the address"};
  }
}

result<void> session::apply(natsOptions* options) {
  if (const natsStatus status = apply_basics(options); status != NATS_OK)
    return fail(errc::invalid_options, "the NATS client takes not these options: " +
                                           std::string{natsStatus_GetText(status)});
  return apply_credentials(options, options_);
}

natsStatus session::apply_basics(natsOptions* options) {
  std::vector<std::string> urls;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = options_.url.find(',', begin);
    urls.push_back(options_.url.substr(begin, end - begin));
  }
  std::vector<const char*> servers;
  for (const std::string& url : urls) servers.push_back(url.c_str());
  natsStatus status =
      natsOptions_SetServers(options, servers.data(), static_cast<int>(servers.size()));
  const auto then = [&](auto set, auto... arguments) {
    if (status == NATS_OK) status = set(options, arguments...);
  };
  then(natsOptions_SetName, options_.client_name.c_str());
  then(natsOptions_SetTimeout, std::int64_t{options_.connect_timeout.count()});
  then(natsOptions_SetPingInterval, std::int64_t{options_.ping_interval.count()});
  then(natsOptions_SetAllowReconnect, true);
  then(natsOptions_SetMaxReconnect, -1);
  then(natsOptions_SetReconnectWait, std::int64_t{options_.reconnect_wait.count()});
  then(natsOptions_SetReconnectBufSize, static_cast<int>(outbox::bytes_max));
  then(natsOptions_SetSendAsap, true);
  then(natsOptions_UseGlobalMessageDelivery, true);
  then(natsOptions_SetDisconnectedCB, &call_member<&session::lost>, this);
  then(natsOptions_SetReconnectedCB, &call_member<&session::back>, this);
  then(natsOptions_SetClosedCB, &call_member<&session::gone>, this);
  then(natsOptions_SetErrorHandler, &session::on_error, this);
  if (status == NATS_OK) status = loop_.install(options);
  return status;
}

result<void> session::open_inbox() {
  inbox_ = unique_inbox(options_.inbox_prefix);
  auto made =
      subscribe(inbox_ + "*", [this](nats_message answer) { on_answer(std::move(answer)); }, {});
  if (!made) return std::unexpected(std::move(made).error());
  inbox_listener_ = *std::move(made);
  // Without it no answer would ever come, and nothing would say why.
  if (auto done = flush(options_.connect_timeout); !done) return done;
  if (auto no = refused()) return std::unexpected(*std::move(no));
  return {};
}

result<void> session::learn_server() {
  if (auto done = read_greeting(options_.connect_timeout); !done) return done;
  const nats_server_info known = server();
  if (!known.at_least(2, 9, 10)) {
    return fail(errc::unsupported_server, "the server at " + shown(addresses_) + " is version " +
                                              known.version + "; Aether needs 2.9.10 or newer");
  }
  auto answer = request_wait({.subject = "$JS.API.INFO"}, options_.connect_timeout);
  if (!answer) {
    // No responders: nobody there serves JetStream's requests.
    if (answer.error().code() != errc::unavailable) return std::unexpected(answer.error());
    return std::unexpected(jetstream_missing(shown(addresses_)));
  }
  const auto level = parse_jetstream_level(answer->payload());
  if (!level) return std::unexpected(level.error());
  const std::lock_guard guard{mutex_};
  info_.api_level = *level;
  return {};
}

result<void> session::read_greeting(milliseconds timeout) {
  char url[512];
  const natsStatus status = natsConnection_GetConnectedUrl(connection_, url, sizeof url);
  if (status != NATS_OK) return fail(errc::unavailable, natsStatus_GetText(status));
  const auto at = parse_address(url);
  if (!at) return std::unexpected(at.error());
  const auto greeting = read_server_greeting(*at, timeout);
  if (!greeting) return std::unexpected(greeting.error());
  const auto info = parse_server_greeting(*greeting);
  if (!info) return std::unexpected(info.error());
  payload_bytes_max_ = info->payload_bytes_max;
  const std::lock_guard guard{mutex_};
  const int level = info_.api_level;
  info_ = *info;
  info_.api_level = level;
  return {};
}

// After a reconnect the level may have changed with the server; nobody waits for it.
void session::refresh_jetstream_level() {
  const auto learn = [this](result<nats_message> answer) {
    if (!answer) return;
    const auto level = parse_jetstream_level(answer->payload());
    const std::lock_guard guard{mutex_};
    if (level) info_.api_level = *level;
  };
  request({.subject = "$JS.API.INFO"},
          {.handler = nats_connection::reply_handler{learn},
           .timeout = options_.connect_timeout,
           .subject = {}},
          nats_flush::soon);
}

void session::close() {
  if (gate_.inside()) {
    // The closing thread waits for handlers, and this thread is in one: close behind its back.
    std::thread{[self = shared_from_this()] { self->close_now(); }}.detach();
    return;
  }
  close_now();
}

void session::close_now() {
  const std::lock_guard guard{close_mutex_};
  if (std::exchange(close_done_, true)) return;
  closing_ = true;
  requests_.close();
  if (connection_ != nullptr && connected_) {
    drain_listeners();
    natsConnection_FlushTimeout(connection_, close_wait.count());
  }
  gate_.shut([this] {
    fail_open_requests({errc::not_running, "the connection to NATS is closed"});
  });
  // First the loop, then the socket: so nobody reads a socket that is being closed.
  loop_.stop();
  natsConnection_Close(connection_);
  if (connection_ != nullptr) await_last_callbacks();
  loop_.stop();  // once more, for the subscriptions that ended meanwhile
  inbox_listener_.reset();
}

// All but the inbox: the handlers that still run may be waiting for their last acknowledgements.
void session::drain_listeners() {
  std::vector<std::shared_ptr<listener>> all;
  {
    const std::lock_guard guard{mutex_};
    for (const auto& [key, each] : listeners_) {
      if (each != inbox_listener_) all.push_back(each);
    }
  }
  for (const auto& each : all) drain(*each);
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, close_wait, [this] { return listeners_.size() <= 1; });
}

void session::await_last_callbacks() {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, close_wait, [this] { return listeners_.empty() && ended_; });
}

void session::lost() {
  ++losses_;
  connected_ = false;
  {
    // What is still refused is refused again when the subscriptions are made again.
    const std::lock_guard guard{mutex_};
    refused_.reset();
    last_error_.clear();
  }
  gate_.run([this] {
    fail_open_requests({errc::timed_out, "the connection to NATS broke before an answer came"});
    tell_state(false);
  });
}

void session::back() {
  if (!send_held_back()) return;
  changed_.notify_all();
  gate_.run([this] { tell_state(true); });
  static_cast<void>(read_greeting(std::min(options_.connect_timeout, reconnect_probe)));
  refresh_jetstream_level();
}

void session::gone() {
  connected_ = false;
  gate_.run([this] {
    fail_open_requests({errc::timed_out, "the connection to NATS was given up: " + last_error()});
  });
  const std::shared_ptr<session> last = std::move(self_);
  const std::lock_guard guard{mutex_};
  ended_ = true;
  changed_.notify_all();
}

std::string session::last_error() const {
  const std::lock_guard guard{mutex_};
  return last_error_;
}

void session::tell_state(bool connected) {
  std::shared_ptr<nats_connection::state_handler> handler;
  {
    const std::lock_guard guard{mutex_};
    handler = state_handler_;
  }
  if (handler && *handler) (*handler)(connected);
}

void session::fail_open_requests(const error& why) {
  for (open_request& each : requests_.take_all()) each.give_up(why);
}

void session::on_state(nats_connection::state_handler handler) {
  auto shared = std::make_shared<nats_connection::state_handler>(std::move(handler));
  const std::lock_guard guard{mutex_};
  state_handler_ = std::move(shared);
}

nats_server_info session::server() const {
  const std::lock_guard guard{mutex_};
  return info_;
}

result<void> session::flush(milliseconds timeout) {
  const auto deadline = clock::now() + timeout;
  {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, deadline, [this] { return connected_ || closing_; });
  }
  const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
  if (!connected_ || closing_ || left <= 0) return fail(errc::unavailable, "not connected to NATS");
  const natsStatus status = natsConnection_FlushTimeout(connection_, left);
  if (status == NATS_OK) {
    await_refusals(deadline);
    return {};
  }
  return fail(errc::unavailable, std::string{"flush: "} + natsStatus_GetText(status));
}

}  // namespace aether::nats
