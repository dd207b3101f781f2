#include "store_client.hpp"

#include "persistence/src/core/append_machine.hpp"
#include "process.hpp"
#include "world.hpp"

#include <algorithm>
#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds read_timeout{2'000};

template <class T>
struct found_content : content {
  explicit found_content(T from) : value{std::move(from)} {}
  T value;
};

struct ack_content : content {
  explicit ack_content(std::uint64_t stored) : sequence{stored} {}
  std::uint64_t sequence;
};

struct next_content : content {
  commit_id id;
  std::uint64_t sequence = 0;
};

append_machine::input input_of_publish(const answer& got) {
  switch (got.how) {
    case answer::kind::answered: {
      const auto sequence = static_cast<const ack_content&>(*got.what).sequence;
      if (sequence == 0) return append_machine::conflict{};
      return append_machine::stored{stream_sequence{sequence}};
    }
    case answer::kind::nobody:
    case answer::kind::not_sent:
      return append_machine::not_taken{"nobody"};
    case answer::kind::timed_out:
      break;
  }
  return append_machine::silence{"silence"};
}

append_machine::input input_of_read(const answer& got) {
  if (got.how != answer::kind::answered) return append_machine::read_failed{"no answer"};
  const auto& next = static_cast<const next_content&>(*got.what);
  if (next.sequence == 0) return append_machine::nothing_found{};
  return append_machine::found{next.id, stream_sequence{next.sequence}};
}

error why_not(const answer& got) {
  return {got.how == answer::kind::timed_out ? errc::timed_out : errc::unavailable,
          "the store did not answer"};
}

}  // namespace

/// One append until its outcome is known; owned by what is under way for it.
struct store_client::append_operation : std::enable_shared_from_this<append_operation> {
  append_operation(store_client& client, std::uint32_t its_actor, log_position after, commit what,
                   handler<log_position> then)
      : in{client.in_},
        owner{client.owner_},
        actor{its_actor},
        expected{after},
        next{std::make_shared<const commit>(std::move(what))},
        done{std::move(then)},
        machine{next->id, expected, next->last(), client.in_.timing.append} {}

  void carry_out(append_machine::effect effect) {
    if (const auto* send = std::get_if<append_machine::publish>(&effect)) return publish(*send);
    if (const auto* read = std::get_if<append_machine::read_next>(&effect)) return look(*read);
    if (const auto* pause = std::get_if<append_machine::wait>(&effect))
      return owner.after(pause->duration,
                         [self = shared_from_this()] { self->step(append_machine::elapsed{}); });
    done(std::move(std::get<append_machine::finish>(effect).outcome));
  }
  void step(append_machine::input heard) {
    carry_out(machine.step(std::move(heard), owner.clock()));
  }
  void publish(const append_machine::publish& send) {
    owner.write_is_due();
    owner.link.call(
        [&world_of = in, &from = owner, on = actor, after = expected,
         what = next](content_ptr& out) {
          out = std::make_shared<ack_content>(world_of.logs.append(from, on, after, *what));
        },
        send.timeout,
        [self = shared_from_this()](const answer& got) { self->step(input_of_publish(got)); });
  }
  void look(const append_machine::read_next& read) {
    owner.link.call(
        [&world_of = in, on = actor, after = expected.sequence](content_ptr& out) {
          auto made = std::make_shared<next_content>();
          if (const auto* found = world_of.logs.after(on, after)) {
            made->id = found->commit.id;
            made->sequence = found->sequence.value();
          }
          out = std::move(made);
        },
        read.timeout,
        [self = shared_from_this()](const answer& got) { self->step(input_of_read(got)); });
  }

  world& in;
  process& owner;
  const std::uint32_t actor;
  const log_position expected;
  const std::shared_ptr<const commit> next;
  handler<log_position> done;
  append_machine machine;
};

void store_client::append(std::uint32_t actor, log_position expected, commit next,
                          handler<log_position> done) {
  const auto made =
      std::make_shared<append_operation>(*this, actor, expected, std::move(next), std::move(done));
  made->carry_out(made->machine.start(owner_.clock()));
}

template <class T, class Look>
void store_client::call(Look look, handler<T> done) {
  owner_.link.call([look = std::move(look)](
                       content_ptr& out) { out = std::make_shared<found_content<T>>(look()); },
                   read_timeout,
                   [done = std::move(done)](const answer& got) mutable {
                     if (got.how != answer::kind::answered)
                       return done(std::unexpected(why_not(got)));
                     done(static_cast<const found_content<T>&>(*got.what).value);
                   });
}

void store_client::latest(std::uint32_t actor, handler<std::optional<recorded_commit>> done) {
  call<std::optional<recorded_commit>>(
      [this, actor]() -> std::optional<recorded_commit> {
        const auto& log = in_.logs.log(actor);
        if (log.empty()) return std::nullopt;
        return log.back();
      },
      std::move(done));
}

void store_client::read(std::uint32_t actor, event_version from, std::size_t commits_max,
                        handler<std::vector<recorded_commit>> done) {
  call<std::vector<recorded_commit>>(
      [this, actor, from, commits_max] {
        std::vector<recorded_commit> page;
        for (const auto& one : in_.logs.log(actor))
          if (one.commit.last() >= from && page.size() < commits_max) page.push_back(one);
        // A replica that lags behind.
        while (!page.empty() && in_.chance.chance(in_.replicas_lag)) page.pop_back();
        return page;
      },
      std::move(done));
}

void store_client::fetch(std::uint32_t actor, std::vector<stream_sequence> sequences,
                         handler<std::vector<recorded_commit>> done) {
  call<std::vector<recorded_commit>>(
      [this, actor, sequences = std::move(sequences)] {
        std::vector<recorded_commit> some;
        for (const auto& one : in_.logs.log(actor))
          if (std::ranges::binary_search(sequences, one.sequence) &&
              !in_.chance.chance(in_.replicas_lag))
            some.push_back(one);
        return some;
      },
      std::move(done));
}

void store_client::records(std::uint32_t actor, handler<std::vector<history_record>> done) {
  call<std::vector<history_record>>(
      [this, actor] {
        std::vector<history_record> all;
        for (const auto& one : in_.logs.log(actor)) all.push_back({one.sequence, one});
        return all;
      },
      std::move(done));
}

void store_client::save(std::uint32_t actor, snapshot taken, handler<void> done) {
  owner_.link.call([this, actor, taken = std::make_shared<const snapshot>(std::move(taken))](
                       content_ptr&) { in_.logs.save(owner_, actor, *taken); },
                   read_timeout,
                   [done = std::move(done)](const answer& got) mutable {
                     if (got.how == answer::kind::answered) return done({});
                     done(std::unexpected(why_not(got)));
                   });
}

void store_client::load(std::uint32_t actor, handler<std::optional<snapshot>> done) {
  call<std::optional<snapshot>>([this, actor] { return in_.logs.saved(actor); }, std::move(done));
}

}  // namespace aether::sim
