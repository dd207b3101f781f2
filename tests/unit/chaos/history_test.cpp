#include "chaos/history.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace aether::chaos;

TEST_CASE("chaos history: a line has exactly the eight fields") {
  const operation what{"3",         operation_kind::append, "list-1", 7, 10, 20,
                       outcome::ok, numbers{5, 7}};
  CHECK(to_line(what) ==
        R"({"client":"3","op":"append","key":"list-1","value":7,"invoke_us":10,"complete_us":20,)"
        R"("outcome":"ok","result":[5,7]})");
  const operation other{"3", operation_kind::read, "\"", {}, 10, {}, outcome::unknown, {}};
  CHECK(to_line(other) ==
        R"({"client":"3","op":"read","key":"\"","value":null,"invoke_us":10,"complete_us":null,)"
        R"("outcome":"unknown","result":null})");
}

TEST_CASE("chaos history: what is written is read as it was") {
  const std::vector<operation> all{
      {"3", operation_kind::append, "k", -7, 10, 20, outcome::ok, numbers{5, -7}},
      {"3", operation_kind::append, "k", INT64_MAX, 0, 0, outcome::fail, {}},
      {"final", operation_kind::read, "\"\\\u00e9", {}, -10, 20, outcome::ok, numbers{}},
      {"3", operation_kind::read, "", {}, 10, {}, outcome::unknown, {}},
  };
  for (const operation& one : all) {
    const auto again = from_line(to_line(one));
    REQUIRE_MESSAGE(again, again.error().field << " " << again.error().why);
    CHECK(*again == one);
  }
}

TEST_CASE("chaos history: others may write it with other names and without what is null") {
  const auto read = from_line(
      R"({"result":[1], "client":12, "op":"read", "key":7, "invoke_us":1, "complete_us":2,
          "outcome":"ok"})");
  REQUIRE_MESSAGE(read, read.error().why);
  CHECK(read->client == "12");
  CHECK(read->key == "7");
}

TEST_CASE("chaos history: a line that is none is refused with the field that is wrong") {
  const auto line = [](const std::string& op, const std::string& value, const std::string& times,
                       const std::string& end) {
    return R"({"client":1,"op":)" + op + R"(,"key":"k","value":)" + value + "," + times + "," +
           end + "}";
  };
  const std::string times = R"("invoke_us":1,"complete_us":2)";
  const std::string fine = R"("outcome":"ok","result":[1])";
  struct row {
    std::string text, field;
  };
  const std::vector<row> rows{
      {"", ""},
      {"[]", ""},
      {R"({"client":1,)", ""},
      {"{}", "client"},
      {R"({"client":1.5})", "client"},
      {line("7", "1", times, fine), "op"},
      {line("\"write\"", "1", times, fine), "op"},
      {line("\"append\"", "null", times, fine), "value"},
      {line("\"append\"", "\"1\"", times, fine), "value"},
      {line("\"append\"", "1.0", times, fine), "value"},
      {line("\"append\"", "9223372036854775808", times, fine), "value"},
      {line("\"read\"", "1", times, fine), "value"},
      {line("\"read\"", "null", R"("complete_us":2)", fine), "invoke_us"},
      {line("\"read\"", "null", R"("invoke_us":1)", fine), "complete_us"},
      {line("\"read\"", "null", R"("invoke_us":3,"complete_us":2)", fine), "complete_us"},
      {line("\"read\"", "null", times, R"("outcome":"OK","result":[1])"), "outcome"},
      {line("\"read\"", "null", times, R"("outcome":"fail","result":[1])"), "result"},
      {line("\"read\"", "null", times, R"("outcome":"ok","result":null)"), "result"},
      {line("\"read\"", "null", times, R"("outcome":"ok","result":["1"])"), "result"},
      {line("\"read\"", "null", times, fine + R"(,"extra":1)"), "extra"},
  };
  for (const row& one : rows) {
    CAPTURE(one.text);
    const auto found = from_line(one.text);
    REQUIRE_FALSE(found);
    CHECK(found.error().field == one.field);
  }
}
