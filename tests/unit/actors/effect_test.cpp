#include <aether/actors/behavior.hpp>
#include <aether/actors/command.hpp>
#include "support/bank.hpp"
#include "support/trickster.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace aether;
using bank::account;
using bank::balance;
using trick::trickster;

namespace {

/// An actor in hand: its behaviour, without any runtime.
template <class Actor>
struct in_hand {
  const actor_address self{model<Actor>::traits().type, *actor_id::parse("it")};
  model<Actor> actor{Actor{}, self};

  const command_context context{self, {event_version{7}, command_id::make(), {}, {}, {}}};

  template <message Command>
  detail::decision decide(const Command& command) {
    auto made = actor.decide(any_message::of<Command>(command), context);
    REQUIRE(made.has_value());
    return std::move(*made);
  }
};

struct named {
  std::string name;
  AETHER_MESSAGE("effect_test.named", name)
};
struct who_are_you {
  using reply = named;
  AETHER_MESSAGE("effect_test.who_are_you")
};

/// Knows its own id; its constructor takes something.
class introvert : public event_sourced_actor<introvert> {
 public:
  static constexpr std::string_view type_name = "introvert";
  using state = named;
  using commands = messages<who_are_you>;
  using events = messages<>;
  explicit introvert(std::string prefix) : prefix_{std::move(prefix)} {}
  effect<named> on(const who_are_you&, const state&) { return reply(named{prefix_ + id().str()}); }

 private:
  std::string prefix_;
};

}  // namespace

TEST_CASE("effect: persisted events carry their own way to be applied, in their order") {
  in_hand<account> it;
  auto made = it.decide(bank::deposit{30});
  REQUIRE(made.events.size() == 1);
  CHECK(made.events[0].event.type().wire_name == "bank.deposited");
  balance state{5};
  made.events[0].apply(&state, made.events[0].event.object());
  CHECK(state.cents == 35);
}

TEST_CASE("effect: a reply made of a function sees the state after the events") {
  in_hand<account> it;
  auto made = it.decide(bank::deposit{30});
  const balance after{42};
  const auto reply = made.reply(&after);
  REQUIRE(reply.get_if<balance>() != nullptr);
  CHECK(reply.get_if<balance>()->cents == 42);
}

TEST_CASE("effect: a reply made of a value is that value") {
  in_hand<trickster> it;
  auto made = it.decide(trick::write{.count = 3, .size = 1, .reply_size = 2});
  CHECK(made.events.size() == 3);
  CHECK(made.reply(nullptr).get_if<trick::text>()->content == "rr");
}

TEST_CASE("effect: a rejection carries its reason and neither events nor a reply") {
  in_hand<account> it;
  auto made = it.decide(bank::withdraw{1});
  REQUIRE(made.rejection.has_value());
  CHECK(*made.rejection == error{errc::rejected, "insufficient funds"});
  CHECK(made.events.empty());
  CHECK(!made.reply);
}

TEST_CASE("effect: none and a persist without reply owe nobody anything") {
  in_hand<trickster> it;
  const auto ignored = it.decide(trick::ignore{});
  CHECK(ignored.events.empty());
  CHECK(!ignored.reply);
  const auto noted = it.decide(trick::note{});
  CHECK(noted.events.size() == 1);
  CHECK(!noted.reply);
}

TEST_CASE("effect: deciding changes nothing, so it can be done again") {
  in_hand<account> it;
  (void)it.decide(bank::deposit{30});
  (void)it.decide(bank::deposit{30});
  CHECK(static_cast<balance*>(it.actor.state())->cents == 0);
}

TEST_CASE("behaviour: exceptions and strangers become errors") {
  in_hand<trickster> it;
  const auto thrown =
      it.actor.decide(any_message::of(trick::blow_up{trick::place::on}), it.context);
  REQUIRE(!thrown.has_value());
  CHECK(thrown.error().code() == errc::handler_failed);
  CHECK(thrown.error().text().find("boom in on") != std::string::npos);
  CHECK(it.actor.decide(any_message::of(bank::get_balance{}), it.context).error().code() ==
        errc::unknown_message);

  CHECK(it.actor.replay({"trick.unheard_of", {}}).error().code() == errc::unknown_message);
  CHECK(it.actor.replay({"trick.written", {std::byte{0xc1}}}).error().code() ==
        errc::decode_failed);
  CHECK(it.actor.replay({"trick.blown_up", encode(trick::blown_up{})}).error().code() ==
        errc::handler_failed);
  CHECK(it.actor.decode_state(bytes{std::byte{0xc1}}).error().code() == errc::decode_failed);
}

TEST_CASE("behaviour: its state goes out and in, and reset makes it new") {
  in_hand<account> it;
  REQUIRE(it.actor.replay({"bank.deposited", encode(bank::deposited{7})}).has_value());
  bytes state;
  it.actor.encode_state(state);
  it.actor.reset();
  CHECK(static_cast<balance*>(it.actor.state())->cents == 0);
  REQUIRE(it.actor.decode_state(state).has_value());
  CHECK(static_cast<balance*>(it.actor.state())->cents == 7);
}

TEST_CASE("behaviour: its traits say what the runtime needs of the type") {
  const auto& traits = model<trickster>::traits();
  CHECK(traits.type.str() == "trickster");
  CHECK(traits.state_type == "trick.tally");
  CHECK(traits.state_schema == 3);
  CHECK((traits.snapshots == snapshot_policy::every(10)));
  CHECK(traits.command_window == 8);
  CHECK(traits.commands.size() == 5);
  CHECK(traits.events.size() == 2);
  CHECK(traits.retired_events.empty());
  CHECK(traits.find_command("trick.note") == &message_type_of<trick::note>());
  CHECK(traits.find_command("trick.unheard_of") == nullptr);
}

TEST_CASE("behaviour: an actor knows its id and keeps what its constructor was given") {
  const actor_address self{model<introvert>::traits().type, *actor_id::parse("me")};
  model<introvert> it{introvert{"I am "}, self};
  auto made = it.decide(any_message::of(who_are_you{}), {self, {}});
  REQUIRE(made.has_value());
  CHECK(made->reply(it.state()).get_if<named>()->name == "I am me");
}

TEST_CASE("answer: a dropped one is answered exactly once, as unknown; a given one not again") {
  int answers = 0;
  std::optional<errc> heard;
  const auto make = [&] {
    return reply_sink{aether::detail::answer_once{[&](result<any_reply> answer) {
      ++answers;
      heard = answer ? std::nullopt : std::optional{answer.error().code()};
    }}};
  };
  { auto dropped = make(); }
  CHECK(answers == 1);
  CHECK(heard == errc::outcome_unknown);
  {
    auto moved = make();
    reply_sink to = std::move(moved);
    to(any_reply{});
  }
  CHECK(answers == 2);
  CHECK(!heard);
}
