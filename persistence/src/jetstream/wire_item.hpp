#pragma once

#include <aether/runtime/nats.hpp>
#include "../bus/bus_item.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace aether {

/// A commit as the stream republished it.
class wire_item final : public bus_item {
 public:
  /// @param owner the mark that it must carry, see `owner_mark`.
  wire_item(event_place place, std::uint64_t owner, nats_message message);
  [[nodiscard]] bool may_hold(const bus_match& wanted) const override;

 private:
  [[nodiscard]] result<recorded_commit> decode() const override;

  std::uint64_t owner_;
  nats_message message_;
  /// Copied: a message's headers are for one thread at a time.
  std::string commit_header_;
  std::optional<std::string> format_;
  std::optional<stream_sequence> condition_;
};

}  // namespace aether
