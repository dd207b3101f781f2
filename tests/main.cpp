// The main function of every test executable: doctest, and a seed that can be replayed.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

// Tests take their randomness from the environment variable AETHER_SEED, which is always set here.
int main(int argc, char** argv) {
  if (std::getenv("AETHER_SEED") == nullptr) {
    ::setenv("AETHER_SEED", std::to_string(std::random_device{}()).c_str(), 1);
  }
  doctest::Context context{argc, argv};
  // On stderr: whoever asks for the list of test cases reads stdout.
  std::fprintf(stderr, "AETHER_SEED=%s\n", std::getenv("AETHER_SEED"));
  return context.run();
}
