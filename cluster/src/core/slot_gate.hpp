#pragma once

#include <aether/runtime/ids.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace aether::cluster {

/// What a copy of a command is, as far as a gate must know.
enum class command_copy {
  told,
  /// A tell that may have been sent before, as its sender says.
  told_again,
  asked
};

/// The ids of commands that a giver got while a taker may have got them too, each as often as it
/// got a copy: one that was not worked off says nothing of the others.
class recorded_ids {
 public:
  /// More are not noted.
  static constexpr std::size_t ids_max = 32'768;

  void note(const command_id& id) {
    if (ids_.size() < ids_max || ids_.contains(id))
      ++ids_[id];
    else
      complete_ = false;
  }
  /// A copy of it was not worked off here after all. @returns whether one was noted.
  bool strike(const command_id& id) {
    const auto found = ids_.find(id);
    if (found == ids_.end()) return false;
    if (--found->second == 0) ids_.erase(found);
    return true;
  }
  [[nodiscard]] bool has(const command_id& id) const { return ids_.contains(id); }
  void clear() {
    ids_ = {};
    complete_ = true;
  }
  /// False when there were too many.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] std::vector<command_id> all() const {
    const auto names = ids_ | std::views::keys;
    return {names.begin(), names.end()};
  }

 private:
  std::unordered_map<command_id, std::uint32_t> ids_;
  bool complete_ = true;
};

/// What one slot's commands do at this node while it comes and goes: come through, wait, or go
/// elsewhere. Two doors, one for those that come over the network and one for those of senders on
/// this node:
///
///     network:  shut --keep--> keeping --open, and all that was kept handed over--> open --shut-->
///     shut local:    away --wait--> waiting --serve, and all that waited handed over--> here
///     --shut--> away
///
/// What is handed over is taken out in portions, `take_kept` and `take_waiting`, until one is
/// empty: what comes meanwhile joins the end, so that the order holds without a lock held for all
/// of it.
///
/// Pure; not thread-safe.
/// @tparam Remote, Local what is kept of a command that comes over the network, or from this node.
template <class Remote, class Local>
class slot_gate {
 public:
  /// Commands that each door keeps; more are refused.
  static constexpr std::size_t kept_max = 8'192;

  enum class passage {
    through,  ///< to the actors
    kept,     ///< taken, for later
    full,     ///< refused: too many wait
    shut,     ///< the slot is not served here
  };

  /// A command came over the network. Takes `what` only when it is `kept`.
  /// Of an ask each copy is handed over, and answered; of a tell one.
  passage arrive(const command_id& id, command_copy copy, Remote& what) {
    if (network_ == door::open) {
      if (recording_) recorded_.note(id);
      return passage::through;
    }
    if (network_ == door::shut) return passage::shut;
    if (kept_.size() >= kept_max) return passage::full;
    kept_.push_back({id, copy, std::move(what)});
    return passage::kept;
  }
  /// Whether a local sender's command goes `through`, waits (`kept`) or goes out to the network
  /// (`shut`).
  [[nodiscard]] passage local() const noexcept {
    if (local_ == door::open) return passage::through;
    if (local_ == door::shut) return passage::shut;
    return waiting_.size() < kept_max ? passage::kept : passage::full;
  }
  /// @pre `local()` is `kept`.
  void add_waiting(Local what) { waiting_.push_back(std::move(what)); }

  void keep() { network_ = door::keeping; }
  [[nodiscard]] bool keeping() const noexcept { return network_ == door::keeping; }
  /// Of what was kept, drops that with an id of these: the giver has it. Not a tell that is sent
  /// again: that is what the giver could not work off, and sent on, perhaps after it had named it.
  /// @returns what was dropped.
  std::vector<Remote> drop(std::span<const command_id> got) {
    const std::unordered_set<command_id> ids{got.begin(), got.end()};
    std::vector<Remote> dropped;
    std::erase_if(kept_, [&](kept& one) {
      const bool there = one.copy != command_copy::told_again && ids.contains(one.id);
      if (there) dropped.push_back(std::move(one.what));
      return there;
    });
    return dropped;
  }
  /// The next portion of what was kept, in order; of a tell one copy. Empty: the door is open now.
  [[nodiscard]] std::vector<Remote> take_kept() {
    std::vector<Remote> taken;
    taken.reserve(kept_.size());
    for (auto& one : kept_)
      if (one.copy == command_copy::asked || handed_over_.insert(one.id).second)
        taken.push_back(std::move(one.what));
    kept_.clear();
    if (taken.empty()) {
      network_ = door::open;
      handed_over_ = {};
    }
    return taken;
  }
  void wait() { local_ = door::keeping; }
  /// The next portion of what waited, in order. Empty: the door is open now.
  [[nodiscard]] std::vector<Local> take_waiting() {
    if (waiting_.empty()) local_ = door::open;
    return std::exchange(waiting_, {});
  }
  /// From now on commands go elsewhere.
  /// @returns what was kept, and what waited.
  std::pair<std::vector<Remote>, std::vector<Local>> shut() {
    auto left = take_kept();
    handed_over_ = {};
    network_ = door::shut;
    local_ = door::shut;
    return {std::move(left), std::exchange(waiting_, {})};
  }

  void start_recording() {
    recorded_.clear();
    recording_ = true;
  }
  void stop_recording() {
    recorded_.clear();
    recording_ = false;
  }
  [[nodiscard]] recorded_ids& recorded() noexcept { return recorded_; }
  /// Of a command that just came `through`: whether it was noted.
  [[nodiscard]] bool noted(const command_id& id) const { return recording_ && recorded_.has(id); }

 private:
  enum class door { shut, keeping, open };
  struct kept {
    command_id id;
    command_copy copy;
    Remote what;
  };

  door network_ = door::shut;
  door local_ = door::shut;
  bool recording_ = false;
  recorded_ids recorded_;
  std::vector<kept> kept_;
  /// Ids of tells, while what was kept is handed over.
  std::unordered_set<command_id> handed_over_;
  std::vector<Local> waiting_;
};

}  // namespace aether::cluster
