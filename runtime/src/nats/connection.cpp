#include "connection.hpp"

#include <tuple>
#include <utility>

namespace aether {

bool nats_server_info::at_least(int want_major, int want_minor, int want_patch) const noexcept {
  return std::tuple{major, minor, patch} >= std::tuple{want_major, want_minor, want_patch};
}

result<std::shared_ptr<nats_connection>> nats_connection::open(const nats_options& options) {
  auto session = std::make_shared<nats::session>(options);
  if (auto opened = session->open(); !opened) {
    session->close();
    return std::unexpected(std::move(opened).error());
  }
  return std::shared_ptr<nats_connection>{
      new nats_connection{std::make_unique<impl>(std::move(session))}};
}

nats_connection::nats_connection(std::unique_ptr<impl> state) noexcept : impl_{std::move(state)} {}

nats_connection::~nats_connection() { close(); }

result<void> nats_connection::publish(const nats_outgoing& message, nats_flush flush) {
  return impl_->session->publish(message, {}, flush);
}

result<void> nats_connection::publish(const nats_outgoing& message, std::string_view reply_to,
                                      nats_flush flush) {
  return impl_->session->publish(message, reply_to, flush);
}

void nats_connection::request(const nats_outgoing& message, std::chrono::milliseconds timeout,
                              reply_handler handler, nats_flush flush) {
  impl_->session->request(message, {std::move(handler), timeout, {}}, flush);
}

void nats_connection::request_stream(const nats_outgoing& message,
                                     std::chrono::milliseconds timeout, stream_handler handler) {
  impl_->session->request(message, {std::move(handler), timeout, {}}, nats_flush::now);
}

void nats_connection::pull(const nats_outgoing& message, std::chrono::milliseconds timeout,
                           stream_handler handler) {
  impl_->session->pull(message, {std::move(handler), timeout, {}});
}

result<nats_message> nats_connection::request_wait(const nats_outgoing& message,
                                                   std::chrono::milliseconds timeout) {
  return impl_->session->request_wait(message, timeout);
}

result<nats_connection::subscription> nats_connection::subscribe(std::string_view subject,
                                                                 message_handler handler,
                                                                 std::string_view queue) {
  auto listener = impl_->session->subscribe(subject, std::move(handler), queue);
  if (!listener) return std::unexpected(std::move(listener).error());
  return subscription{std::make_shared<subscription::impl>(*std::move(listener))};
}

result<void> nats_connection::flush(std::chrono::milliseconds timeout) {
  return impl_->session->flush(timeout);
}

std::optional<error> nats_connection::refused() const { return impl_->session->refused(); }

void nats_connection::on_state(state_handler handler) {
  impl_->session->on_state(std::move(handler));
}

bool nats_connection::connected() const noexcept { return impl_->session->connected(); }
std::uint64_t nats_connection::losses() const noexcept { return impl_->session->losses(); }

nats_server_info nats_connection::server() const { return impl_->session->server(); }

void nats_connection::close() { impl_->session->close(); }

nats_connection::subscription::subscription(std::shared_ptr<impl> state) noexcept
    : impl_{std::move(state)} {}
nats_connection::subscription::subscription(subscription&&) noexcept = default;
nats_connection::subscription& nats_connection::subscription::operator=(subscription&&) noexcept =
    default;
nats_connection::subscription::~subscription() = default;

}  // namespace aether
