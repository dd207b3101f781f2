#pragma once

// What the blocks of docs/testing.md take as given.

#include <aether/actors/testing.hpp>
#include "support/theatre.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace std::chrono_literals;
using namespace theatre;
using aether::testing::given;

const std::int64_t prices = 40'00;
const auto story = aether::command_id::make();
