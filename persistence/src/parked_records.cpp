#include "parked_records.hpp"

#include <aether/persistence/projection_positions.hpp>

namespace aether {

namespace {

std::string lot_key(const projection_key& key) { return record_key(key) + ".parked"; }

}  // namespace

result<std::pair<parking_lot, std::uint64_t>> load_lot(record_store& from,
                                                       const projection_key& key) {
  const auto found = from.load(lot_key(key));
  if (!found) return std::unexpected(found.error());
  auto lot = parking_lot::decode(found->value, key.partition);
  if (!lot) return std::unexpected(std::move(lot).error());
  return std::pair{std::move(*lot), found->revision};
}

result<std::uint64_t> store_lot(record_store& to, const projection_key& key, const parking_lot& lot,
                                std::uint64_t expected) {
  return to.store(lot_key(key), expected, lot.encode());
}

}  // namespace aether
