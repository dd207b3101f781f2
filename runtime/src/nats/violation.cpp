#include "violation.hpp"

namespace aether::nats {
namespace {

constexpr std::string_view publish_words = "Permissions Violation for Publish to \"";
constexpr std::string_view subscribe_words = "Permissions Violation for Subscription to \"";

}  // namespace

std::optional<violation> parse_violation(std::string_view text) {
  for (const auto what : {violation::action::publish, violation::action::subscribe}) {
    const auto words = what == violation::action::publish ? publish_words : subscribe_words;
    const auto at = text.find(words);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = text.substr(at + words.size());
    const auto end = rest.find('"');
    return violation{what, std::string{rest.substr(0, end)}, end == std::string_view::npos};
  }
  return std::nullopt;
}

error not_permitted(violation::action what, std::string_view subject) {
  const std::string permission = what == violation::action::publish ? "publish" : "subscribe";
  const std::string way = what == violation::action::publish ? "on \"" : "to \"";
  return {errc::not_permitted, "the NATS server lets this user not " + permission + " " + way +
                                   std::string{subject} + "\": the " + permission +
                                   " permission for it is missing; grant it, or connect as "
                                   "another user"};
}

}  // namespace aether::nats
