#include "line_to_servers.hpp"

namespace aether::chaos {

namespace {

constexpr std::chrono::milliseconds half_blocked{100};

}  // namespace

line_to_servers::line_to_servers(const std::vector<std::uint16_t>& ports) {
  for (const std::uint16_t port : ports) ways_.push_back(std::make_unique<tcp_proxy>(port));
}

void line_to_servers::set(flow how) {
  for (const auto& way : ways_) way->set(how);
}

void line_to_servers::block_by_and_by(clock::time_point now) {
  set(flow::no_upward);
  blocked_after_ = now + half_blocked;
}

void line_to_servers::tick(clock::time_point now) {
  if (!blocked_after_ || now < *blocked_after_) return;
  set(flow::blocked);
  blocked_after_.reset();
}

void line_to_servers::open() {
  blocked_after_.reset();
  set(flow::open);
}

std::string line_to_servers::url() const {
  std::string all;
  for (const auto& way : ways_)
    all += (all.empty() ? "" : ",") + ("nats://127.0.0.1:" + std::to_string(way->port()));
  return all;
}

}  // namespace aether::chaos
