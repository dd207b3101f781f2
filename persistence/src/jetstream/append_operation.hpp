#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include <aether/runtime/timers.hpp>
#include "../core/append_machine.hpp"
#include "place.hpp"
#include "stream_watch.hpp"

#include <memory>

namespace aether {

/// One append under way: carries out what its `append_machine` says. Owned by whatever it waits
/// for, a request or a timer; should that be dropped, it answers as for a closed connection.
class append_operation final : public std::enable_shared_from_this<append_operation> {
 public:
  /// What is sent at each attempt.
  struct request {
    commit_place place;
    bytes payload;
    /// The commit's one header, and the sequence that must be the subject's last.
    std::string header;
    std::string expected;
  };

  append_operation(std::shared_ptr<nats_connection> connection, std::shared_ptr<stream_watch> watch,
                   std::weak_ptr<timers> clock, append_machine machine, request to_send,
                   event_store::append_handler handler)
      : connection_{std::move(connection)},
        watch_{std::move(watch)},
        clock_{std::move(clock)},
        machine_{std::move(machine)},
        send_{std::move(to_send)},
        handler_{std::move(handler)} {}
  ~append_operation();
  append_operation(const append_operation&) = delete;
  append_operation& operator=(const append_operation&) = delete;

  void start();
  /// Looks first whether the commit at the expected sequence ends with the expected version: for
  /// writers who do not name it.
  void start_after_check();

 private:
  void checked(const result<std::optional<stored_record>>& read);
  void heard(append_machine::input input);
  void carry_out(append_machine::effect effect);
  void perform(append_machine::publish what);
  void send(std::chrono::milliseconds timeout);
  void perform(append_machine::read_next what);
  void perform(append_machine::wait what);
  void perform(append_machine::finish what);

  std::shared_ptr<nats_connection> connection_;
  std::shared_ptr<stream_watch> watch_;
  std::weak_ptr<timers> clock_;
  append_machine machine_;
  request send_;
  event_store::append_handler handler_;
};

}  // namespace aether
