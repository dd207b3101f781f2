#include "leader_duties.hpp"

#include <utility>

namespace aether::cluster {

void leader_duties::enter(phase next) {
  using enum phase;
  const bool legal = next == idle || (phase_ == idle && next == reading) ||
                     (phase_ == reading && next == watching) ||
                     (phase_ == watching && next == writing) ||
                     (phase_ == writing && (next == watching || next == reading));
  AETHER_ASSERT(legal);
  phase_ = next;
}

leader_duties::effects leader_duties::elected(std::uint64_t term) {
  term_ = term;
  enter(phase::reading);
  read_sent_ = true;
  return {read{}};
}

void leader_duties::deposed() {
  enter(phase::idle);
  stored_.reset();
  next_.reset();
}

leader_duties::effects leader_duties::read_done(std::optional<shard_table> found, time_point now) {
  AETHER_ASSERT(phase_ == phase::reading && read_sent_);
  read_sent_ = false;
  if (!found) {
    retry_at_ = now + options_.retry;
    return {};
  }
  AETHER_ASSERT(found->shards() == options_.shards);
  if (found->term() > term_) {
    enter(phase::idle);
    return {step_down{}};
  }
  stored_ = std::move(found);
  enter(phase::watching);
  return {};
}

leader_duties::effects leader_duties::write_done(const write_result& result, time_point now) {
  AETHER_ASSERT(phase_ == phase::writing && next_.has_value());
  if (result.outcome == write_outcome::stored) {
    stored_ = std::exchange(next_, std::nullopt);
    stored_->set_revision(result.revision);
    enter(phase::watching);
    return {written{*stored_}};
  }
  // Whatever happened, what is stored now decides. A conflict is news and read at once.
  next_.reset();
  if (result.outcome != write_outcome::conflict) retry_at_ = now + options_.retry;
  enter(phase::reading);
  return {};
}

leader_duties::effects leader_duties::consider(const std::vector<present_node>& present,
                                               time_point now) {
  effects out;
  if (phase_ == phase::reading && !read_sent_ && now >= retry_at_) {
    read_sent_ = true;
    out.emplace_back(read{});
  }
  if (phase_ != phase::watching) return out;
  auto plan = plan_table(*stored_, present, {options_.strategy.get(), options_.moves_max, term_});
  if (!plan.strategy_failed.empty())
    out.emplace_back(strategy_failed{std::move(plan.strategy_failed)});
  if (stored_->term() == term_ && same_assignment(*stored_, plan.table)) return out;
  next_ = std::move(plan.table);
  enter(phase::writing);
  out.emplace_back(write{stored_->revision(), *next_});
  return out;
}

}  // namespace aether::cluster
