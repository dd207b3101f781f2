#include <aether/runtime/base64.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>

using aether::as_text;
using aether::decode_base64;
using aether::encode_base64;

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
    CHECK(encode_base64(*decoded) == text);
  }
  for (const char* bad : {"Z", "Zg=", "Zg", "Z===", "Zm9*", "=Zg=", "Zh==", "Zm9="}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_base64(bad).has_value());
  }
}

TEST_CASE("base64: every byte comes back, wherever in a group it stands") {
  for (std::size_t before = 0; before < 3; ++before)
    for (int value = 0; value < 256; ++value) {
      aether::bytes data(before, std::byte{0});
      data.push_back(static_cast<std::byte>(value));
      CHECK(decode_base64(encode_base64(data)) == data);
    }
  const aether::bytes high(3, std::byte{0xFF});
  CHECK(encode_base64(high) == "////");
}
