#include "examples/flights/flight_csv.hpp"

#include "examples/flights/flight_log.hpp"
#include "examples/flights/temp_directory.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace flights;
using namespace std::string_literals;

namespace {

const std::string header = std::string{header_line} + "\n";
const std::string good = "2001-01-01T00:47,66,1750,DTW,LAS";

flight made(const char* origin, const char* destination, std::int32_t delay, std::int32_t miles) {
  return {*airport_code::parse(origin), *airport_code::parse(destination), delay, miles};
}

struct contents {
  std::vector<flight> accepted;
  std::vector<rejected_row> rejected;
};

contents read(const std::string& text) {
  std::istringstream in{text};
  flight_reader reader{in};
  REQUIRE(reader.read_header());
  contents out;
  while (auto row = reader.next()) {
    if (*row)
      out.accepted.push_back(**row);
    else
      out.rejected.push_back(row->error());
  }
  return out;
}

std::string header_problem(const std::string& text) {
  std::istringstream in{text};
  const auto done = flight_reader{in}.read_header();
  return done ? "" : done.error();
}

or_error<flight_log> load(const std::string& text) {
  const auto directory = temp_directory::make();
  REQUIRE(directory);
  const auto path = directory->path() / "input.csv";
  std::ofstream{path, std::ios::binary} << text;
  return load_flights(path);
}

}  // namespace

TEST_CASE("a good row becomes a flight") {
  struct row {
    const char* name;
    std::string text;
    flight expected;
  };
  const std::vector<row> rows{
      {"plain", good, made("DTW", "LAS", 66, 1750)},
      {"early", "2001-01-01T01:24,-5,407,LAS,OAK", made("LAS", "OAK", -5, 407)},
      {"quoted fields", R"("2001-01-01T00:47","66",1750,"DTW",LAS)", made("DTW", "LAS", 66, 1750)},
      {"space and seconds", "2001-12-31 23:59:59,0,0,DTW,LAS", made("DTW", "LAS", 0, 0)},
      {"leap day", "2004-02-29T00:00,0,0,DTW,LAS", made("DTW", "LAS", 0, 0)},
      {"four characters", "2001-01-01T00:47,0,0,KDTW,0B5", made("KDTW", "0B5", 0, 0)},
      {"the limits", "2001-01-01T00:47,-1440,30000,DTW,LAS", made("DTW", "LAS", -1440, 30000)},
      {"back to itself", "2001-01-01T00:47,10080,0,DTW,DTW", made("DTW", "DTW", 10080, 0)},
  };
  for (const row& one : rows) {
    CAPTURE(one.name);
    const auto parsed = parse_row(one.text);
    REQUIRE(parsed);
    CHECK(*parsed == one.expected);
  }
}

TEST_CASE("a bad row is rejected with its reason") {
  struct row {
    std::string text;
    std::string reason;
  };
  const std::vector<row> rows{
      {"", "an empty line"},
      {"x", "1 columns instead of 5"},
      {"2001-01-01T00:47,66,1750,DTW", "4 columns instead of 5"},
      {good + ",", "6 columns instead of 5"},
      {good + "\r", "the line ends with CRLF instead of LF"},
      {"2001-01-01T00:47,66,17\0"s + "50,DTW,LAS", "a NUL byte"},
      {"2001-01-01T00:47,66,1750,DTW,L\xFFS", "a byte that is not UTF-8"},
      {"2001-01-01T00:47,66,1750,DTW,\xC0\x80", "a byte that is not UTF-8"},
      {"2001-01-01T00:47,66,1750,DTW,\xED\xA0\x80", "a byte that is not UTF-8"},
      {"2001-01-01T00:47,66,1750,DTW,\xE2\x82", "a byte that is not UTF-8"},
      {"2001-01-01T00:47,66,1750,DTW,\xC3\x9C",
       "destination is not 3 or 4 of A-Z and 0-9: '\\xC3\\x9C'"},
      {"2001-01-01T00:47,66,1750,\"DTW,LAS", "wrong quoting: a quote is not closed on its line"},
      {"2001-01-01T00:47,66,1750,\"DTW\"x,LAS", "wrong quoting: text after a closing quote"},
      {"2001-01-01T00:47,66,1750,D\"TW,LAS",
       "wrong quoting: a quote inside a field that is not quoted"},
      {"2001-01-01T00:47,66,1750,\"D\"\"W\",LAS", "origin is not 3 or 4 of A-Z and 0-9: 'D\"W'"},
      {"2001-13-01T00:47,66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: '2001-13-01T00:47'"},
      {"2001-02-29T00:47,66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: '2001-02-29T00:47'"},
      {"2001-01-01T24:00,66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: '2001-01-01T24:00'"},
      {"2001-01-01T00:4,66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: '2001-01-01T00:4'"},
      {"2001-01-01T00:47Z,66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: '2001-01-01T00:47Z'"},
      {",66,1750,DTW,LAS", "date is not YYYY-MM-DDTHH:MM: ''"},
      {"2001-01-01T00:47,,1750,DTW,LAS", "delay is empty"},
      {"2001-01-01T00:47,late,1750,DTW,LAS", "delay is not a whole number: 'late'"},
      {"2001-01-01T00:47,6.5,1750,DTW,LAS", "delay is not a whole number: '6.5'"},
      {"2001-01-01T00:47,+6,1750,DTW,LAS", "delay is not a whole number: '+6'"},
      {"2001-01-01T00:47, 6,1750,DTW,LAS", "delay is not a whole number: ' 6'"},
      {"2001-01-01T00:47,10081,1750,DTW,LAS", "delay is outside -1440..10080: '10081'"},
      {"2001-01-01T00:47,66,99999999999,DTW,LAS", "distance is outside 0..30000: '99999999999'"},
      {"2001-01-01T00:47,66,-1,DTW,LAS", "distance is outside 0..30000: '-1'"},
      {"2001-01-01T00:47,66,,DTW,LAS", "distance is empty"},
      {"2001-01-01T00:47,66,1750,,LAS", "origin is empty"},
      {"2001-01-01T00:47,66,1750,DTW,", "destination is empty"},
      {"2001-01-01T00:47,66,1750,DETROIT,LAS", "origin is longer than 4 characters: 'DETROIT'"},
      {"2001-01-01T00:47,66,1750,DT,LAS", "origin is not 3 or 4 of A-Z and 0-9: 'DT'"},
      {"2001-01-01T00:47,66,1750,dtw,LAS", "origin is not 3 or 4 of A-Z and 0-9: 'dtw'"},
  };
  for (const row& one : rows) {
    CAPTURE(one.text);
    const auto parsed = parse_row(one.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error() == one.reason);
  }
}

TEST_CASE("rejected rows carry their line numbers and the rest is read") {
  const auto found =
      read(header + good + "\n" + "bad\n" + good + "\r\n" + good + "\n" + "\n" + good);
  CHECK(found.accepted.size() == 3);
  REQUIRE(found.rejected.size() == 3);
  CHECK(found.rejected[0].line == 3);
  CHECK(found.rejected[1].line == 4);
  CHECK(found.rejected[2].line == 6);
}

TEST_CASE("a quote that is left open costs its own line only") {
  const auto found = read(header + "2001-01-01T00:47,66,1750,\"DTW,LAS\n" + good + "\n");
  CHECK(found.accepted.size() == 1);
  CHECK(found.rejected.size() == 1);
}

TEST_CASE("an over-long line is rejected and skipped, whatever its length") {
  for (const std::size_t length : {line_bytes_max + 1, line_bytes_max * 2, line_bytes_max * 200}) {
    CAPTURE(length);
    const auto found = read(header + std::string(length, 'x') + "\n" + good + "\n");
    REQUIRE(found.rejected.size() == 1);
    CHECK(found.rejected[0].line == 2);
    CHECK(found.rejected[0].reason == "the line is longer than 1024 bytes");
    CHECK(found.accepted.size() == 1);
  }
  const auto at_the_end = read(header + good + "\n" + std::string(line_bytes_max * 3, 'x'));
  CHECK(at_the_end.rejected.size() == 1);
  const auto longest = read(header + std::string(line_bytes_max, 'x') + "\n" + good);
  REQUIRE(longest.rejected.size() == 1);
  CHECK(longest.rejected[0].reason == "1 columns instead of 5");
  CHECK(longest.accepted.size() == 1);
}

TEST_CASE("the last line may lack its line feed") {
  CHECK(read(header + good).accepted.size() == 1);
  CHECK(read(header + good + "\n").accepted.size() == 1);
  CHECK(read(header).accepted.empty());
}

TEST_CASE("the first line has to be the header") {
  CHECK(header_problem(header) == "");
  CHECK(header_problem(std::string{header_line}) == "");
  CHECK(header_problem("\xEF\xBB\xBF" + header) == "");
  CHECK(header_problem(std::string{header_line} + "\r\n") == "");
  CHECK(header_problem("") == "the file is empty");
  for (const std::string& wrong :
       {good + "\n", "date,delay\n"s, header_line.substr(1).data() + "\n"s, "\n"s,
        std::string(5'000, '\0')}) {
    CHECK(header_problem(wrong).starts_with("line 1 has to be the header"));
  }
}

TEST_CASE("any bytes end in flights or in printable reasons, one for each line") {
  auto random = aether::testing::seeded_random();
  for (int round = 0; round < 200; ++round) {
    std::string text = good + "\n" + good;
    for (int change = 0; change < 3; ++change)
      text[aether::testing::random_between(random, 0, text.size() - 1)] =
          aether::testing::random_bytes(random, 1).front();
    const auto found = read(header + text);
    const auto lines =
        static_cast<std::size_t>(std::ranges::count(text, '\n')) + (text.ends_with('\n') ? 0U : 1U);
    CHECK(found.accepted.size() + found.rejected.size() == lines);
    for (const rejected_row& row : found.rejected)
      CHECK(std::ranges::all_of(row.reason, [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("a file is read whole, and its first rejected rows are kept") {
  std::string text = header;
  for (int i = 0; i < 30; ++i) text += "bad\n" + good + "\n";
  const auto log = load(text);
  REQUIRE(log);
  CHECK(log->rows == 60);
  CHECK(log->rejected == 30);
  CHECK(log->flights.size() == 30);
  REQUIRE(log->first_rejected.size() == flight_log::kept_rejected_max);
  CHECK(log->first_rejected.front().line == 2);
}

TEST_CASE("a file that cannot be used is an error that says why") {
  const auto why = [](const or_error<flight_log>& log) { return log ? "" : log.error(); };
  CHECK(why(load("")).ends_with("the file is empty"));
  CHECK(why(load(header)).ends_with("there is no row after the header"));
  CHECK(why(load(good + "\n")).contains("line 1 has to be the header"));
  CHECK(why(load_flights("/nowhere/at/all.csv")).ends_with("No such file or directory"));
  CHECK(why(load_flights("/")).ends_with("it is a directory"));
}
