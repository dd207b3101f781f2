#include <aether/actors/command_context.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aether;

namespace {

/// The lines that are logged while it lives.
struct logged {
  std::vector<std::string> lines;
  explicit logged(log::level least) {
    log::configure({least, log::format::text});
    log::set_sink([this](std::string_view line) { lines.emplace_back(line); });
  }
  ~logged() {
    log::set_sink({});
    log::configure({});
  }
  logged(const logged&) = delete;
  logged& operator=(const logged&) = delete;
};

}  // namespace

TEST_CASE("command context: a line that a handler logs names the actor and the command") {
  const actor_address self{*actor_type::parse("account"), *actor_id::parse("alice")};
  const auto id = command_id::make();
  const command_context context{
      self, {.version = {}, .command = id, .correlation = {}, .sender = {}, .now = {}}};
  const logged out{log::level::info};
  context.log(log::level::info, "looked_twice", "strange amount");
  context.log(log::level::debug, "not_wanted");
  REQUIRE(out.lines.size() == 1);
  CHECK(out.lines[0].ends_with("info actor looked_twice actor=account/alice command=" + id.hex() +
                               " detail=\"strange amount\""));
}
