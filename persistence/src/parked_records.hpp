#pragma once

#include <aether/persistence/projection.hpp>
#include <aether/persistence/record_store.hpp>
#include "core/parking_lot.hpp"

#include <utility>

namespace aether {

/// What is parked in a partition, with its record's revision.
/// @errors as `record_store::load`; `decode_failed`.
[[nodiscard]] result<std::pair<parking_lot, std::uint64_t>> load_lot(record_store& from,
                                                                     const projection_key& key);
/// @errors as `record_store::store`.
[[nodiscard]] result<std::uint64_t> store_lot(record_store& to, const projection_key& key,
                                              const parking_lot& lot, std::uint64_t expected);

}  // namespace aether
