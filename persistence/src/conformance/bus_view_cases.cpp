#include "bus_viewer.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>

namespace aether::conformance {

namespace {

event_filter of_type(std::string_view type) { return {.type = actor_type::parse(type).value()}; }

void stored_is_seen(bus_bench& with) {
  writer early{with.log};
  early.write();
  viewer sees;
  sees.subscribe(with.bus, of_type("kit-actor"));
  early.write_many(2, 3);
  writer late{with.log};
  late.write_many(3);
  sees.await_version(early.actor(), early.end().version);
  sees.await_version(late.actor(), late.end().version);
  must_show(sees, early, 1, "an actor with events before the subscription");
  must_show(sees, late, 0, "an actor that began after it");
  for (const auto& one : sees.views()) {
    require(one.ns == with.own, "expected the bus's own namespace, found " + one.ns.str());
    require(!one.caught_up, "expected a live event, found one that was caught up");
    require(one.sequence == one.recorded.sequence.value(),
            "expected the place to have the event's "
            "sequence");
  }
  require(sees.holes().empty(), "expected no gap");
}

void refused_is_not_seen(bus_bench& with) {
  writer actor{with.log};
  actor.write();
  viewer sees;
  sees.subscribe(with.bus, of_type("kit-actor"));
  must_fail(append(with.log, actor.actor(), {}, commit_after({})), errc::version_conflict,
            "append after a stale end");
  actor.write();
  sees.await_version(actor.actor(), actor.end().version);
  must_show(sees, actor, 1, "an actor whose second writer was refused");
}

void filters(bus_bench& with) {
  const auto name = fresh_name();
  writer ant{with.log, address_of("kit-a", name + "-ant")};
  writer bee{with.log, address_of("kit-b", name + "-bee")};
  writer star{with.log, address_of("kit-b", name + "-*.>")};
  viewer one, type, pattern, nothing, types;
  one.subscribe(with.bus, {.type = star.actor().type, .id = star.actor().id});
  type.subscribe(with.bus, of_type("kit-b"));
  pattern.subscribe(with.bus, {.id_pattern = name + "-??t"});
  nothing.subscribe(with.bus, {.id_pattern = name + "-*", .event_types = {"conformance.other"}});
  types.subscribe(with.bus, {.id_pattern = name + "-*", .event_types = {"conformance.counted"}});
  for (auto* actor : {&ant, &bee, &star}) actor->write(2);
  types.await_events(6);
  one.await_events(2);
  type.await_events(4);
  pattern.await_events(2);
  must_show(one, star, 0, "one actor by its id, which looks like a wildcard");
  must_show(type, bee, 0, "all actors of a type");
  must_show(type, star, 0, "all actors of a type");
  must_show(pattern, ant, 0, "ids of a form");
  require(one.views().size() == 2 && type.views().size() == 4 && pattern.views().size() == 2,
          "expected nothing besides what the filters take");
  require(nothing.views().empty(), "expected no event of another type");
}

void namespaces(bus_bench& with) {
  const auto name = fresh_name();
  writer here{with.log, address_of("kit-ns", name)};
  writer there{with.other_log, address_of("kit-ns", name)};
  viewer own, other, both, all;
  own.subscribe(with.bus, {.id_pattern = name});
  other.subscribe(with.bus, {.namespaces = {with.other}, .id_pattern = name});
  both.subscribe(with.bus, {.namespaces = {with.other, with.own}, .id_pattern = name});
  all.subscribe(with.bus, {.all_namespaces = true, .id_pattern = name});
  there.write(2);
  here.write();
  both.await_events(3);
  all.await_events(3);
  own.await_events(1);
  other.await_events(2);
  require(own.views().size() == 1 && own.views()[0].ns == with.own,
          "expected another namespace to be invisible");
  require(other.views().size() == 2 && other.views()[0].ns == with.other,
          "expected the namespace that was asked for, and no other");
  require(both.views().size() == 3 && all.views().size() == 3,
          "expected each event once, however many namespaces are asked for");
}

void refused_subscriptions(bus_bench& with) {
  const event_handlers good{.event = [](const bus_event&) {}};
  must_fail(with.bus.subscribe({.namespaces = {with.own}, .all_namespaces = true}, {}, good),
            errc::invalid_argument, "subscribe to all namespaces and to one");
  must_fail(with.bus.subscribe({}, {}, {}), errc::invalid_argument, "subscribe without a handler");
  must_fail(with.bus.subscribe({}, {.buffer_max = 0}, good), errc::invalid_argument,
            "subscribe without a buffer");
}

void throwing_handler(bus_bench& with) {
  writer actor{with.log};
  std::atomic<int> calls{0};
  answer<bool> third{"the third event"};
  auto sees =
      with.bus.subscribe({.type = actor.actor().type, .id = actor.actor().id}, {},
                         {.event = [&calls, on = third.handler()](const bus_event&) mutable {
                           if (++calls == 3) return on(true);
                           throw std::runtime_error{"a handler's own"};
                         }});
  require(sees.has_value(), "expected to subscribe");
  actor.write_many(3);
  (void)must(third.get(), "a handler that throws is called for the next event");
  require(sees->stats().handler_failures == 2, "expected two failures to be counted");
}

void ended_in_handler(bus_bench& with) {
  writer actor{with.log};
  auto kept = std::make_shared<event_subscription>();
  auto calls = std::make_shared<std::atomic<int>>(0);
  answer<bool> ended{"the end of a subscription within its handler"};
  viewer other;
  other.subscribe(with.bus, {.type = actor.actor().type, .id = actor.actor().id});
  std::promise<void> stored;
  auto sees = with.bus.subscribe({.type = actor.actor().type, .id = actor.actor().id}, {},
                                 {.event = [kept, calls, may = stored.get_future().share(),
                                            on = ended.handler()](const bus_event&) mutable {
                                   ++*calls;
                                   may.wait();
                                   *kept = {};
                                   on(true);
                                 }});
  require(sees.has_value(), "expected to subscribe");
  *kept = *std::move(sees);
  stored.set_value();
  actor.write_many(3, 3);
  (void)must(ended.get(), "ending");
  other.await_events(9);
  require(*calls == 1, "expected no call after the end of a subscription");
}

constexpr bus_case cases[]{
    {"bus: what is stored is seen once, in the order of its actor, with all that is known of it",
     &stored_is_seen},
    {"bus: what was refused is not seen", &refused_is_not_seen},
    {"bus: a filter takes what it says and nothing else", &filters},
    {"bus: another namespace is invisible unless it is asked for", &namespaces},
    {"bus: a subscription that cannot be is refused", &refused_subscriptions},
    {"bus: a handler that throws is called for the next event", &throwing_handler},
    {"bus: a subscription may end within its handler, and nothing comes after", &ended_in_handler},
};

}  // namespace

std::span<const bus_case> bus_view_cases() { return cases; }

}  // namespace aether::conformance
