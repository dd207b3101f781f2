#include "join_check.hpp"

#include <algorithm>
#include <vector>

namespace aether::cluster {

namespace {

void compare(std::string& text, const char* what, std::uint32_t own, std::uint32_t stored) {
  if (own == stored) return;
  text += std::string{text.empty() ? "" : "; "} + what + ": this node " + std::to_string(own) +
          ", the namespace " + std::to_string(stored);
}

/// "bank.deposit, bank.withdraw" of what `theirs` has and `own` lacks. Both sorted.
std::string lacking(const std::vector<std::string>& own, const std::vector<std::string>& theirs) {
  std::vector<std::string> missing;
  std::ranges::set_difference(theirs, own, std::back_inserter(missing));
  std::string text;
  for (const auto& name : missing) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void add(std::string& text, const std::string& type, const std::string& difference) {
  text += (text.empty() ? "" : "; ") + std::string{"type '"} + type + "': " + difference;
}

void compare_type(std::string& text, const hosted_type& own, const hosted_type& theirs) {
  if (auto names = lacking(own.commands, theirs.commands); !names.empty())
    add(text, own.type, "this node lacks commands " + names);
  if (auto names = lacking(own.events, theirs.events); !names.empty())
    add(text, own.type, "this node cannot read events " + names);
  if (own.snapshot_schema < theirs.snapshot_schema)
    add(text, own.type,
        "this node has snapshot schema " + std::to_string(own.snapshot_schema) + ", not " +
            std::to_string(theirs.snapshot_schema));
}

const hosted_type* find(std::span<const hosted_type> types, const std::string& type) {
  const auto found = std::ranges::find(types, type, &hosted_type::type);
  return found == types.end() ? nullptr : &*found;
}

}  // namespace

result<void> check_settings(const namespace_settings& own, const namespace_settings& stored) {
  std::string text;
  compare(text, "format", own.format, stored.format);
  compare(text, "shards", own.shards, stored.shards);
  compare(text, "streams", own.streams, stored.streams);
  if (text.empty()) return {};
  return fail(errc::incompatible_cluster,
              text +
                  ". These are fixed when a namespace is first used: start this node with the "
                  "namespace's values, or use another namespace");
}

result<void> check_types(std::span<const hosted_type> own, const node_id& other,
                         std::span<const hosted_type> theirs) {
  std::string text;
  for (const auto& one : theirs)
    if (const auto* same = find(own, one.type)) compare_type(text, *same, one);
  if (text.empty()) return {};
  return fail(errc::incompatible_cluster,
              "compared with node '" + other.str() + "': " + text +
                  ". Of a type that it hosts a node must know at least what the live ones know");
}

bool must_give_way(const incarnation_id& own, const heartbeat& other) {
  if (other.incarnation == own || other.state == member_state::down) return false;
  return other.state != member_state::joining || other.incarnation < own;
}

}  // namespace aether::cluster
