#include <aether/runtime/footprint.hpp>
#include <aether/runtime/ids.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>

using namespace aether;

namespace {

struct flat {
  std::int64_t number = 0;
  std::chrono::milliseconds time{};
  std::array<std::int32_t, 4> four{};
  std::optional<double> maybe;
  command_id id;
  AETHER_MESSAGE("test.flat", number, time, four, maybe, id)
};

template <class T>
struct holder {
  T value{};
  AETHER_MESSAGE("test.holder", value)
};

/// What `value` owns besides itself.
template <class T>
std::size_t owned(const T& value) {
  return footprint(holder<T>{value}) - sizeof(holder<T>);
}

const std::string large(100, 'x');
constexpr std::size_t large_bytes = 101;

}  // namespace

TEST_CASE("footprint: a message that owns nothing counts with its size") {
  CHECK(footprint(flat{}) == sizeof(flat));
  CHECK(footprint(holder<flat>{}) == sizeof(holder<flat>));
  CHECK(owned(std::optional<flat>{flat{}}) == 0);
  CHECK(owned(std::array<flat, 3>{}) == 0);
}

TEST_CASE("footprint: what a field owns counts, however deep it lies") {
  CHECK(owned(std::string{"short"}) == 0);
  CHECK(owned(large) == large_bytes);
  CHECK(owned(bytes(70)) == 70);
  CHECK(owned(std::vector<flat>(5)) == 5 * sizeof(flat));
  CHECK(owned(std::vector<std::string>{large, large}) == 2 * (sizeof(std::string) + large_bytes));
  CHECK(owned(std::array<std::string, 2>{large, "short"}) == large_bytes);
  CHECK(owned(std::optional<std::string>{}) == 0);
  CHECK(owned(std::optional<std::string>{large}) == large_bytes);
  CHECK(owned(holder<std::string>{large}) == large_bytes);
  CHECK(owned(std::optional<holder<bytes>>{{bytes(70)}}) == 70);
  CHECK(owned(std::vector<holder<std::string>>{{large}}) ==
        sizeof(holder<std::string>) + large_bytes);
}

TEST_CASE("footprint: a map counts its nodes, keys and values") {
  const std::map<std::string, std::string> one{{"key", large}};
  const std::map<std::string, std::string> two{{"key", large}, {large, "short"}};
  constexpr std::size_t strings = 2 * sizeof(std::string);
  CHECK(owned(one) > strings + large_bytes);
  CHECK(owned(two) == 2 * owned(one));
}

TEST_CASE("footprint: a container counts what it has room for") {
  holder<bytes> roomy;
  roomy.value.reserve(1'000);
  CHECK(footprint(roomy) >= sizeof roomy + 1'000);
}
