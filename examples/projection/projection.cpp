// A view of all balances in an SQLite file, which counts each event once, whatever is killed. Each
// deposit is read back from the view as soon as it is stored. Without --nats everything but the
// view is in memory, and the view is one of its own; with it, start as many as you like on one
// machine: they share the partitions of the projection, and the file.
//
//     projection [--view FILE] [--nats nats://...] [--namespace bank] ...

#include <aether/aether.hpp>
#include "../bank/account.hpp"
#include "balance_view.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

int failed(const aether::error& why) {
  std::fprintf(stderr, "projection: %s\n", why.message().c_str());
  return 1;
}

/// The file of `--view FILE`; without it a new one.
std::string view_of(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "--view") return arguments[1];
  const auto made = std::filesystem::temp_directory_path() / "aether-balances.db";
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(made.string() + part);
  return made;
}

aether::projection_definition balances_in(const std::shared_ptr<balance_view>& view) {
  return {.name = "balances",
          .version = 1,
          .types = {*aether::actor_type::parse(account::type_name)},
          .handler = [view](const aether::projection_batch& batch) { return view->apply(batch); },
          .positions = view,
          .handler_stores_position = true};
}

/// Reads its own write: the answer says what the view must have seen.
aether::result<void> deposit_and_look(aether::node& node, balance_view& view, const char* name) {
  auto stored = node.actor<account>(name).ask(deposit{10'00}, 10s).get_with_position();
  if (!stored) return std::unexpected(stored.error());
  const auto balances = node.projection("balances");
  if (!balances) return std::unexpected(balances.error());
  if (auto seen = balances->wait_for(stored->position, 10s); !seen) return seen;
  const auto cents = view.cents_of(name);
  if (!cents) return std::unexpected(cents.error());
  std::printf("%-6s %8.2f  in the view %8.2f\n", name,
              static_cast<double>(stored->reply.cents) / 100,
              static_cast<double>(cents->value_or(0)) / 100);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> own;
  aether::node node{aether::options::from(argc, argv, own, "  --view FILE  the SQLite file\n")};
  const auto view = balance_view::open(view_of(own));
  if (!view) return failed(view.error());
  node.host<account>();
  node.project(balances_in(*view));
  if (auto joined = node.join(); !joined) return failed(joined.error());
  for (const char* name : {"alice", "bob", "alice"})
    if (auto looked = deposit_and_look(node, **view, name); !looked) return failed(looked.error());
  return node.leave() ? 0 : 1;
}
