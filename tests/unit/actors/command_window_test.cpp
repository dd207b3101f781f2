#include "actors/src/core/command_window.hpp"

#include "support/golden.hpp"

#include <doctest/doctest.h>

#include <string>

using aether::bytes;
using aether::command_id;
using aether::command_window;
using aether::errc;

namespace {

/// An id made at `ms`, told apart from others of that time by `nth`.
command_id id_of(std::uint64_t ms, std::uint8_t nth = 0) {
  std::array<std::uint8_t, command_id::size> raw{};
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  raw[15] = nth;
  return command_id{raw};
}

bytes reply_of_size(std::size_t size) { return bytes(size, std::byte{7}); }

bytes text(std::string_view of) {
  const auto view = aether::as_bytes_view(of);
  return {view.begin(), view.end()};
}

}  // namespace

TEST_CASE("command window: a remembered command gives its own reply") {
  command_window window{4};
  window.remember(id_of(5, 1), text("one"));
  window.remember(id_of(5, 2), text("two"));
  REQUIRE(window.find(id_of(5, 1)) != nullptr);
  CHECK(*window.find(id_of(5, 1)) == text("one"));
  CHECK(*window.find(id_of(5, 2)) == text("two"));
  CHECK(window.find(id_of(5, 3)) == nullptr);
}

TEST_CASE("command window: ids that differ only in their time are different commands") {
  command_window window{4};
  window.remember(id_of(5), text("five"));
  CHECK(window.find(id_of(6)) == nullptr);
}

TEST_CASE("command window: it never holds more than its capacity, and forgets the oldest first") {
  command_window window{3};
  for (std::uint64_t ms = 1; ms <= 10; ++ms) {
    window.remember(id_of(ms), {});
    CHECK(window.size() == std::min<std::size_t>(ms, 3));
  }
  for (std::uint64_t ms = 1; ms <= 7; ++ms) CHECK(window.find(id_of(ms)) == nullptr);
  for (std::uint64_t ms = 8; ms <= 10; ++ms) CHECK(window.find(id_of(ms)) != nullptr);
}

TEST_CASE("command window: of what was forgotten, nothing is ever taken for new") {
  command_window window{2};
  // Makers' clocks disagree: the forgotten ones are not the ones made first.
  for (const std::uint64_t ms : {50, 10, 90, 20}) window.remember(id_of(ms), {});
  CHECK(window.possibly_forgotten(id_of(50)));
  CHECK(window.possibly_forgotten(id_of(10)));
  CHECK(window.possibly_forgotten(id_of(50, 9)));
  CHECK(!window.possibly_forgotten(id_of(51)));
  CHECK(!window.possibly_forgotten(id_of(90)));
  CHECK(!window.possibly_forgotten(id_of(20)));
}

TEST_CASE("command window: an id without a time is no exception") {
  command_window window{1};
  window.remember(id_of(0, 1), {});
  CHECK(!window.possibly_forgotten(id_of(0, 2)));
  window.remember(id_of(0, 2), {});
  CHECK(window.possibly_forgotten(id_of(0, 1)));
}

TEST_CASE("command window: nothing was forgotten while there is room") {
  command_window window{2};
  window.remember(id_of(7), {});
  window.remember(id_of(8), {});
  CHECK(!window.possibly_forgotten(id_of(1)));
}

TEST_CASE("command window: replies never hold more than their limit, but the newest stays") {
  constexpr std::size_t most = command_window::reply_bytes_max;
  command_window window{100};
  for (std::uint64_t ms = 1; ms <= 4; ++ms) window.remember(id_of(ms), reply_of_size(most / 2));
  CHECK(window.size() == 2);
  CHECK(window.possibly_forgotten(id_of(2)));
  CHECK(window.find(id_of(3)) != nullptr);

  window.remember(id_of(5), reply_of_size(most * 2));
  CHECK(window.size() == 1);
  CHECK(window.find(id_of(5)) != nullptr);

  for (std::uint64_t ms = 6; ms <= 200; ++ms) window.remember(id_of(ms), reply_of_size(10));
  CHECK(window.size() == 100);
  for (std::uint64_t ms = 101; ms <= 200; ++ms) CHECK(window.find(id_of(ms)) != nullptr);
}

TEST_CASE("command window: cleared, it knows nothing and has forgotten nothing") {
  command_window window{1};
  window.remember(id_of(1), {});
  window.remember(id_of(2), {});
  window.clear();
  CHECK(window.size() == 0);
  CHECK(window.find(id_of(2)) == nullptr);
  CHECK(!window.possibly_forgotten(id_of(1)));
  window.remember(id_of(3), text("three"));
  CHECK(*window.find(id_of(3)) == text("three"));
}

TEST_CASE("command window: decoded, it is what was encoded, order and forgetting included") {
  command_window window{3};
  for (std::uint64_t ms = 1; ms <= 5; ++ms) window.remember(id_of(ms), text(std::to_string(ms)));
  command_window copy{3};
  REQUIRE(copy.decode(window.encode()).has_value());
  CHECK(copy.size() == 3);
  CHECK(copy.possibly_forgotten(id_of(2)));
  CHECK(*copy.find(id_of(4)) == text("4"));
  copy.remember(id_of(6), {});  // pushes out the oldest, which is 3
  CHECK(copy.find(id_of(3)) == nullptr);
  CHECK(copy.find(id_of(4)) != nullptr);
  CHECK(copy.possibly_forgotten(id_of(3)));
}

TEST_CASE("command window: its bytes are those of docs/formats.md") {
  const auto filled = [](std::uint8_t with) {
    std::array<std::uint8_t, command_id::size> raw{};
    raw.fill(with);
    return command_id{raw};
  };
  const bytes golden = aether::testing::golden("window-v1.hex");
  command_window window{2};
  REQUIRE(window.decode(golden).has_value());
  CHECK(window.size() == 2);
  CHECK(window.find(filled(0x22))->size() == 10);
  CHECK(window.find(filled(0x33))->empty());
  CHECK(window.possibly_forgotten(id_of(1'795'451'445'678)));
  CHECK(!window.possibly_forgotten(id_of(1'795'451'445'679)));
  CHECK(window.encode() == golden);
}

TEST_CASE("command window: an empty one encodes to nothing, and nothing decodes to an empty one") {
  command_window window{3};
  CHECK(window.encode().empty());
  window.remember(id_of(1), {});
  REQUIRE(window.decode({}).has_value());
  CHECK(window.size() == 0);
}

TEST_CASE("command window: decoded into a smaller one, it keeps the newest and knows it forgot") {
  command_window window{8};
  for (std::uint64_t ms = 1; ms <= 8; ++ms) window.remember(id_of(ms), {});
  command_window small{2};
  REQUIRE(small.decode(window.encode()).has_value());
  CHECK(small.size() == 2);
  CHECK(small.find(id_of(7)) != nullptr);
  CHECK(small.find(id_of(8)) != nullptr);
  CHECK(small.possibly_forgotten(id_of(6)));
}

TEST_CASE("command window: bytes that are no window are refused and leave it empty") {
  command_window window{3};
  window.remember(id_of(1), {});
  auto refused = window.decode(text("no msgpack at all"));
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code() == errc::decode_failed);
  CHECK(window.size() == 0);
}

TEST_CASE("command window: no prefix of an encoded window is taken for a window") {
  command_window window{3};
  for (std::uint64_t ms = 1; ms <= 3; ++ms) window.remember(id_of(ms), text("reply"));
  const bytes whole = window.encode();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    command_window into{3};
    CHECK(!into.decode({whole.data(), size}).has_value());
    CHECK(into.size() == 0);
  }
}
