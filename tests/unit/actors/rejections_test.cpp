#include "actors/src/core/rejections.hpp"

#include <doctest/doctest.h>

#include <string>

namespace aether {

namespace {

using namespace std::chrono_literals;

rejections::time_point at(std::chrono::milliseconds after) {
  return rejections::time_point{} + 1h + after;
}

envelope copy_of(const command_id& id, bool repeated) {
  envelope made;
  made.id = id;
  made.repeated = repeated;
  return made;
}

const error why{errc::rejected, "too dear"};

}  // namespace

TEST_CASE("rejections: a copy is known where one of both says that it is one") {
  rejections told;
  const auto first = command_id::make(), second = command_id::make();
  told.remember(copy_of(first, false), why, at(0ms));
  CHECK(told.find(copy_of(first, false), at(1ms)) == nullptr);
  REQUIRE(told.find(copy_of(first, true), at(1ms)) != nullptr);
  CHECK(told.find(copy_of(first, true), at(1ms))->message() == why.message());
  told.remember(copy_of(second, true), why, at(2ms));
  CHECK(told.find(copy_of(second, false), at(3ms)) != nullptr);
  CHECK(told.find(copy_of(command_id::make(), true), at(3ms)) == nullptr);
}

TEST_CASE("rejections: what was not told after all is forgotten") {
  rejections told;
  const auto id = command_id::make();
  told.remember(copy_of(id, true), why, at(0ms));
  told.forget(command_id::make());
  CHECK(told.find(copy_of(id, true), at(0ms)) != nullptr);
  told.forget(id);
  CHECK(told.find(copy_of(id, true), at(0ms)) == nullptr);
  CHECK(told.empty());
}

TEST_CASE("rejections: they are kept for a while, and only so many") {
  rejections told;
  const auto first = command_id::make();
  told.remember(copy_of(first, true), why, at(0ms));
  CHECK(told.find(copy_of(first, true), at(rejections::kept_for - 1ms)) != nullptr);
  CHECK(told.find(copy_of(first, true), at(rejections::kept_for)) == nullptr);
  const auto second = command_id::make();
  told.remember(copy_of(second, true), why, at(1ms));
  for (std::size_t i = 0; i < rejections::kept_max; ++i)
    told.remember(copy_of(command_id::make(), false), why, at(2ms));
  CHECK(told.find(copy_of(second, true), at(3ms)) == nullptr);
  const auto full = told.footprint();
  told.remember(copy_of(command_id::make(), false), why, at(4ms));
  CHECK(told.footprint() == full);
  told.remember(copy_of(command_id::make(), false), why, at(rejections::kept_for + 4ms));
  CHECK(told.footprint() * rejections::kept_max == full);
}

}  // namespace aether
