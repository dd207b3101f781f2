#include <aether/runtime/log.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace aether;

namespace {

/// Collects lines instead of stderr for as long as it lives.
class captured {
 public:
  explicit captured(log::settings wanted) {
    log::configure(wanted);
    log::set_sink([this](std::string_view line) { lines.emplace_back(line); });
  }
  ~captured() {
    log::set_sink({});
    log::configure({});
  }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;

  /// The last line behind its time.
  [[nodiscard]] std::string last() const { return lines.back().substr(25); }
  std::vector<std::string> lines;
};

constexpr log::settings text_lines{log::level::trace, log::format::text};
constexpr log::settings json_lines{log::level::trace, log::format::json};

}  // namespace

TEST_CASE("a text line has time, level, component, event and fields in this order") {
  const captured out{text_lines};
  const std::string name = "n1";
  log::info("cluster", "leader_elected",
            {{"term", 5}, {"node", name}, {"up", true}, {"load", 0.5}, {"seq", ~0ULL}, {"n", -1}});
  REQUIRE(out.lines.size() == 1);
  CHECK(
      out.last() ==
      "info cluster leader_elected term=5 node=n1 up=true load=0.5 seq=18446744073709551615 n=-1");
  const std::string time = out.lines[0].substr(0, 25);
  CHECK(time[10] == 'T');
  CHECK(time[19] == '.');
  CHECK(time.ends_with("Z "));
}

TEST_CASE("a text value that could be taken for more than a value is quoted and escaped") {
  const captured out{text_lines};
  struct row {
    std::string_view value;
    const char* shown;
  };
  for (const auto& [value, shown] :
       std::initializer_list<row>{{"plain-1.2/x", "plain-1.2/x"},
                                  {"", "\"\""},
                                  {"a b", "\"a b\""},
                                  {"a=b", "\"a=b\""},
                                  {"say \"hi\"", "\"say \\\"hi\\\"\""},
                                  {"a\\b", "\"a\\\\b\""},
                                  {"x\ninfo fake event", "\"x\\ninfo fake event\""},
                                  {"\r\t", "\"\\r\\t\""},
                                  {"\x1b[31m", "\"\\x1b[31m\""},
                                  {"\xC2\x9B", "\"\\xc2\\x9b\""},
                                  {"\xE2\x80\xA8", "\"\\xe2\\x80\\xa8\""},
                                  {"\xFF", "\"\\xff\""},
                                  {"\xC3\xA4", "\"\xC3\xA4\""}}) {
    log::info("c", "e", {{"k", value}});
    CHECK(out.last() == std::string{"info c e k="} + shown);
  }
  log::info("c\n", "e f", {{"k=\n", 1}});
  CHECK(out.last() == R"(info "c\n" "e f" "k=\n"=1)");
}

TEST_CASE("a JSON line is one valid object whatever the values hold") {
  const captured out{json_lines};
  using namespace std::string_literals;
  const std::string awkward = "q\" \\ \n \x01 \x7f \xFF \xC2\x85 \xE2\x80\xA9 \xC3\xA4 \0 end"s;
  log::warn("store", "append_failed",
            {{"text", awkward}, {"nan", NAN}, {"inf", -INFINITY}, {"real", 1e300}, {"n", -3}});
  REQUIRE(out.lines.size() == 1);
  CHECK(out.lines[0].find('\n') == std::string::npos);
  const auto line = nlohmann::json::parse(out.lines[0]);
  CHECK(line["level"] == "warn");
  CHECK(line["component"] == "store");
  CHECK(line["event"] == "append_failed");
  CHECK(line["n"] == -3);
  CHECK(line["real"] == 1e300);
  CHECK(line["nan"] == "nan");
  CHECK(line["inf"] == "-inf");
  std::string expected = awkward;
  expected.replace(expected.find('\xFF'), 1, "\xEF\xBF\xBD");
  CHECK(line["text"] == expected);
  CHECK(line["time"].get<std::string>().ends_with("Z"));
}

TEST_CASE("only lines at or above the level are written") {
  using log::level;
  for (const level threshold :
       {level::trace, level::debug, level::info, level::warn, level::error, level::off}) {
    const captured out{{threshold, log::format::text}};
    log::trace("c", "e");
    log::debug("c", "e");
    log::info("c", "e");
    log::warn("c", "e");
    log::error("c", "e");
    log::write(level::off, "c", "e", {});
    CHECK(out.lines.size() == 5 - static_cast<std::size_t>(threshold));
    CHECK(log::enabled(level::error) == (threshold != level::off));
    CHECK(!log::enabled(level::off));
  }
}

TEST_CASE("levels and formats read back from their names and from nothing else") {
  for (const char* name : {"trace", "debug", "info", "warn", "error", "off"})
    CHECK(log::to_string(log::parse_level(name).value()) == name);
  for (const char* name : {"text", "json"})
    CHECK(log::to_string(log::parse_format(name).value()) == name);
  CHECK(!log::parse_level("INFO"));
  CHECK(!log::parse_level(""));
  CHECK(!log::parse_format("xml"));
}

TEST_CASE("lines of many threads are whole, and format and sink may change meanwhile") {
  const captured out{text_lines};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 200; ++i) log::info("c", "e", {{"thread", t}, {"i", i}});
      });
    for (int i = 0; i < 20; ++i) log::configure({log::level::info, log::format::text});
  }
  CHECK(out.lines.size() == 800);
  for (const auto& line : out.lines) CHECK(line.substr(25).starts_with("info c e thread="));
}

TEST_CASE("a sink that throws harms nobody") {
  log::set_sink([](std::string_view) { throw std::runtime_error{"full"}; });
  log::error("c", "e");
  log::set_sink({});
}
