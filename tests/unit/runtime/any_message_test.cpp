#include <aether/runtime/any_message.hpp>
#include <aether/runtime/describe.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using aether::any_message;
using aether::message_type_of;

namespace {

struct ping {
  std::string text;
  AETHER_MESSAGE("test.ping", text)
};
struct pong {
  std::int64_t count = 0;
  AETHER_MESSAGE("test.pong", count)
};
struct counted {
  std::shared_ptr<int> alive = std::make_shared<int>();
  AETHER_MESSAGE("test.counted")
};

}  // namespace

TEST_CASE("a message in a box is found under its own type only") {
  auto box = any_message::of(ping{"hello"});
  REQUIRE(!box.empty());
  REQUIRE(box.get_if<ping>() != nullptr);
  CHECK(box.get_if<ping>()->text == "hello");
  CHECK(box.get_if<pong>() == nullptr);
  CHECK(&box.type() == &message_type_of<ping>());
  CHECK(box.type().wire_name == "test.ping");
  CHECK(&message_type_of<ping>() != &message_type_of<pong>());
}

TEST_CASE("a box is empty after it was moved from, by construction and by assignment") {
  auto first = any_message::of(ping{"a"});
  any_message second{std::move(first)};
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): the contract under test
  auto third = any_message::of(pong{3});
  third = std::move(second);
  CHECK(second.empty());  // NOLINT(bugprone-use-after-move)
  CHECK(third.get_if<ping>()->text == "a");
  CHECK(any_message{}.empty());
}

TEST_CASE("a box destroys its message exactly once") {
  counted message;
  const std::weak_ptr<int> alive = message.alive;
  {
    auto box = any_message::of(std::move(message));
    message.alive.reset();
    any_message other{std::move(box)};
    box = std::move(other);
    CHECK(alive.use_count() == 1);
  }
  CHECK(alive.expired());
}

TEST_CASE("a box that takes another's message destroys its own") {
  counted message;
  const std::weak_ptr<int> alive = message.alive;
  auto box = any_message::of(std::move(message));
  message.alive.reset();
  box = any_message::of(pong{1});
  CHECK(alive.expired());
}

TEST_CASE("a shared message is one object that lives as long as its last owner") {
  counted message;
  const std::weak_ptr<int> alive = message.alive;
  auto first = any_message::of(std::move(message));
  message.alive.reset();
  auto second = first.share();
  CHECK(second.object() == first.object());
  CHECK(alive.use_count() == 1);
  first = any_message::of(pong{1});
  CHECK(!alive.expired());
  second = {};
  CHECK(alive.expired());
  CHECK(second.share().empty());
}

TEST_CASE("owners on many threads destroy a shared message exactly once") {
  counted message;
  const std::weak_ptr<int> alive = message.alive;
  auto first = any_message::of(std::move(message));
  message.alive.reset();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([mine = first.share()] {
        for (int i = 0; i < 1'000; ++i) CHECK(!mine.share().empty());
      });
    first = {};
  }
  CHECK(alive.expired());
}

TEST_CASE("a message is described by its wire name and fields") {
  CHECK(aether::describe(any_message::of(pong{-7})) == "test.pong{count: -7}");
  CHECK(aether::describe(any_message{}) == "nothing");
}

TEST_CASE("a message survives encoding and decoding through its type") {
  const auto box = any_message::of(pong{-7});
  aether::bytes data;
  box.encode_to(data);
  CHECK(data == aether::encode(pong{-7}));
  const auto back = box.type().decode(data);
  REQUIRE(back.has_value());
  CHECK(back->get_if<pong>()->count == -7);
  const auto failed = message_type_of<ping>().decode(aether::bytes{});
  REQUIRE(!failed);
  CHECK(failed.error().code() == aether::errc::decode_failed);
}
