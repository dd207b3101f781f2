#pragma once

#include <aether/persistence/event_store.hpp>
#include <aether/runtime/nats.hpp>
#include "../core/read_machine.hpp"
#include "place.hpp"

#include <memory>

namespace aether {

/// One read under way: fetches what its `read_machine` asks for. Owned by the request it waits for.
class read_operation final : public std::enable_shared_from_this<read_operation> {
 public:
  read_operation(std::shared_ptr<nats_connection> connection, commit_place place,
                 read_machine machine, std::chrono::milliseconds timeout,
                 event_store::read_handler handler)
      : connection_{std::move(connection)},
        place_{std::move(place)},
        machine_{std::move(machine)},
        timeout_{timeout},
        handler_{std::move(handler)} {}

  void start() { proceed(); }

 private:
  void proceed();
  void fetch_page(const read_machine::fetch& what);
  void fetch_one(const read_machine::fetch& what);
  /// A part of a page; false when the page is over.
  bool page_part(result<nats_message> part);
  void end_page(bool more);
  [[nodiscard]] result<void> take(const stored_record& record);
  void finish(error why);

  std::shared_ptr<nats_connection> connection_;
  commit_place place_;
  read_machine machine_;
  std::chrono::milliseconds timeout_;
  event_store::read_handler handler_;
};

}  // namespace aether
