#include "client.hpp"

#include "process.hpp"
#include "world.hpp"

#include <utility>

namespace aether::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t at_once_max = 4;
constexpr std::chrono::nanoseconds think_max = 60ms;
constexpr std::chrono::seconds ask_within_max{10};

}  // namespace

client::client(world& in, std::uint32_t number)
    : in_{in}, number_{number}, at_once_{in.chance.coin() ? 1 : 1 + in.chance.below(at_once_max)} {}

bool client::lives() const { return home_ != nullptr && home_->takes_part() && !home_->leaving; }

void client::move_to(process& next) {
  open_.clear();
  home_ = &next;
  ++life_;
  act();
}

void client::act() {
  if (stopped_ || !lives()) return;
  if (open_.size() < at_once_) begin_one();
  home_->after(in_.chance.between(1us, think_max), [this, life = life_] {
    if (life == life_) act();
  });
}

void client::begin_one() {
  operation made;
  made.client = number_;
  made.home = home_->number;
  made.actor = static_cast<std::uint32_t>(in_.chance.below(in_.actors().size()));
  made.id = in_.make_command_id(home_->wall());
  const auto kind = in_.chance.below(10);
  if (kind < 4) {
    made.kind = operation_kind::append;
  } else if (kind < 5) {
    made.kind = operation_kind::append_after;
    const auto end = in_.judge.end_of(made.actor).count;
    made.count = in_.chance.coin() ? end : end + in_.chance.below(3);
  } else if (kind < 6) {
    made.kind = in_.chance.chance(0.2) ? operation_kind::append_and_stop : operation_kind::append;
  } else if (kind < 7) {
    made.kind = operation_kind::look;
  } else if (kind < 9) {
    made.kind = operation_kind::peek;
  } else {
    made.kind = operation_kind::tell_append;
  }
  const auto& begun = in_.judge.begin(std::move(made));
  if (begun.kind == operation_kind::tell_append) {
    in_.note(happening::told, home_->number, begun.actor, begun.number);
    return in_.judge.told(begun.number, home_->commands.tell(begun));
  }
  ask(begun);
}

void client::ask(const operation& what) {
  in_.note(happening::asked, home_->number, what.actor, what.number,
           static_cast<std::uint64_t>(what.kind));
  open_.insert(what.number);
  const auto least =
      in_.planned() ? std::chrono::nanoseconds{ask_within_max} : std::chrono::nanoseconds{500ms};
  home_->commands.ask(what, in_.chance.between(least, ask_within_max),
                      [this, number = what.number](const outcome& how) {
                        in_.judge.ended(number, how);
                        open_.erase(number);
                      });
}

}  // namespace aether::sim
