#pragma once

#include <aether/actors/command.hpp>
#include <aether/actors/dead_letters.hpp>
#include <aether/actors/reply_future.hpp>
#include <aether/runtime/ids.hpp>
#include <aether/runtime/log.hpp>
#include <aether/runtime/message.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace aether {

/// Reaches one actor by id, wherever it lives. Cheap to copy; safe to share between threads; must
/// not outlive the node it came from. Making one neither activates the actor nor touches the
/// network. One made from an id outside the domain of `actor_id` answers everything with
/// `invalid_argument`.
template <class Actor>
class actor_ref {
 public:
  /// Longer ones are cut to this.
  static constexpr std::chrono::milliseconds timeout_max = std::chrono::hours{24 * 365};

  actor_ref(command_router& router, const actor_type& type, std::string_view id)
      : router_{&router},
        address_{std::make_shared<const result<actor_address>>(parse(type, id))} {}

  /// Where it leads, or why nowhere.
  [[nodiscard]] const result<actor_address>& address() const noexcept { return *address_; }

  /// The same actor; what is sent through it carries `story` as its correlation.
  [[nodiscard]] actor_ref on_behalf_of(command_id story) const {
    actor_ref copy = *this;
    copy.correlation_ = story;
    return copy;
  }

  /// The same actor; what is sent through it names `sender` as its sender.
  [[nodiscard]] actor_ref sent_by(std::shared_ptr<const actor_address> sender) const {
    actor_ref copy = *this;
    copy.sender_ = std::move(sender);
    return copy;
  }
  /// The same actor; what is sent through it is one command with this id: sent again, as after a
  /// crash, it is answered, not applied again, within the actor's `command_window`; too late for
  /// that, `outcome_unknown`. For each command an id of its own, made by `command_id::make()` when
  /// it is first decided on, and kept where the one who repeats it finds it.
  /// @param sent_before false only where it cannot have been: then an actor that has forgotten
  ///        younger ids decides it all the same, unless it had to wait for a recovery.
  [[nodiscard]] actor_ref with_id(command_id id, bool sent_before = true) const {
    actor_ref copy = *this;
    copy.id_ = id;
    copy.repeated_ = sent_before;
    return copy;
  }

  /// The same actor; what is sent through it and only reads (`read_only_effect`) is answered from
  /// what the actor has in memory, without asking the log whether another node has gone on with it:
  /// never slower than memory, also where this node is cut off from the cluster, and perhaps not
  /// the newest. All other commands are as ever.
  [[nodiscard]] actor_ref stale_reads() const {
    actor_ref copy = *this;
    copy.stale_reads_ = true;
    return copy;
  }

  /// Sends and forgets: at most once. An error says that it was not sent; what goes wrong later is
  /// a dead letter on the actor's node.
  /// @param within not decided later than so long after it was sent, but a dead letter then.
  /// @errors `overloaded`: the actor has `mailbox_max` commands waiting, or its node as many bytes
  ///         of them as it may; slow down.
  ///         `invalid_argument`: the id is none, or the command is larger than the NATS server
  ///         takes. `not_running`: the node has not joined, or has left. `unavailable`: try again;
  ///         `not_owner` the same, its shard is just moving. `unknown_message`: this node serves
  ///         the shard but does not host the type.
  template <message Command>
  result<void> tell(Command command, std::chrono::milliseconds within = timeout_max) const {
    check<Command>();
    if (!*address_) return std::unexpected(address_->error());
    envelope sent = wrap(std::move(command));
    if (within < timeout_max) sent.deadline = deadline_after(within);
    return router_->tell(**address_, std::move(sent));
  }

  /// As `tell`, where nobody would look at what that returns: its error makes a dead letter of the
  /// command, on this node. Through a reference that leads nowhere it is only logged.
  template <message Command>
  void post(Command command) const {
    check<Command>();
    if (!*address_)
      return log::warn(
          "actor", "not_sent",
          {{"command", Command::aether_wire_name}, {"reason", address_->error().message()}});
    envelope sent = wrap(std::move(command));
    const auto id = sent.id, correlation = sent.correlation;
    if (auto told = router_->tell(**address_, std::move(sent)); !told)
      router_->lost({**address_, id, correlation, std::string{Command::aether_wire_name},
                     std::move(told).error()});
  }

  /// Sends and calls `handler` exactly once with the answer, by the end of `timeout` or shortly
  /// after; retries with the same command id meanwhile, so its effect happens at most once.
  /// @param handler called on a thread of the runtime, or within the call when it is refused at
  ///        once; hands over and returns. What it throws is logged.
  /// @param timeout 0 or less: `unavailable`, and nothing is decided.
  /// @errors (to the handler) `rejected`: the actor said no. `unavailable`: nothing persisted.
  ///         `overloaded`: nothing persisted; within the call where this node has too many asks
  ///         under way, else once a full queue has refused it for about a second, or until its
  ///         deadline if that comes first: slow down, then ask again. `outcome_unknown`: perhaps
  ///         persisted. `quarantined`, `handler_failed`, `commit_too_large`, `store_failed`,
  ///         `stream_regressed`: nothing persisted; see `errc`. `invalid_argument`, `not_running`:
  ///         not sent, as of `tell`. `not_permitted`: the NATS server refuses this user the actor's
  ///         subject, nothing persisted; the text names it. `unknown_message`: the shard's owner
  ///         does not host the type or has no such command, nothing persisted. `decode_failed`: the
  ///         owner could not read the command, nothing persisted; or its reply is no
  ///         `reply_of<Command>` here, and the command may have had its effect. Of an `actor_host`
  ///         without a node also `not_owner`.
  template <message Command, class Handler>
    requires std::invocable<Handler&, result<reply_of<Command>>>
  void ask(Command command, std::chrono::milliseconds timeout, Handler handler) const {
    ask_marked(std::move(command), timeout,
               [handler = std::move(handler)](result<reply_of<Command>> got, reply_mark) mutable {
                 handler(std::move(got));
               });
  }

  /// The same, as something to wait for.
  template <message Command>
  reply_future<reply_of<Command>> ask(Command command, std::chrono::milliseconds timeout) const {
    auto slot = std::make_shared<detail::reply_slot<reply_of<Command>>>();
    ask_marked(std::move(command), timeout, [slot](result<reply_of<Command>> got, reply_mark mark) {
      slot->fill(std::move(got), mark);
    });
    return {std::move(slot), address_};
  }

  /// Stores the command in a queue for its actor, from where it is delivered until it is decided,
  /// whatever crashes meanwhile; see docs/durable-sends.md. The future says that it is stored, not
  /// that it is decided. Commands of one sender to one actor are decided in the order in which they
  /// were sent, if each is sent after the receipt of the one before, or from one thread over one
  /// connection.
  /// @errors `outcome_unknown`: no acknowledgement came; send it again `with_id` of the same id.
  ///         `unavailable`, `overloaded`, `not_running`: not stored; send it again, later.
  ///         `store_failed`, `not_permitted`: not stored, the server refused, and the text says
  ///         why. `incompatible_cluster`: not stored, the queue's stream has limits that lose
  ///         commands. `invalid_argument`: the id is none, an option is outside its domain, the
  ///         command with its headers is larger than the server takes less 1 KB, or there is no
  ///         node.
  template <message Command>
  reply_future<durable_receipt> send_durable(Command command,
                                             const durable_options& how = {}) const {
    auto slot = std::make_shared<detail::reply_slot<durable_receipt>>();
    send_durable(std::move(command), how,
                 [slot](result<durable_receipt> got) { slot->fill(std::move(got)); });
    return {std::move(slot), address_};
  }
  /// @param handler called once with a `result<durable_receipt>`, perhaps within the call, from any
  ///        thread; hands over and returns, and does not throw.
  template <message Command, class Handler>
    requires std::invocable<Handler&, result<durable_receipt>>
  void send_durable(Command command, const durable_options& how, Handler handler) const {
    check<Command>();
    if (!*address_) return handler(result<durable_receipt>{std::unexpected(address_->error())});
    router_->send(**address_, wrap(std::move(command)), how, receipt_sink{std::move(handler)});
  }

 private:
  template <class Command>
  static constexpr void check() {
    static_assert(Actor::commands::template contains<Command>,
                  "this command is not listed in the actor's `commands`");
  }

  /// @param handler gets the answer, and where the actor's history ended then.
  template <message Command, class Handler>
  void ask_marked(Command command, std::chrono::milliseconds timeout, Handler handler) const {
    check<Command>();
    using answer_type = result<reply_of<Command>>;
    if (!*address_) return handler(answer_type{std::unexpected(address_->error())}, reply_mark{});
    envelope sent = wrap(std::move(command));
    sent.deadline = deadline_after(timeout);
    sent.answer =
        detail::answer_once{[handler = std::move(handler)](result<any_reply> answer) mutable {
          try {
            const auto mark = answer ? answer->mark : reply_mark{};
            handler(take_reply<reply_of<Command>>(std::move(answer)), mark);
          } catch (const std::exception& thrown) {
            log::error("actor", "answer_handler_threw", {{"what", thrown.what()}});
          } catch (...) {
            log::error("actor", "answer_handler_threw");
          }
        }};
    router_->ask(**address_, std::move(sent));
  }

  static result<actor_address> parse(const actor_type& type, std::string_view id) {
    auto valid = actor_id::parse(id);
    if (!valid) return std::unexpected(std::move(valid).error());
    return actor_address{type, std::move(*valid)};
  }

  static std::chrono::steady_clock::time_point deadline_after(std::chrono::milliseconds timeout) {
    return std::chrono::steady_clock::now() + std::clamp(timeout, {}, timeout_max);
  }

  template <class Command>
  envelope wrap(Command command) const {
    envelope made;
    made.id = id_.is_nil() ? command_id::make() : id_;
    made.correlation = correlation_;
    made.repeated = repeated_;
    made.stale_read = stale_reads_;
    made.command = any_message::of<Command>(std::move(command));
    made.sender = sender_;
    return made;
  }

  command_router* router_;
  std::shared_ptr<const result<actor_address>> address_;
  command_id correlation_;
  command_id id_;
  bool repeated_ = false;
  bool stale_reads_ = false;
  std::shared_ptr<const actor_address> sender_;
};

}  // namespace aether
