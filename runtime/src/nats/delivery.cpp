#include <aether/runtime/nats_delivery.hpp>

#include <array>
#include <charconv>

namespace aether {

namespace {

std::optional<std::uint64_t> number_in(std::string_view token) noexcept {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (failed != std::errc{} || end != token.data() + token.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<nats_delivery> nats_delivery::parse(std::string_view reply_subject) noexcept {
  // $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<number>.<time>.<pending>, and from some servers
  // with <domain>.<account> before the stream and perhaps one token more at the end.
  constexpr std::size_t plain = 9, with_account = 11, tokens_max = 12;
  std::array<std::string_view, tokens_max + 1> tokens;
  std::size_t count = 0;
  for (std::string_view rest = reply_subject; count < tokens.size(); ++count) {
    const auto dot = rest.find('.');
    tokens[count] = rest.substr(0, dot);
    if (dot == rest.npos) {
      ++count;
      break;
    }
    rest = rest.substr(dot + 1);
  }
  if (count != plain && count != with_account && count != tokens_max) return std::nullopt;
  if (tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
  const std::size_t stream = count == plain ? 2 : 4;
  const auto times = number_in(tokens[stream + 2]), sequence = number_in(tokens[stream + 3]),
             number = number_in(tokens[stream + 4]), pending = number_in(tokens[stream + 6]);
  if (!times || !sequence || !number || !pending) return std::nullopt;
  if (*times == 0 || *sequence == 0 || *number == 0) return std::nullopt;
  return nats_delivery{stream_sequence{*sequence}, *number, *times, *pending};
}

}  // namespace aether
