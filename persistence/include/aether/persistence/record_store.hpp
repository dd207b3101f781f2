#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/error.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace aether {

/// Small records under names, each written by compare-and-set: where a runner of projections keeps
/// how far they are. In memory (`memory_record_store`) or in the namespace's KV bucket.
///
/// Threads: any. Calls block, for a round trip, and come from threads that may.
class record_store {
 public:
  struct record {
    /// Grows with each write of the key; 0: it was never written.
    std::uint64_t revision = 0;
    /// Empty also where it was removed.
    bytes value{};
  };

  virtual ~record_store() = default;

  /// Linearizable: shows every write that was acknowledged before.
  /// @param key dots and `[A-Za-z0-9_-]`.
  /// @errors `unavailable`, `timed_out`: try again. `store_failed`: the server refused, and why.
  [[nodiscard]] virtual result<record> load(std::string_view key) = 0;

  /// Writes where the key's revision is `expected`. An empty value removes the record, and counts
  /// as a write.
  /// @returns the new revision.
  /// @errors `version_conflict`: the revision is another, nothing is stored. `unavailable`: not
  ///         stored, try again. `outcome_unknown`: stored or not; load, and compare.
  ///         `not_permitted`: the server refuses it, nothing is stored.
  [[nodiscard]] virtual result<std::uint64_t> store(std::string_view key, std::uint64_t expected,
                                                    bytes_view value) = 0;
};

/// Records of this process, gone with it.
class memory_record_store final : public record_store {
 public:
  memory_record_store();
  ~memory_record_store() override;
  [[nodiscard]] result<record> load(std::string_view key) override;
  [[nodiscard]] result<std::uint64_t> store(std::string_view key, std::uint64_t expected,
                                            bytes_view value) override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace aether
