#include "runtime/src/nats/requests.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <utility>

namespace aether::nats {

namespace {

using namespace std::chrono_literals;

constexpr request_table::time_point start{};

open_request once() {
  return {.handler = nats_connection::reply_handler{[](result<nats_message>) {}},
          .timeout = 100ms,
          .subject = "once"};
}
open_request several() {
  return {.handler = nats_connection::stream_handler{[](result<nats_message>) { return true; }},
          .timeout = 100ms,
          .subject = "several"};
}
request_table::token add(request_table& to, open_request request) {
  return to.add(request, start).value();
}

}  // namespace

TEST_CASE("request table: one answer takes a request out, once") {
  request_table open;
  const auto key = add(open, once());
  CHECK(open.for_answer(key).has_value());
  CHECK(!open.for_answer(key).has_value());
  CHECK(open.open() == 0);
  CHECK(open.take_expired(start + 1h).empty());
}

TEST_CASE(
    "request table: of several answers one is handled at a time, and nobody expires it then") {
  request_table open;
  const auto key = add(open, several());
  auto lent = open.for_answer(key);
  REQUIRE(lent.has_value());
  CHECK(!open.for_answer(key).has_value());
  CHECK(!open.take(key).has_value());
  CHECK(open.take_expired(start + 1h).empty());
  CHECK(open.take_all().empty());
  CHECK(open.open() == 1);
  REQUIRE(open.put_back(key, *lent, start + 1h));
  CHECK(open.take_all().size() == 1);
  CHECK(open.open() == 0);
}

TEST_CASE(
    "request table: each answer gives the next one its whole time, and the last one ends it") {
  request_table open;
  const auto key = add(open, several());
  auto lent = open.for_answer(key);
  REQUIRE(open.put_back(key, *lent, start + 90ms));
  CHECK(open.take_expired(start + 189ms).empty());
  CHECK(open.next_deadline() == start + 190ms);
  lent = open.for_answer(key);
  open.end(key);
  CHECK(open.open() == 0);
  CHECK(open.next_deadline() == request_table::time_point::max());

  const auto silent = add(open, several());
  lent = open.for_answer(silent);
  REQUIRE(open.put_back(silent, *lent, start + 90ms));
  CHECK(open.take_expired(start + 190ms).size() == 1);
}

TEST_CASE("request table: closed, it takes nothing back") {
  request_table open;
  const auto key = add(open, several());
  auto lent = open.for_answer(key);
  open.close();
  CHECK(!open.put_back(key, *lent, start));
  CHECK(lent->subject == "several");
  CHECK(open.open() == 0);
}

}  // namespace aether::nats
