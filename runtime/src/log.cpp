#include <aether/runtime/log.hpp>
#include "utf8.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

namespace aether::log {
namespace {

constexpr std::array level_names{"trace", "debug", "info", "warn", "error", "off"};
constexpr std::array format_names{"text", "json"};
constexpr char hex_digits[] = "0123456789abcdef";

template <class Enum, std::size_t N>
std::optional<Enum> named(const std::array<const char*, N>& names, std::string_view text) noexcept {
  for (std::size_t i = 0; i < N; ++i)
    if (text == names[i]) return static_cast<Enum>(i);
  return std::nullopt;
}

/// A character that no terminal or log reader takes for more than a character: not ASCII control,
/// not C1 control (U+0080-9F, among them "next line" and an escape), not U+2028 and U+2029.
bool harmless(std::string_view character) noexcept {
  if (character.size() == 1) return character[0] >= ' ' && character[0] != '\x7f';
  if (character.size() == 2) return character[0] != '\xC2' || character[1] >= '\xA0';
  return character != "\xE2\x80\xA8" && character != "\xE2\x80\xA9";
}

void append_hex(std::string& out, std::string_view prefix, unsigned char byte) {
  out.append(prefix);
  out += hex_digits[byte >> 4];
  out += hex_digits[byte & 0xF];
}

bool append_short_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return true;
    case '\\':
      out += "\\\\";
      return true;
    case '\n':
      out += "\\n";
      return true;
    case '\r':
      out += "\\r";
      return true;
    case '\t':
      out += "\\t";
      return true;
    default:
      return false;
  }
}

/// What is not harmless, byte by byte in text; in JSON as code points, which it alone allows.
void append_escape(std::string& out, std::string_view character, bool valid, format as) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (as == format::text) {
    for (std::size_t i = 0; i < character.size(); ++i) append_hex(out, "\\x", byte(i));
  } else if (!valid) {
    out += "\\ufffd";
  } else if (character.size() <= 2) {
    append_hex(out, "\\u00", byte(character.size() - 1));
  } else {
    append_hex(out, "\\u20", byte(2) & 0x3FU);  // U+2028 and U+2029
  }
}

void append_quoted(std::string& out, std::string_view text, format as) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = aether::detail::utf8_front(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(character.size());
    if (append_short_escape(out, character[0])) continue;
    if (length != 0 && harmless(character))
      out.append(character);
    else
      append_escape(out, character, length != 0, as);
  }
  out += '"';
}

bool is_plain(std::string_view text) noexcept {
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=') return false;
  return !text.empty();
}

void append_text(std::string& out, std::string_view text, format as) {
  if (as == format::text && is_plain(text))
    out.append(text);
  else
    append_quoted(out, text, as);
}

void append_number(std::string& out, auto number) {
  char digits[32];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

struct value_writer {
  std::string& out;
  format as;
  void operator()(std::string_view text) const { append_text(out, text, as); }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
  void operator()(double number) const {
    // JSON has no word for these.
    if (as == format::json && !std::isfinite(number)) return append_text(out, spelled(number), as);
    append_number(out, number);
  }
  void operator()(auto number) const { append_number(out, number); }
  static std::string_view spelled(double number) noexcept {
    if (std::isnan(number)) return "nan";
    return number > 0 ? "inf" : "-inf";
  }
};

void append_pair(std::string& out, std::string_view key, const value& what, format as) {
  out += as == format::text ? ' ' : ',';
  append_text(out, key, as);
  out += as == format::text ? '=' : ':';
  std::visit(value_writer{out, as}, what.held());
}

/// The line after its time, which spdlog puts in front.
std::string render(format as, level at, std::string_view component, std::string_view event,
                   fields with) {
  std::string out;
  if (as == format::text) {
    out.append(to_string(at)).append(1, ' ');
    append_text(out, component, as);
    out += ' ';
    append_text(out, event, as);
  } else {
    out.append("\"level\":\"").append(to_string(at)).append(1, '"');
    append_pair(out, "component", component, as);
    append_pair(out, "event", event, as);
  }
  for (const auto& [key, what] : with) append_pair(out, key, what, as);
  return out;
}

using sink_function = std::function<void(std::string_view)>;

class function_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit function_sink(sink_function to) : to_{std::move(to)} {}

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    spdlog::memory_buf_t out;
    formatter_->format(line, out);
    to_({out.data(), out.size()});
  }
  void flush_() override {}
  sink_function to_;
};

/// One call at a time, also while lines under way still go through the logger of before.
sink_function alone(sink_function to) {
  struct guarded {
    std::mutex mutex;
    sink_function to;
  };
  auto held = std::make_shared<guarded>();
  held->to = std::move(to);
  return [held](std::string_view line) {
    const std::lock_guard lock{held->mutex};
    held->to(line);
  };
}

std::shared_ptr<spdlog::logger> make_logger(format as, const sink_function& to) {
  constexpr auto utc = spdlog::pattern_time_type::utc;
  const char* pattern =
      as == format::text ? "%Y-%m-%dT%H:%M:%S.%eZ %v" : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";
  const char* end_of_line = to ? "" : spdlog::details::os::default_eol;
  spdlog::sink_ptr sink;
  if (to)
    sink = std::make_shared<function_sink>(to);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("aether", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, utc, end_of_line));
  logger->set_level(spdlog::level::trace);  // the threshold is ours
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

struct target {
  log::format format = log::format::text;
  std::shared_ptr<spdlog::logger> logger;
};

/// Where lines go. Replaced as a whole, so a line that is under way keeps what it began with.
class switchboard {
 public:
  target current() {
    const std::lock_guard lock{mutex_};
    if (!target_.logger) target_.logger = make_logger(target_.format, sink_);
    return target_;
  }
  void set_format(format as) {
    const std::lock_guard lock{mutex_};
    target_ = {as, make_logger(as, sink_)};
  }
  void set_sink(sink_function to) {
    const std::lock_guard lock{mutex_};
    sink_ = to ? alone(std::move(to)) : sink_function{};
    target_.logger = make_logger(target_.format, sink_);
  }

 private:
  std::mutex mutex_;
  target target_;
  sink_function sink_;
};

/// Never destroyed: threads may log while the process ends.
switchboard& board() {
  static auto& it = *new switchboard;
  return it;
}

}  // namespace

std::string_view to_string(level value) noexcept {
  return level_names[static_cast<std::size_t>(value)];
}
std::string_view to_string(format value) noexcept {
  return format_names[static_cast<std::size_t>(value)];
}
std::optional<level> parse_level(std::string_view text) noexcept {
  return named<level>(level_names, text);
}
std::optional<format> parse_format(std::string_view text) noexcept {
  return named<format>(format_names, text);
}

void configure(const settings& wanted) {
  board().set_format(wanted.format);
  detail::threshold.store(wanted.level, std::memory_order_relaxed);
}

void set_sink(std::function<void(std::string_view line)> sink) {
  board().set_sink(std::move(sink));
}

void write(level at, std::string_view component, std::string_view event, fields with) noexcept {
  if (!enabled(at)) return;
  try {
    const auto [as, logger] = board().current();
    const std::string line = render(as, at, component, event, with);
    logger->log(spdlog::level::critical, spdlog::string_view_t{line.data(), line.size()});
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is no better place to report it
  }
}

}  // namespace aether::log
