// An actor that asks another one in the same process, beside a CAF actor that does.

#include "benchmarks.hpp"
#include "commands.hpp"
#include "memory_host.hpp"
#include "raw_caf.hpp"
#include "timing.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace aether::perf {

namespace {

/// So many asks, one after the other.
struct ask_on {
  std::uint64_t left = 0;
  AETHER_MESSAGE("perf.ask_on", left)
};

class asker : public event_sourced_actor<asker> {
 public:
  static constexpr std::string_view type_name = "asker";
  using state = count;
  using commands = messages<ask_on>;
  using events = messages<>;

  explicit asker(std::atomic<std::size_t>& finished) : done_{&finished} {}

  effect<void> on(const ask_on& command, const state&) {
    if (command.left == 0) {
      done_->fetch_add(1, std::memory_order_release);
      return none();
    }
    return none().then([left = command.left](actor_context<asker>& self) {
      self.ask(self.actor<counter>("asked"), read_count{}, std::chrono::seconds{30},
               [left](const result<count>& answer) {
                 if (!answer) throw std::runtime_error{answer.error().message()};
                 return ask_on{left - 1};
               });
    });
  }

 private:
  std::atomic<std::size_t>* done_;
};

double round_trips_per_second(std::size_t total) {
  std::atomic<std::size_t> done{0};
  memory_host<counter> on;
  on.host.host<asker>([&done] { return asker{done}; });
  const auto asking = on.host.actor<asker>("asker");
  expect_counts<counter>({on.host.actor<counter>("asked")}, 0);
  const auto begin = clock::now();
  if (auto sent = asking.tell(ask_on{total}); !sent)
    throw std::runtime_error{sent.error().message()};
  await(done, 1);
  return per_second(total, begin);
}

}  // namespace

benchmark local_ask_actor(const scale& scale) {
  const std::size_t total = scale.of(300'000);
  return {.unit = "round trips/s",
          .target = 0.5,
          .limit = [total] { return raw_round_trips_per_second(total); },
          .subject = [total] { return round_trips_per_second(total); }};
}

}  // namespace aether::perf
