#include <aether/runtime/base64.hpp>

#include <doctest/doctest.h>

#include <utility>

using aether::as_text;
using aether::decode_base64;

TEST_CASE("base64: RFC 4648's vectors, and nothing else") {
  const std::pair<const char*, const char*> vectors[]{{"", ""},
                                                      {"Zg==", "f"},
                                                      {"Zm8=", "fo"},
                                                      {"Zm9v", "foo"},
                                                      {"Zm9vYg==", "foob"},
                                                      {"Zm9vYmE=", "fooba"},
                                                      {"Zm9vYmFy", "foobar"}};
  for (const auto& [text, plain] : vectors) {
    const auto decoded = decode_base64(text);
    REQUIRE(decoded.has_value());
    CHECK(as_text(*decoded) == plain);
  }
  for (const char* bad : {"Z", "Zg=", "Zg", "Z===", "Zm9*", "=Zg=", "Zh==", "Zm9="}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_base64(bad).has_value());
  }
}
