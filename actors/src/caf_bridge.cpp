#include <aether/actors/caf.hpp>

#include <caf/mailbox_element.hpp>

namespace aether {

namespace {

constexpr auto category = caf::atom("aether");

}  // namespace

caf::error to_caf_error(const error& why) {
  return caf::error{static_cast<std::uint8_t>(why.code()), category, caf::make_message(why.text())};
}

std::optional<error> from_caf_error(const caf::error& why) {
  if (why.category() != category) return std::nullopt;
  const auto& context = why.context();
  std::string text;
  if (context.match_elements<std::string>()) text = context.get_as<std::string>(0);
  return error{static_cast<errc>(why.code()), std::move(text)};
}

namespace detail {

void caf_answer::operator()(caf::message with) const {
  to_->enqueue(from_, id_.response_id(), std::move(with), nullptr);
}

}  // namespace detail

}  // namespace aether
