#pragma once

#include <aether/persistence/commit.hpp>
#include <aether/runtime/codec.hpp>
#include <aether/runtime/message.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace aether::testing {

struct counted {
  std::int64_t by = 0;
  std::string note;
  AETHER_MESSAGE("test.counted", by, note)
};

struct total {
  std::int64_t value = 0;
  AETHER_MESSAGE("test.total", value)
};

inline actor_address address(std::string_view type, std::string_view id) {
  return {actor_type::parse(type).value(), actor_id::parse(id).value()};
}

/// An id made of one repeated byte, for text that has to be foreseeable.
template <class Id>
Id id_of(std::uint8_t byte) {
  std::array<std::uint8_t, Id::size> raw{};
  raw.fill(byte);
  return Id{raw};
}

/// A commit with a fresh id that follows `expected`: `events` events, one command.
inline commit commit_after(const log_position& expected, std::size_t events = 1,
                           std::size_t note_bytes = 0) {
  commit made;
  made.id = commit_id::make();
  made.first = event_version{expected.version.value() + 1};
  for (std::size_t i = 0; i < events; ++i)
    made.events.push_back(
        {"test.counted", encode(counted{static_cast<std::int64_t>(made.first.value() + i),
                                        std::string(note_bytes, 'n')})});
  made.commands.push_back({command_id::make(), static_cast<std::uint32_t>(events), "test.total",
                           encode(total{static_cast<std::int64_t>(made.last().value())})});
  made.at = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return made;
}

}  // namespace aether::testing
