#include "support/nats_cluster.hpp"

#include "support/await.hpp"
#include "support/stream_tool.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>

namespace aether::testing_support {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t log_lines_shown = 15;

std::string name_of(std::size_t i) { return "server-" + std::to_string(i); }

std::string config_of(std::size_t i, const std::array<held_port, nats_cluster::size>& routes) {
  const auto at = [](const held_port& port) {
    return "127.0.0.1:" + std::to_string(port.number());
  };
  std::string text = "server_name: " + name_of(i) +
                     "\ncluster {\n  name: aether-test\n  listen: " + at(routes[i]) +
                     "\n  routes: [";
  for (const auto& port : routes) text += "\n    nats://" + at(port);
  return text + "\n  ]\n}\n";
}

/// Whether every server takes part: only then does a stream with so many replicas find its place.
bool takes_streams(const std::string& url) {
  const auto connection = nats_connection::open({.url = url, .connect_timeout = 1s});
  if (!connection) return false;
  const std::string probe = "READY";
  const auto made = stream_request(**connection, "CREATE." + probe,
                                   {{"name", probe},
                                    {"subjects", json::array({"ready"})},
                                    {"storage", "memory"},
                                    {"num_replicas", nats_cluster::size}},
                                   5s);
  if (!made || made->contains("error")) return false;
  const auto gone = stream_request(**connection, "DELETE." + probe, nullptr, 5s);
  return gone && !gone->contains("error");
}

/// Who leads `stream`, and whether all others are current; none when that cannot be said now.
std::optional<json> replicas_of(nats_connection& connection, const std::string& stream) {
  auto info = stream_request(connection, "INFO." + stream, nullptr, 500ms);
  if (!info || !info->contains("cluster")) return std::nullopt;
  json cluster = std::move((*info)["cluster"]);
  if (cluster.value("leader", "").empty()) return std::nullopt;
  return cluster;
}

bool all_current(const json& cluster) {
  const json replicas = cluster.value("replicas", json::array());
  return replicas.size() == nats_cluster::size - 1 &&
         std::ranges::all_of(replicas, [](const json& one) {
           return one.value("current", false) && !one.value("offline", false) &&
                  one.value("lag", 0) == 0;
         });
}

}  // namespace

nats_cluster::nats_cluster() {
  for (std::size_t i = 0; i < size; ++i)
    servers_[i] =
        std::make_unique<nats_server>(nats_server::options{.config = config_of(i, routes_)});
  // Servers that are elected under load may take several elections.
  if (!await([this] { return takes_streams(url()); }, 3 * await_limit))
    throw std::runtime_error("three nats-servers did not become one JetStream cluster. " +
                             last_words());
}

std::string nats_cluster::last_words() const {
  std::string text = "The ends of their logs:";
  for (std::size_t i = 0; i < size; ++i)
    text += "\n" + name_of(i) + ":\n" + servers_[i]->last_words(log_lines_shown);
  return text;
}

std::string nats_cluster::url() const {
  std::string all;
  for (const auto& one : servers_) all += (all.empty() ? "" : ",") + one->url();
  return all;
}

std::size_t nats_cluster::leader_of(nats_connection& connection, const std::string& stream) const {
  std::string leader;
  const bool known = await([&] {
    const auto cluster = replicas_of(connection, stream);
    if (cluster) leader = cluster->value("leader", "");
    return !leader.empty();
  });
  for (std::size_t i = 0; known && i < size; ++i)
    if (leader == name_of(i)) return i;
  throw std::runtime_error("no server leads stream " + stream);
}

bool nats_cluster::await_replicas(nats_connection& connection, const std::string& stream,
                                  std::chrono::milliseconds limit) const {
  const auto together = [&] {
    const auto cluster = replicas_of(connection, stream);
    return cluster && all_current(*cluster);
  };
  return await(together, limit);
}

}  // namespace aether::testing_support
