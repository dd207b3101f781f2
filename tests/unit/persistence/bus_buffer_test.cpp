#include "persistence/src/core/gap_buffer.hpp"
#include "support/commits.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace {

using namespace aether;

struct thing {
  event_place at;
  std::size_t size;
  [[nodiscard]] const event_place& place() const noexcept { return at; }
  [[nodiscard]] std::size_t bytes() const noexcept { return size; }
};
using buffer = gap_buffer<const thing>;

std::shared_ptr<const bus_stream> stream(const std::string& name) {
  return std::make_shared<const bus_stream>(namespace_name::parse("n").value(), name, 0U);
}

std::shared_ptr<const thing> item(const std::shared_ptr<const bus_stream>& of,
                                  std::uint64_t sequence, std::size_t bytes = 1) {
  return std::make_shared<const thing>(
      thing{{of, testing::address("t", "a"), shard_id{0}, stream_sequence{sequence}}, bytes});
}

/// `a1 a2 a[3-5] b1`
std::string drained(buffer& from) {
  std::string text;
  while (!from.empty()) {
    const auto next = from.take();
    if (!text.empty()) text += ' ';
    if (const auto* gap = std::get_if<event_gap>(&next))
      text += gap->stream->name + '[' + std::to_string(gap->first.value()) + '-' +
              std::to_string(gap->last.value()) + ']';
    else
      text += std::get<0>(next)->at.stream->name +
              std::to_string(std::get<0>(next)->at.sequence.value());
  }
  return text;
}

}  // namespace

TEST_CASE("bus buffer: what does not fit is one gap of each stream, in its place") {
  const auto a = stream("a"), b = stream("b");
  buffer with{2, 100};
  CHECK(with.put(item(a, 1)));
  CHECK(with.put(item(b, 1)));
  CHECK_FALSE(with.put(item(a, 2)));
  CHECK_FALSE(with.put(item(b, 2)));
  CHECK_FALSE(with.put(item(a, 3)));
  CHECK(with.items() == 2);
  (void)with.take();
  CHECK(with.put(item(a, 4)));
  CHECK(drained(with) == "b1 a[2-3] b[2-2] a4");
}

TEST_CASE("bus buffer: once full it takes nothing before half of it is free") {
  const auto a = stream("a");
  buffer with{4, 100};
  for (std::uint64_t each = 1; each <= 5; ++each) (void)with.put(item(a, each));
  (void)with.take();
  CHECK_FALSE(with.put(item(a, 6)));
  (void)with.take();
  CHECK(with.put(item(a, 7)));
  CHECK(drained(with) == "a3 a4 a[5-6] a7");
}

TEST_CASE("bus buffer: bytes are bounded too, and a commit larger than it gets into an empty one") {
  const auto a = stream("a");
  buffer with{100, 10};
  CHECK(with.put(item(a, 1, 6)));
  CHECK_FALSE(with.put(item(a, 2, 6)));
  CHECK(drained(with) == "a1 a[2-2]");
  CHECK(with.put(item(a, 3, 60)));
  CHECK_FALSE(with.put(item(a, 4, 1)));
  CHECK(drained(with) == "a3 a[4-4]");
}

TEST_CASE("bus buffer: a lost range joins the gap before it, another stream does not") {
  const auto a = stream("a");
  buffer with{1, 10};
  (void)with.put(item(a, 1));
  (void)with.put(item(a, 2));
  with.put(event_gap{a, stream_sequence{3}, stream_sequence{6}, gap_reason::lost});
  with.put(event_gap{a, stream_sequence{1}, stream_sequence{4}, gap_reason::another_stream});
  CHECK(drained(with) == "a1 a[2-6] a[1-4]");
}

TEST_CASE("bus buffer: each commit comes out or is in a gap, in order, and entries are bounded") {
  auto random = testing::seeded_random();
  const std::vector streams{stream("a"), stream("b"), stream("c")};
  buffer with{8, 1'000};
  std::map<std::string, std::uint64_t> next, seen;
  std::size_t most = 0;
  const auto take = [&] {
    const auto got = with.take();
    const auto* gap = std::get_if<event_gap>(&got);
    const std::string of = gap ? gap->stream->name : std::get<0>(got)->at.stream->name;
    const auto first = gap ? gap->first.value() : std::get<0>(got)->at.sequence.value();
    CHECK(first == seen[of] + 1);
    seen[of] = gap ? gap->last.value() : first;
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto& of = streams[testing::random_between(random, 0, 2)];
    if (testing::random_between(random, 0, 2) > 0)
      (void)with.put(item(of, ++next[of->name]));
    else if (!with.empty())
      take();
    most = std::max(most, with.entries());
  }
  while (!with.empty()) take();
  CHECK(seen == next);
  CHECK(most <= 8 + 3 * 3);
}
