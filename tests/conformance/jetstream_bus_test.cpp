#include <aether/persistence/conformance.hpp>
#include <aether/persistence/jetstream_bus.hpp>
#include "support/nats_server.hpp"
#include "support/nats_talk.hpp"
#include "support/run_cases.hpp"

#include <doctest/doctest.h>

#include <memory>

namespace {

using namespace aether;
using testing_support::nats_server;

namespace_name ns(std::string_view name) { return namespace_name::parse(name).value(); }

struct place {
  place(const std::shared_ptr<nats_connection>& connection, std::string_view name,
        const jetstream_layout& shape)
      : names{ns("aether"), ns(name)}, layout{shape} {
    const auto created = create_streams(*connection, names, layout);
    REQUIRE_MESSAGE(created.has_value(), created.error().message());
    log = std::make_shared<jetstream_event_store>(connection, names, layout);
  }
  subjects names;
  jetstream_layout layout;
  std::shared_ptr<event_store> log;
};

}  // namespace

TEST_CASE("JetStream bus: passes the conformance kit") {
  nats_server server;
  const auto connection = testing_support::connect(server);
  const place own{connection, "own", {.shards = 16, .streams = 2}};
  const place other{connection, "other_EVT_1", {.shards = 9, .streams = 3}};
  jetstream_event_bus bus{
      connection,
      own.names,
      own.layout,
      own.log,
      {.log_of = [&](const namespace_name&) -> result<std::shared_ptr<event_store>> {
        return other.log;
      }}};
  bus_bench kit{bus, own.names.name(), *own.log, other.names.name(), *other.log};
  for (int round = 0; round < 2; ++round) testing::run_cases<bus_bench>(event_bus_cases(), kit);
  connection->close();
}
