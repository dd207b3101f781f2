#include "trace.hpp"

#include <cstdio>
#include <string_view>

namespace aether::sim {

namespace {

std::string_view format_of(happening what) {
  switch (what) {
#define AETHER_SIM_FORMAT(name, text) \
  case happening::name:               \
    return text;
    AETHER_SIM_HAPPENINGS(AETHER_SIM_FORMAT)
#undef AETHER_SIM_FORMAT
  }
  return "?";
}

}  // namespace

std::string trace::text_of(const line& from) {
  char when[32];
  std::snprintf(when, sizeof when, "%12.6f  ", std::chrono::duration<double>(from.at).count());
  std::string made{when};
  const auto format = format_of(from.what);
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      made += format[i];
      continue;
    }
    switch (format[++i]) {
      case 'w':
        made += from.who == nobody ? std::string{"somebody"} : "p" + std::to_string(from.who);
        break;
      case 'a':
        made += std::to_string(from.a);
        break;
      case 'b':
        made += std::to_string(from.b);
        break;
      case 'c':
        made += std::to_string(from.c);
        break;
      default:
        made += format[i];
    }
  }
  return made;
}

std::vector<std::string> trace::lines() const {
  std::vector<std::string> made;
  made.reserve(lines_.size());
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const std::size_t at = count_ > lines_max_ ? (count_ + i) % lines_max_ : i;
    made.push_back(text_of(lines_[at]));
  }
  return made;
}

}  // namespace aether::sim
