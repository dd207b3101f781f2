// The corpus as a plain test: every file, every beginning of it, and thousands of copies with one
// byte changed go through the function that libFuzzer drives.

#include "fuzz.hpp"
#include "support/golden.hpp"
#include "support/random.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

using namespace aether;

using fuzz_function = int (*)(const std::uint8_t* data, std::size_t size);

constexpr int mutations_per_file = 2'000;

/// Whether `input` went through; else says what went wrong with which bytes.
bool passes(fuzz_function function, const std::string& input) {
  // A copy of just that size: address sanitizers then see a read beyond its end.
  const std::vector<std::uint8_t> exact{input.begin(), input.end()};
  try {
    function(exact.data(), exact.size());
    return true;
  } catch (const std::exception& broken) {
    FAIL_CHECK(std::string{broken.what()} << "; the bytes:\n"
                                          << testing::hex_lines(std::as_bytes(std::span{exact})));
    return false;
  }
}

void replay(fuzz_function function, const std::filesystem::path& path) {
  CAPTURE(path.string());
  std::ifstream file{path, std::ios::binary};
  const std::string whole{std::istreambuf_iterator<char>{file}, {}};
  for (std::size_t size = 0; size <= whole.size(); ++size)
    if (!passes(function, whole.substr(0, size))) return;
  if (whole.empty()) return;
  auto random = testing::seeded_random();
  for (int i = 0; i < mutations_per_file; ++i) {
    std::string changed = whole;
    const auto at = testing::random_between(random, 0, whole.size() - 1);
    changed[at] = static_cast<char>(testing::random_between(random, 0, 255));
    if (!passes(function, changed)) return;
  }
}

void replay_corpus(fuzz_function function, const char* name) {
  const auto folder = std::filesystem::path{AETHER_FUZZ_CORPUS_FOLDER} / name;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    replay(function, entry.path());
    ++files;
  }
  CHECK(files > 0);
}

}  // namespace

// CMakeLists.txt compiles each <name>_fuzz.cpp with its function renamed to this.
#define AETHER_FUZZ_CORPUS(name)                                                    \
  extern "C" int aether_fuzz_##name(const std::uint8_t* data, std::size_t size);    \
  TEST_CASE("the corpus of " #name " goes through, whole, cut short and damaged") { \
    replay_corpus(&aether_fuzz_##name, #name);                                      \
  }

AETHER_FUZZ_CORPUS(base64)
AETHER_FUZZ_CORPUS(command)
AETHER_FUZZ_CORPUS(command_window)
AETHER_FUZZ_CORPUS(commit)
AETHER_FUZZ_CORPUS(coordination)
AETHER_FUZZ_CORPUS(hand_over)
AETHER_FUZZ_CORPUS(heartbeat)
AETHER_FUZZ_CORPUS(hosted_types)
AETHER_FUZZ_CORPUS(jetstream_answers)
AETHER_FUZZ_CORPUS(msgpack)
AETHER_FUZZ_CORPUS(snapshot)
