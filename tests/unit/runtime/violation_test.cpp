#include "runtime/src/nats/violation.hpp"

#include "runtime/src/nats/requests.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aether;
using namespace aether::nats;
using namespace std::chrono_literals;

namespace {

using action = violation::action;

open_request request_on(std::string subject) {
  return {nats_connection::reply_handler{[](result<nats_message>) {}}, 1s, std::move(subject)};
}

struct table {
  request_table open;
  request_table::time_point now{};
  request_table::token add(std::string subject) {
    auto request = request_on(std::move(subject));
    return open.add(request, now).value();
  }
  std::size_t refused(std::string subject, bool cut = false) {
    return open.take_refused({action::publish, std::move(subject), cut}).taken.size();
  }
};

}  // namespace

TEST_CASE("violation: subject and permission are read from what a server says") {
  const auto publish = parse_violation(R"(Permissions Violation for Publish to "a.b")");
  REQUIRE(publish.has_value());
  CHECK(publish->what == action::publish);
  CHECK(publish->subject == "a.b");
  CHECK_FALSE(publish->cut);
  const auto hear =
      parse_violation(R"(Permissions Violation for Subscription to "a.>" using queue "q")");
  REQUIRE(hear.has_value());
  CHECK(hear->what == action::subscribe);
  CHECK(hear->subject == "a.>");
  const auto cut = parse_violation(R"(Permissions Violation for Publish to "a.long)");
  REQUIRE(cut.has_value());
  CHECK(cut->cut);
  CHECK(cut->concerns("a.longer"));
  CHECK_FALSE(cut->concerns("a.short"));
  CHECK_FALSE(parse_violation("Authorization Violation").has_value());
  CHECK_FALSE(parse_violation("").has_value());
}

TEST_CASE("violation: a request that is alone on its subject is the one that was refused") {
  table it;
  it.add("a");
  it.add("b");
  CHECK(it.refused("a") == 1);
  CHECK(it.open.open() == 1);
  CHECK(it.refused("b.c", true) == 0);
  CHECK(it.refused("b", true) == 1);
  CHECK_FALSE(it.open.take_refused({action::publish, "a", false}).concerned);
}

TEST_CASE("violation: of several on a subject none is told before all of them were refused") {
  table it;
  it.add("a");
  const auto answered = it.add("a");
  it.add("a");
  CHECK(it.refused("a") == 0);
  CHECK(it.refused("a") == 0);
  SUBCASE("the third refusal") { CHECK(it.refused("a") == 3); }
  SUBCASE("the third was taken") {
    REQUIRE(it.open.take(answered).has_value());
    CHECK(it.refused("a") == 2);
  }
}

TEST_CASE("violation: refusals of requests that are gone do not count for later ones") {
  table it;
  const auto first = it.add("a");
  const auto second = it.add("a");
  CHECK(it.refused("a") == 0);
  REQUIRE(it.open.take(first).has_value());
  REQUIRE(it.open.take(second).has_value());
  it.add("a");
  it.add("a");
  CHECK(it.refused("a") == 0);
  CHECK(it.refused("a") == 2);
}
