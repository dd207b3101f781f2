#pragma once

#include <aether/runtime/bytes.hpp>
#include <aether/runtime/ids.hpp>
#include "heartbeat.hpp"

#include <cstdint>
#include <vector>

namespace aether::cluster {

/// Which process owns which slot, a slot being the actors of one type in one shard: written by the
/// leader, the same for everyone who has the same revision. Immutable once published; share it by
/// pointer.
///
/// A slot whose move is planned has an owner and a *giver*: who served it before and may not have
/// let go yet. The owner asks the giver for it; the leader clears the giver once the owner says
/// that it serves the slot. So the table alone says what is still to be done, whoever leads.
class shard_table {
 public:
  static constexpr std::int32_t none = -1;

  /// A process that owns slots, may own some, or still has some to give. Its weight is that of when
  /// the table was made.
  struct entry {
    node_id node;
    incarnation_id incarnation;
    std::uint32_t weight = 0;
    friend bool operator==(const entry&, const entry&) = default;
  };
  /// Types that have the same owners in every shard.
  struct assignment {
    /// Sorted; each type is in one assignment.
    std::vector<actor_type> types;
    /// Indices into `nodes`, or `none`, one per shard.
    std::vector<std::int32_t> owners;
    /// The same. Empty: no shard has a giver.
    std::vector<std::int32_t> givers;
    friend bool operator==(const assignment&, const assignment&) = default;
  };

  /// No nodes, no owners.
  explicit shard_table(std::uint32_t shards) : shards_{shards} {}
  /// @pre nodes are sorted by node and incarnation, and differ; each owner and giver is `none` or
  /// an
  ///      index into them; no type is in two assignments; no owner is its own giver.
  shard_table(std::uint64_t term, std::uint32_t shards, std::vector<entry> nodes,
              std::vector<assignment> assignments);

  [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }
  /// The term of the leader that wrote it.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  /// Where it is stored: the KV key's revision. Rises with each table; 0 before it is stored.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }
  void set_revision(std::uint64_t revision) noexcept { revision_ = revision; }
  [[nodiscard]] const std::vector<entry>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::vector<assignment>& assignments() const noexcept { return assignments_; }

  /// Null when no node hosts, or hosted, the type.
  [[nodiscard]] const assignment* find(const actor_type& type) const noexcept;
  /// Null while nobody owns the slot. @pre `shard < shards()`, here and in `giver`.
  [[nodiscard]] const entry* owner(const actor_type& type, shard_id shard) const noexcept;
  /// Null when nobody has to let go of it.
  [[nodiscard]] const entry* giver(const actor_type& type, shard_id shard) const noexcept;
  /// Slots that the process owns.
  [[nodiscard]] std::size_t owned_by(const node_id& node, const incarnation_id& incarnation) const;
  /// Slots in the middle of a planned move.
  [[nodiscard]] std::size_t in_hand_over() const noexcept;

 private:
  [[nodiscard]] const entry* node_at(std::int32_t index) const noexcept {
    return index == none ? nullptr : &nodes_[static_cast<std::size_t>(index)];
  }

  std::uint64_t term_ = 0;
  std::uint64_t revision_ = 0;
  std::uint32_t shards_ = 0;
  std::vector<entry> nodes_;
  std::vector<assignment> assignments_;
};

/// How many slots have another owner in `after`. @pre the same number of shards.
[[nodiscard]] std::size_t moved_between(const shard_table& before, const shard_table& after);

/// The same nodes, weights, owners and givers; term and revision may differ.
[[nodiscard]] bool same_assignment(const shard_table& a, const shard_table& b);

/// As docs/formats.md has it ("Shard table"). The revision is the key's and not part of it.
[[nodiscard]] bytes encode_table(const shard_table& table);
/// One of format 1 counts as none.
/// @errors `decode_failed`: not a table, of another format, or not with `shards` shards.
[[nodiscard]] result<shard_table> decode_table(bytes_view data, std::uint32_t shards);

}  // namespace aether::cluster
