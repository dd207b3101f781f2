#include "lease_machine.hpp"

#include <algorithm>
#include <utility>

namespace aether::cluster {

namespace {

constexpr int renewals_per_ttl = 3;
constexpr int reads_per_ttl = 4;
constexpr int retries_per_ttl = 20;
constexpr std::chrono::hours ttl_max{24};

}  // namespace

lease_machine::lease_machine(lease_options options) : options_{std::move(options)} {
  AETHER_ASSERT(options_.margin > duration::zero());
  AETHER_ASSERT(options_.margin < options_.ttl / 2);
}

void lease_machine::enter(phase next) {
  using enum phase;
  const bool legal = (phase_ == following && next == acquiring) ||
                     (phase_ == acquiring && (next == leading || next == following)) ||
                     (phase_ == leading && next == following) ||
                     (phase_ != releasing && phase_ != stopped && next == releasing) ||
                     (phase_ == releasing && (next == stopped || next == following));
  AETHER_ASSERT(legal);
  phase_ = next;
}

lease_machine::effects lease_machine::tick(time_point now, duration jitter, bool eligible) {
  effects out;
  jitter_ = jitter;
  eligible_ = eligible;
  advance(now, out);
  return out;
}

// The one place that decides what to do next; every input ends here.
void lease_machine::advance(time_point now, effects& out) {
  expire(now, out);
  if (in_flight_ != request::none) return;
  if (phase_ == phase::releasing) return advance_releasing(now, out);
  if (phase_ == phase::stopped || now < retry_at_) return;
  switch (phase_) {
    case phase::following:
      if (must_read_ || now >= next_read_) {
        send_read(out);
      } else if (may_acquire(now)) {
        enter(phase::acquiring);
        send_write(now, own_record(), out);
      }
      return;
    case phase::acquiring:
      return send_read(out);  // outcome unknown: read back
    case phase::leading:
      if (must_read_)
        send_read(out);
      else if (now >= next_renewal_)
        send_write(now, own_record(), out);
      return;
    case phase::releasing:
    case phase::stopped:
      return;
  }
}

void lease_machine::advance_releasing(time_point now, effects& out) {
  // One attempt: a lease that is left behind costs the others one ttl, no more.
  if (seen_ && mine(seen_->record) && !std::exchange(release_sent_, true))
    return send_write(now, {}, out);
  if (stays_) {
    must_read_ = true;
    enter(phase::following);
    return advance(now, out);
  }
  enter(phase::stopped);
  out.emplace_back(stopped{});
}

void lease_machine::expire(time_point now, effects& out) {
  if (phase_ == phase::leading && now >= deadline_) depose("not renewed in time", out);
}

void lease_machine::depose(std::string_view reason, effects& out) {
  out.emplace_back(deposed{term_, reason});
  enter(phase::following);
  must_read_ = true;
}

bool lease_machine::may_acquire(time_point now) const {
  if (!eligible_ || !seen_ || now < abstains_until_) return false;
  // Held by this very process: a write whose outcome came too late. Nobody else can have it.
  const bool vacant = seen_->revision == 0 || seen_->record.holder.empty();
  return vacant || mine(seen_->record) || now >= may_take_at_;
}

bool lease_machine::mine(const lease_record& record) const {
  return record.holder == options_.node.str() && record.incarnation == options_.incarnation.hex();
}

lease_record lease_machine::own_record() {
  return {.holder = options_.node.str(),
          .incarnation = options_.incarnation.hex(),
          .nonce = ++nonce_,
          .ttl = std::chrono::ceil<std::chrono::milliseconds>(options_.ttl)};
}

void lease_machine::send_read(effects& out) {
  in_flight_ = request::read;
  out.emplace_back(read{});
}

void lease_machine::send_write(time_point now, lease_record record, effects& out) {
  AETHER_ASSERT(seen_.has_value());
  in_flight_ = request::write;
  sent_at_ = now;
  written_ = std::move(record);
  out.emplace_back(write{seen_->revision, written_});
}

// What nobody can have been given does not hold up an election for ever.
duration lease_machine::patience() const {
  const duration holders = std::min<std::chrono::milliseconds>(seen_->record.ttl, ttl_max);
  return std::max(options_.ttl, holders);
}

void lease_machine::observe(const lease_state& found, time_point now) {
  if (seen_ && seen_->revision == found.revision) return;
  seen_ = found;
  may_take_at_ = now + patience() + jitter_;
  uncertain_ = false;  // whatever is still on its way expects the revision before
}

lease_machine::effects lease_machine::read_done(const std::optional<lease_state>& found,
                                                time_point now) {
  AETHER_ASSERT(in_flight_ == request::read);
  in_flight_ = request::none;
  effects out;
  expire(now, out);
  if (!found) {
    retry_at_ = now + options_.ttl / retries_per_ttl;
    advance(now, out);
    return out;
  }
  must_read_ = false;
  next_read_ = now + options_.ttl / reads_per_ttl;
  observe(*found, now);
  if (phase_ == phase::acquiring) {
    const bool stored = mine(found->record) && found->record.nonce == written_.nonce;
    stored ? win(now, out) : enter(phase::following);
  } else if (phase_ == phase::leading) {
    judge_own_lease(out);
  }
  advance(now, out);
  return out;
}

// A leader read the key because a renewal had no certain outcome.
void lease_machine::judge_own_lease(effects& out) {
  if (!mine(seen_->record)) return depose("another holds the lease", out);
  if (seen_->record.nonce == written_.nonce) {
    deadline_ = sent_at_ + options_.ttl - options_.margin;
    next_renewal_ = sent_at_ + options_.ttl / renewals_per_ttl;
  } else {
    next_renewal_ = {};  // the last renewal did not make it: again, at once
  }
}

lease_machine::effects lease_machine::write_done(const write_result& result, time_point now) {
  AETHER_ASSERT(in_flight_ == request::write);
  in_flight_ = request::none;
  effects out;
  expire(now, out);
  switch (result.outcome) {
    case write_outcome::stored:
      observe({result.revision, written_}, now);
      if (phase_ == phase::acquiring) win(now, out);
      if (phase_ == phase::leading) judge_own_lease(out);
      break;
    case write_outcome::conflict:
      conflicted(out);
      break;
    case write_outcome::unknown:
      uncertain_ = true;
      must_read_ = true;
      retry_at_ = now + options_.ttl / retries_per_ttl;
      break;
    case write_outcome::not_stored:
      retry_at_ = now + options_.ttl / retries_per_ttl;
      if (phase_ == phase::acquiring) enter(phase::following);
      break;
  }
  advance(now, out);
  return out;
}

void lease_machine::conflicted(effects& out) {
  must_read_ = true;
  if (phase_ == phase::acquiring) enter(phase::following);
  // With a write of unknown outcome before, the conflict may be with ourselves: read first. The
  // deadline still holds.
  if (phase_ == phase::leading && !uncertain_) depose("another took the lease", out);
}

void lease_machine::win(time_point now, effects& out) {
  deadline_ = sent_at_ + options_.ttl - options_.margin;
  next_renewal_ = sent_at_ + options_.ttl / renewals_per_ttl;
  if (now >= deadline_) return enter(phase::following);  // learned too late; ours to take again
  enter(phase::leading);
  term_ = seen_->revision;
  out.emplace_back(elected{term_});
}

lease_machine::effects lease_machine::step_down(time_point now) {
  effects out;
  if (phase_ == phase::leading) depose("a later term exists", out);
  advance(now, out);
  return out;
}

lease_machine::effects lease_machine::resign(time_point now) {
  effects out;
  expire(now, out);
  if (phase_ != phase::leading) return out;
  abstains_until_ = now + options_.ttl + jitter_;
  release("resigned", true, now, out);
  return out;
}

lease_machine::effects lease_machine::leave(time_point now) {
  effects out;
  if (phase_ == phase::releasing) stays_ = false;
  if (phase_ == phase::releasing || phase_ == phase::stopped) return out;
  release("leaving", false, now, out);
  return out;
}

void lease_machine::release(std::string_view reason, bool stays, time_point now, effects& out) {
  if (phase_ == phase::leading) out.emplace_back(deposed{term_, reason});
  enter(phase::releasing);
  stays_ = stays;
  release_sent_ = false;
  advance(now, out);
}

std::optional<std::string_view> lease_machine::holder(time_point now) const noexcept {
  if (leading(now)) return options_.node.str();
  const bool known = seen_ && now < may_take_at_ && !seen_->record.holder.empty();
  if (!known || mine(seen_->record)) return std::nullopt;
  return seen_->record.holder;
}

}  // namespace aether::cluster
