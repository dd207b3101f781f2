#include "bus_match.hpp"

#include <algorithm>
#include <utility>

namespace aether {

namespace {

bool continues_character(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
}

std::size_t character_at(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at + 1;
  while (end < text.size() && continues_character(text[end])) ++end;
  return end;
}

std::unexpected<error> refuse(std::string why) {
  return fail(errc::invalid_argument, "cannot subscribe: " + std::move(why));
}

}  // namespace

// The last `*` takes one character more whenever what follows it does not fit: earlier ones need
// not be tried again.
bool matches_glob(std::string_view pattern, std::string_view text) noexcept {
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, star = none, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = character_at(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != none) {
      p = star + 1;
      t = resume = character_at(text, resume);
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

result<void> check(const event_filter& filter) {
  if (filter.all_namespaces && !filter.namespaces.empty())
    return refuse("all namespaces and some by name; give one of the two");
  if (filter.namespaces.size() > filter_namespaces_max)
    return refuse("more than " + std::to_string(filter_namespaces_max) + " namespaces");
  if (filter.id && !filter.id_pattern.empty())
    return refuse("an id and a pattern of ids; give one of the two");
  if (filter.id_pattern.size() > id_pattern_bytes_max)
    return refuse("the id pattern has " + std::to_string(filter.id_pattern.size()) +
                  " bytes, more than " + std::to_string(id_pattern_bytes_max));
  if (filter.event_types.size() > filter_event_types_max)
    return refuse("more than " + std::to_string(filter_event_types_max) + " event types");
  if (std::ranges::any_of(filter.event_types, &std::string::empty))
    return refuse("an event type without a name");
  return {};
}

result<void> check(const subscription_options& options, const event_handlers& handlers) {
  if (options.buffer_max == 0 || options.buffer_bytes_max == 0)
    return refuse("a buffer of nothing; buffer_max and buffer_bytes_max are above 0");
  if (options.catch_up_attempts == 0) return refuse("catch_up_attempts is 0; give at least 1");
  if (options.backoff_min.count() <= 0 || options.backoff_max < options.backoff_min)
    return refuse("backoff_min is above 0 and at most backoff_max");
  if (!handlers.event) return refuse("there is no handler for events");
  return {};
}

bus_match::bus_match(event_filter filter, const namespace_name& own) : filter_{std::move(filter)} {
  auto& named = filter_.namespaces;
  if (named.empty() && !filter_.all_namespaces) named.push_back(own);
  std::ranges::sort(named);
  named.erase(std::ranges::unique(named).begin(), named.end());
  std::ranges::sort(filter_.event_types);
  if (filter_.id && filter_.type && named == std::vector{own})
    one_ = actor_address{*filter_.type, *filter_.id};
}

bool bus_match::takes(const namespace_name& ns) const {
  return filter_.all_namespaces || std::ranges::binary_search(filter_.namespaces, ns);
}

bool bus_match::takes(const namespace_name& ns, const actor_address& address) const {
  if (!takes(ns) || (filter_.type && *filter_.type != address.type)) return false;
  if (filter_.id) return *filter_.id == address.id;
  return filter_.id_pattern.empty() || matches_glob(filter_.id_pattern, address.id.str());
}

bool bus_match::takes_type(std::string_view event_type) const {
  return any_type() || std::ranges::binary_search(filter_.event_types, event_type);
}

}  // namespace aether
