#include <aether/runtime/error.hpp>

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <utility>

using aether::errc;
using aether::error;

namespace {

// Pinned: these numbers and names are on the wire and in logs for ever.
constexpr std::array<std::pair<int, const char*>, 22> pinned{{
    {1, "invalid_argument"},  {2, "invalid_options"},     {3, "decode_failed"},
    {4, "unknown_message"},   {10, "unavailable"},        {11, "overloaded"},
    {12, "not_owner"},        {13, "timed_out"},          {14, "quarantined"},
    {15, "not_running"},      {16, "not_permitted"},      {20, "rejected"},
    {21, "handler_failed"},   {30, "version_conflict"},   {31, "outcome_unknown"},
    {32, "commit_too_large"}, {33, "store_failed"},       {34, "corrupt_history"},
    {35, "stream_regressed"}, {40, "unsupported_server"}, {41, "incompatible_cluster"},
    {42, "node_id_in_use"},
}};

}  // namespace

TEST_CASE("every error code keeps its number and its name") {
  for (const auto& [number, name] : pinned)
    CHECK(aether::to_string(static_cast<errc>(number)) == name);
}

TEST_CASE("a number that is no error code is called unknown") {
  std::set<int> known;
  for (const auto& [number, name] : pinned) known.insert(number);
  for (int number = 0; number < 100; ++number)
    if (!known.contains(number)) CHECK(aether::to_string(static_cast<errc>(number)) == "unknown");
}

TEST_CASE("an error reads as its code's name and its text") {
  CHECK(error{errc::overloaded, "1024 commands wait"}.message() ==
        "overloaded: 1024 commands wait");
}

TEST_CASE("only an error after which nothing can have happened is transient") {
  const std::set<errc> expected{errc::unavailable, errc::overloaded, errc::not_owner};
  for (const auto& [number, name] : pinned) {
    const auto code = static_cast<errc>(number);
    CHECK(error{code, {}}.transient() == expected.contains(code));
  }
}

TEST_CASE("fail makes a result that holds the error") {
  const aether::result<int> failed = aether::fail(errc::rejected, "no");
  REQUIRE(!failed.has_value());
  CHECK(failed.error() == error{errc::rejected, "no"});
}
