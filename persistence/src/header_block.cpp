#include "header_block.hpp"

#include <charconv>

namespace aether {

namespace {

void append_digits(std::string& out, std::uint64_t value, std::size_t width) {
  const std::size_t begin = out.size();
  out.append(width, '0');
  for (std::size_t i = begin + width; i > begin; value /= 10)
    out[--i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void header_block::add(std::string_view name, std::string_view value) {
  entries_.push_back({name, text_.size(), value.size()});
  text_.append(value);
}

void header_block::add(std::string_view name, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  add(name, std::string_view{digits, end});
}

void header_block::add(std::string_view name,
                       std::chrono::sys_time<std::chrono::milliseconds> value) {
  const auto day = std::chrono::floor<std::chrono::days>(value);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{value - day};
  const auto part = [this](auto number, std::size_t width, char after) {
    append_digits(text_, static_cast<std::uint64_t>(number), width);
    text_ += after;
  };
  const std::size_t begin = text_.size();
  part(int{date.year()}, 4, '-');
  part(unsigned{date.month()}, 2, '-');
  part(unsigned{date.day()}, 2, 'T');
  part(time.hours().count(), 2, ':');
  part(time.minutes().count(), 2, ':');
  part(time.seconds().count(), 2, '.');
  part(time.subseconds().count(), 3, 'Z');
  entries_.push_back({name, begin, text_.size() - begin});
}

header_block::view header_block::headers() const {
  view borrowed;
  borrowed.reserve(entries_.size());
  for (const auto& [name, begin, size] : entries_)
    borrowed.emplace_back(name, std::string_view{text_}.substr(begin, size));
  return borrowed;
}

}  // namespace aether
