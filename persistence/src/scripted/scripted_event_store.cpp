#include <aether/persistence/scripted_store.hpp>
#include "call_gate.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <utility>

namespace aether {

namespace {

struct step {
  enum class kind { pass, fail, lose, late, hold, come_first };
  kind what = kind::pass;
  errc code{};
  commit foreign{};
};

std::unexpected<error> scripted(errc code) { return fail(code, "as scripted"); }

struct append_call {
  actor_address address;
  log_position expected;
  commit next;
  event_store::append_handler handler;
};

void forward(event_store& to, append_call call) {
  to.append(call.address, call.expected, std::move(call.next), std::move(call.handler));
}

void lose(event_store& to, append_call call) {
  call.handler = [handler = std::move(call.handler)](result<log_position> stored) mutable {
    if (stored) stored = scripted(errc::outcome_unknown);
    handler(std::move(stored));
  };
  forward(to, std::move(call));
}

commit placed(commit foreign, const log_position& expected) {
  foreign.first = event_version{expected.version.value() + 1};
  foreign.back_pointers.clear();
  if (expected.sequence.value() > 0) foreign.back_pointers.push_back(expected.sequence);
  return foreign;
}

}  // namespace

struct scripted_event_store::impl {
  explicit impl(std::shared_ptr<event_store> store) : behind{std::move(store)} {
    AETHER_ASSERT(behind != nullptr);
  }

  const std::shared_ptr<event_store> behind;
  call_gate gate;
  script<step> appends;
  script<std::optional<errc>> reads;
  struct {
    std::atomic<std::size_t> append{0}, read{0}, fetch{0}, latest{0}, records{0}, actors{0},
        read_shards{0};
  } calls;

  void play(append_call call) {
    step next = appends.take();
    switch (next.what) {
      case step::kind::pass:
        return forward(*behind, std::move(call));
      case step::kind::fail:
        return call.handler(scripted(next.code));
      case step::kind::lose:
        return lose(*behind, std::move(call));
      case step::kind::late:
        return store_late(std::move(call));
      case step::kind::hold:
        return hold(std::move(call));
      case step::kind::come_first:
        return overtake(std::move(next.foreign), std::move(call));
    }
  }

  void hold(append_call call) {
    gate.hold(
        [store = behind, call = std::move(call)]() mutable { forward(*store, std::move(call)); });
  }

  void store_late(append_call call) {
    auto handler = std::exchange(call.handler, [](result<log_position>) {});
    hold(std::move(call));
    handler(scripted(errc::outcome_unknown));
  }

  void overtake(commit foreign, append_call call) {
    commit first = placed(std::move(foreign), call.expected);
    const auto address = call.address;
    const auto expected = call.expected;
    behind->append(address, expected, std::move(first),
                   [store = behind, call = std::move(call)](result<log_position>) mutable {
                     forward(*store, std::move(call));
                   });
  }

  /// Counts a call that reads, and makes it unless the script has an error for it.
  template <class Handler, class Call>
  void read(std::atomic<std::size_t>& count, Handler handler, Call call) {
    ++count;
    gate.pass(false, [this, handler = std::move(handler), call = std::move(call)]() mutable {
      if (const auto code = reads.take())
        static_cast<void>(handler(scripted(*code)));
      else
        call(*behind, std::move(handler));
    });
  }
};

scripted_event_store::scripted_event_store(std::shared_ptr<event_store> behind)
    : impl_{std::make_unique<impl>(std::move(behind))} {}
scripted_event_store::~scripted_event_store() = default;

void scripted_event_store::pass_appends(std::size_t count) {
  impl_->appends.add({step::kind::pass}, count);
}
void scripted_event_store::fail_appends(errc code, std::size_t count) {
  impl_->appends.add({step::kind::fail, code}, count);
}
void scripted_event_store::lose_acknowledgements(std::size_t count) {
  impl_->appends.add({step::kind::lose}, count);
}
void scripted_event_store::store_late(std::size_t count) {
  impl_->appends.add({step::kind::late}, count);
}
void scripted_event_store::hold_next_appends(std::size_t count) {
  impl_->appends.add({step::kind::hold}, count);
}
void scripted_event_store::come_first(commit foreign) {
  impl_->appends.add({step::kind::come_first, {}, std::move(foreign)}, 1);
}
void scripted_event_store::fail_reads(errc code, std::size_t count) {
  impl_->reads.add(code, count);
}

void scripted_event_store::hold_appends() { impl_->gate.close_for_appends(); }
void scripted_event_store::hold_calls() { impl_->gate.close(); }
void scripted_event_store::release() { impl_->gate.open(); }
void scripted_event_store::clear_script() {
  impl_->appends.clear();
  impl_->reads.clear();
}

std::size_t scripted_event_store::held() const { return impl_->gate.held(); }

scripted_event_store::call_counts scripted_event_store::calls() const {
  const auto& so_far = impl_->calls;
  return {so_far.append,  so_far.read,   so_far.fetch,      so_far.latest,
          so_far.records, so_far.actors, so_far.read_shards};
}

void scripted_event_store::append(const actor_address& address, log_position expected, commit next,
                                  append_handler handler) {
  ++impl_->calls.append;
  append_call call{address, expected, std::move(next), std::move(handler)};
  impl_->gate.pass(true, [self = impl_.get(), call = std::move(call)]() mutable {
    self->play(std::move(call));
  });
}

void scripted_event_store::read(const actor_address& address, event_version from,
                                stream_sequence after, std::size_t commits_max,
                                read_handler handler) {
  impl_->read(impl_->calls.read, std::move(handler), [=](event_store& store, read_handler then) {
    store.read(address, from, after, commits_max, std::move(then));
  });
}

void scripted_event_store::fetch(const actor_address& address,
                                 std::vector<stream_sequence> sequences, read_handler handler) {
  impl_->read(impl_->calls.fetch, std::move(handler), [=](event_store& store, read_handler then) {
    store.fetch(address, sequences, std::move(then));
  });
}

void scripted_event_store::latest(const actor_address& address, latest_handler handler) {
  impl_->read(
      impl_->calls.latest, std::move(handler),
      [=](event_store& store, latest_handler then) { store.latest(address, std::move(then)); });
}

void scripted_event_store::records(const actor_address& address, records_handler handler) {
  impl_->read(
      impl_->calls.records, std::move(handler),
      [=](event_store& store, records_handler then) { store.records(address, std::move(then)); });
}

std::uint32_t scripted_event_store::shards() const noexcept { return impl_->behind->shards(); }

void scripted_event_store::actors(const actor_type& type, shard_id shard, actors_handler handler) {
  impl_->read(
      impl_->calls.actors, std::move(handler),
      [=](event_store& store, actors_handler then) { store.actors(type, shard, std::move(then)); });
}

shard_range scripted_event_store::stored_together(shard_id shard) const noexcept {
  return impl_->behind->stored_together(shard);
}

void scripted_event_store::read_shards(shard_range which, stream_sequence after,
                                       shard_handler handler) {
  impl_->read(impl_->calls.read_shards, std::move(handler),
              [=](event_store& store, shard_handler then) {
                store.read_shards(which, after, std::move(then));
              });
}

}  // namespace aether
