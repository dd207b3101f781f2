#include "shard_listener.hpp"

#include <aether/runtime/log.hpp>
#include "command_format.hpp"

namespace aether::cluster {

namespace {

/// While a shard moves, both owners may listen: each command goes to one of them.
constexpr std::string_view owner_queue = "owner";

}  // namespace

shard_listener::shard_listener(std::shared_ptr<nats_connection> over, subjects names,
                               actor_host& to)
    : over_{std::move(over)}, names_{std::move(names)}, to_{to} {}

result<void> shard_listener::listen(shard_id shard) {
  const std::lock_guard lock{mutex_};
  if (listening_.contains(shard)) return {};
  auto made = over_->subscribe(
      names_.commands(shard), [this](nats_message message) { receive(std::move(message)); },
      owner_queue);
  if (!made) return std::unexpected(std::move(made).error());
  listening_.emplace(shard, std::move(*made));
  return {};
}

void shard_listener::ignore(shard_id shard) {
  const std::lock_guard lock{mutex_};
  listening_.erase(shard);
}

void shard_listener::ignore_all() {
  const std::lock_guard lock{mutex_};
  listening_.clear();
}

void shard_listener::receive(nats_message message) {
  const std::string reply_to{message.reply_to()};
  auto parsed = parse_command(
      message, [this](const actor_type& type) { return to_.find_type(type); },
      std::chrono::steady_clock::now());
  if (!parsed) {
    log::warn("cluster", "command_refused", {{"reason", parsed.error().message()}});
    if (!reply_to.empty())
      send_answer(*over_, reply_to, std::unexpected(std::move(parsed).error()));
    return;
  }
  if (!reply_to.empty()) {
    parsed->command.answer = [over = over_, reply_to](result<any_reply> answer) {
      send_answer(*over, reply_to, answer);
    };
    return to_.ask(parsed->to, std::move(parsed->command));
  }
  const auto id = parsed->command.id, correlation = parsed->command.correlation;
  const auto name = parsed->command.command.type().wire_name;
  if (auto told = to_.tell(parsed->to, std::move(parsed->command)); !told)
    to_.dead_letters().publish(
        {std::move(parsed->to), id, correlation, std::string{name}, std::move(told).error()});
}

}  // namespace aether::cluster
