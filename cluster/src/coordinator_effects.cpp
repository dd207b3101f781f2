#include <aether/runtime/codec.hpp>
#include <aether/runtime/log.hpp>
#include "coordinator_impl.hpp"
#include "kv_lease_register.hpp"

#include <utility>

// What `coordination` wants done, done over NATS.
namespace aether::cluster {

namespace {

constexpr const char* lease_key = "lease";
constexpr const char* table_key = "table";
/// The payload of the question what a node hosts; an empty one asks for its state.
constexpr std::string_view types_question = "types";

std::optional<shard_table> table_of(const kv_entry& entry, std::uint32_t shards) {
  if (entry.value.empty()) {
    shard_table none{shards};
    none.set_revision(entry.revision);
    return none;
  }
  auto table = decode_table(entry.value, shards);
  if (!table) {
    log::error("cluster", "table_unreadable", {{"reason", table.error().message()}});
    return std::nullopt;
  }
  table->set_revision(entry.revision);
  return std::move(*table);
}

}  // namespace

void coordinator::impl::heard(const nats_message& message) {
  auto beat = decode_heartbeat(message.payload());
  if (!beat)
    return log::warn("cluster", "heartbeat_unreadable", {{"reason", beat.error().message()}});
  post({}, [beat = std::move(*beat)](coordination& core, time_point now) {
    return core.heard(beat, now);
  });
}

void coordinator::impl::asked(nats_message message) {
  if (message.reply_to().empty()) return;
  if (as_text(message.payload()) == types_question) {
    const auto answer = encode(types_table{options_.types});
    (void)connection_->publish({message.reply_to(), answer}, nats_flush::now);
    return;
  }
  post({}, [this, message = std::move(message)](coordination& core, time_point now) {
    const auto answer = encode_heartbeat(core.own_heartbeat(now));
    (void)connection_->publish({message.reply_to(), answer}, nats_flush::now);
    return coordination::effects{};
  });
}

void coordinator::impl::carry_out(coordination::send_heartbeat& effect) {
  const auto payload = encode_heartbeat(effect.what);
  // Lost ones are repeated; while reconnecting they say nothing new.
  if (connection_->connected())
    (void)connection_->publish({names_.heartbeat(options_.node), payload}, nats_flush::now);
}

void coordinator::impl::carry_out(coordination::send_probe& effect) {
  auto answered = [weak = weak_from_this(), to = effect.to,
                   which = effect.incarnation](const result<nats_message>& answer) {
    const auto self = weak.lock();
    const bool nobody = !answer && answer.error().code() == errc::unavailable;
    if (!self || (!answer && !nobody) || !self->connection_->connected()) return;
    self->post({}, [to, which, nobody](coordination& core, time_point now) {
      if (nobody) return core.probe_failed(to, which, now);
      core.probe_answered(to, which);
      return coordination::effects{};
    });
  };
  connection_->request({names_.process(effect.incarnation.hex())}, options_.heartbeat,
                       std::move(answered));
}

void coordinator::impl::carry_out(coordination::ask_types& effect) {
  auto answered = [weak = weak_from_this(), of = effect.of](result<nats_message> answer) {
    const auto self = weak.lock();
    if (!self) return;
    std::optional<std::vector<hosted_type>> types;
    if (answer)
      if (auto table = decode<types_table>(answer->payload()))
        types = sorted(std::move(table->types));
    self->post({}, [of, types = std::move(types)](coordination& core, time_point now) {
      return core.types_answered(of, types, now);
    });
  };
  connection_->request({names_.node(effect.of), as_bytes_view(types_question)},
                       options_.failure_timeout, std::move(answered));
}

void coordinator::impl::carry_out(coordination::read_lease&) {
  bucket_.read(lease_key, [weak = weak_from_this()](result<kv_entry> entry) {
    const auto self = weak.lock();
    if (!self) return;
    self->post({}, [entry = std::move(entry)](coordination& core, time_point now) {
      return core.lease_read(entry ? std::optional{lease_of(*entry)} : std::nullopt, now);
    });
  });
}

void coordinator::impl::carry_out(coordination::write_lease& effect) {
  const auto value = encode(effect.record);
  bucket_.write(lease_key, effect.expected, value, [weak = weak_from_this()](write_result done) {
    if (auto self = weak.lock())
      self->post(
          {}, [done](coordination& core, time_point now) { return core.lease_written(done, now); });
  });
}

void coordinator::impl::carry_out(coordination::read_table&) {
  bucket_.read(table_key, [weak = weak_from_this()](result<kv_entry> entry) {
    const auto self = weak.lock();
    if (!self) return;
    self->post({}, [shards = self->options_.layout.shards, entry = std::move(entry)](
                       coordination& core, time_point now) {
      return core.table_read(entry ? table_of(*entry, shards) : std::nullopt, now);
    });
  });
}

void coordinator::impl::carry_out(coordination::write_table& effect) {
  const auto value = encode_table(effect.table);
  bucket_.write(table_key, effect.expected, value, [weak = weak_from_this()](write_result done) {
    if (auto self = weak.lock())
      self->post(
          {}, [done](coordination& core, time_point now) { return core.table_written(done, now); });
  });
}

void coordinator::impl::carry_out(coordination::table_changed& effect) {
  log::info("cluster", "table_changed",
            {{"revision", effect.table->revision()},
             {"table_term", effect.table->term()},
             {"nodes", effect.table->nodes().size()},
             {"moved", effect.moved},
             {"owned", effect.table->owned_by(options_.node, incarnation_)},
             {"in_hand_over", effect.table->in_hand_over()}});
  if (on_table) on_table(effect.table);
}

void coordinator::impl::carry_out(coordination::member_changed& effect) {
  const auto event = "member_" + std::string{to_string(effect.what)};
  const auto level = effect.what == member_event::down || effect.what == member_event::conflict
                         ? log::level::warn
                         : log::level::info;
  if (log::enabled(level))
    log::write(level, "cluster", event,
               {{"member", effect.who.node.str()}, {"reason", effect.reason}});
}

void coordinator::impl::carry_out(coordination::elected& effect) {
  log::info("cluster", "leader_elected", {{"term", effect.term}, {"node", options_.node.str()}});
}

void coordinator::impl::carry_out(coordination::deposed& effect) {
  log::info("cluster", "leader_lost",
            {{"term", effect.term}, {"node", options_.node.str()}, {"reason", effect.reason}});
}

void coordinator::impl::carry_out(coordination::strategy_failed& effect) {
  log::error("cluster", "allocation_strategy_failed", {{"reason", effect.why}});
}

void coordinator::impl::carry_out(coordination::joined&) {
  log::info("cluster", "joined", {{"node", options_.node.str()}, {"weight", options_.weight}});
  {
    const std::lock_guard lock{view_mutex_};
    view_.joined = true;
  }
  view_changed_.notify_all();
}

void coordinator::impl::carry_out(coordination::refused& effect) {
  log::error("cluster", "refused",
             {{"node", options_.node.str()}, {"reason", effect.why.message()}});
  bool was_joined = false;
  {
    const std::lock_guard lock{view_mutex_};
    was_joined = std::exchange(view_.joined, false);
    refused_ = effect.why;
  }
  view_changed_.notify_all();
  if (was_joined && on_evicted) on_evicted(effect.why);
}

void coordinator::impl::carry_out(coordination::left&) {
  log::info("cluster", "left", {{"node", options_.node.str()}});
  {
    const std::lock_guard lock{view_mutex_};
    left_ = true;
  }
  view_changed_.notify_all();
}

}  // namespace aether::cluster
