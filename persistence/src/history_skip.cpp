#include <aether/persistence/history.hpp>
#include "core/history_repair.hpp"

#include <utility>

namespace aether {

void skip_events(event_store& store, const actor_address& address, skip_request request,
                 event_store::append_handler handler) {
  auto found = [&store, address, request = std::move(request),
                handler = std::move(handler)](result<std::vector<history_record>> records) mutable {
    if (!records) return handler(std::unexpected(std::move(records).error()));
    auto plan = plan_skip(*records, request);
    if (!plan) return handler(std::unexpected(std::move(plan).error()));
    plan->marker.id = commit_id::make_after(plan->expected.commit);
    plan->marker.at =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    store.append(address, plan->expected, std::move(plan->marker), std::move(handler));
  };
  store.records(address, std::move(found));
}

}  // namespace aether
