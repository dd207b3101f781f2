#include <aether/aether.hpp>

#include <cstdio>

int main() { std::puts("built against the installed package"); }
