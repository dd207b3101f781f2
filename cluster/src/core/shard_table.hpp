#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aether::cluster {

/// Which node owns which shard: written by the leader, the same for everyone who has the same
/// revision. Immutable once published; share it by pointer.
class shard_table {
 public:
  /// A node that may own shards, and its weight when the table was made.
  struct entry {
    node_id node;
    std::uint32_t weight = 0;
    friend bool operator==(const entry&, const entry&) = default;
  };
  static constexpr std::int32_t none = -1;

  /// No nodes, no owners.
  explicit shard_table(std::uint32_t shards) : owners_(shards, none) {}
  /// @pre every owner is `none` or an index into `nodes`; nodes are sorted and differ.
  shard_table(std::uint64_t term, std::vector<entry> nodes, std::vector<std::int32_t> owners);

  [[nodiscard]] std::uint32_t shards() const noexcept {
    return static_cast<std::uint32_t>(owners_.size());
  }
  /// The term of the leader that wrote it.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  /// Where it is stored: the KV key's revision. Rises with each table; 0 before it is stored.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }
  void set_revision(std::uint64_t revision) noexcept { revision_ = revision; }
  [[nodiscard]] const std::vector<entry>& nodes() const noexcept { return nodes_; }
  /// Indices into `nodes`, one per shard.
  [[nodiscard]] const std::vector<std::int32_t>& owners() const noexcept { return owners_; }

  /// Null while nobody owns it. @pre `shard < shards()`.
  [[nodiscard]] const node_id* owner(shard_id shard) const noexcept;
  [[nodiscard]] std::vector<shard_id> owned_by(const node_id& node) const;

 private:
  std::uint64_t term_ = 0;
  std::uint64_t revision_ = 0;
  std::vector<entry> nodes_;
  std::vector<std::int32_t> owners_;
};

/// How many shards have another owner in `after`. @pre the same number of shards.
[[nodiscard]] std::size_t moved_between(const shard_table& before, const shard_table& after);

/// The same nodes, weights and owners; term and revision may differ.
[[nodiscard]] bool same_assignment(const shard_table& a, const shard_table& b);

/// As docs/formats.md has it ("Shard table"). The revision is the key's and not part of it.
[[nodiscard]] bytes encode_table(const shard_table& table);
/// @errors `decode_failed`: not a table, of another format, or not with `shards` shards.
[[nodiscard]] result<shard_table> decode_table(bytes_view data, std::uint32_t shards);

/// The table for `up` nodes, made from the one before by moving as few shards as possible: those
/// without an owner in `up`, and only as many others as evenness needs. Each node gets its fair
/// share, `shards * weight / sum of weights`, rounded up or down. Deterministic; the same nodes
/// give the same table again. With no node of weight above 0 the assignment stays as it is.
/// @param up sorted by node.
[[nodiscard]] shard_table rebalance(const shard_table& before,
                                    const std::vector<shard_table::entry>& up, std::uint64_t term);

}  // namespace aether::cluster
