#pragma once

/// Everything a program with event-sourced actors needs. `aether/actors/testing.hpp` is separate.
#include <aether/actors/actor_ref.hpp>
#include <aether/actors/event_sourced_actor.hpp>
#include <aether/actors/typed_subscription.hpp>
#include <aether/cluster/node.hpp>
#include <aether/runtime/error.hpp>
#include <aether/runtime/log.hpp>
#include <aether/runtime/message.hpp>
#include <aether/runtime/options.hpp>
