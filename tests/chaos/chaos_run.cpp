#include "chaos_run.hpp"

#include <aether/cluster/node.hpp>
#include "examples/flights/stop_request.hpp"
#include "examples/flights/temp_directory.hpp"
#include "judge.hpp"
#include "line_to_servers.hpp"
#include "list_actor.hpp"
#include "load.hpp"
#include "nats_servers.hpp"
#include "node_fleet.hpp"
#include "node_role.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace aether::chaos {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint32_t client_nodes = 2;
/// For a cluster of servers that are just electing their leaders, on a slow machine.
constexpr auto ready_limit = 90s;
constexpr auto last_reads_limit = 90s;
constexpr milliseconds probe_timeout{30'000};
constexpr auto look_interval = 5ms;

void say(const std::string& what) { std::fprintf(stderr, "aether_chaos: %s\n", what.c_str()); }

bool includes(const std::vector<fault_kind>& kinds, fault_kind kind) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

/// One id for each shard.
std::vector<std::string> an_id_in_every_shard(std::uint32_t shards) {
  const auto type = actor_type::parse(list_actor::type_name).value();
  std::vector<std::string> ids(shards);
  std::uint32_t found = 0;
  for (std::uint32_t n = 0; found < shards; ++n) {
    std::string id = "probe-" + std::to_string(n);
    const auto shard = shard_of({type, actor_id::parse(id).value()}, shards).value();
    if (!ids[shard].empty()) continue;
    ids[shard] = std::move(id);
    ++found;
  }
  return ids;
}

/// Asks one actor in every shard. @param why gets the error of one that does not answer.
std::uint32_t count_served(node& through, std::uint32_t shards, std::string& why) {
  std::vector<reply_future<list_state>> asked;
  for (const std::string& id : an_id_in_every_shard(shards))
    asked.push_back(through.actor<list_actor>(id).ask(read_list{}, probe_timeout));
  const auto deadline = clock::now() + 2 * probe_timeout;
  return static_cast<std::uint32_t>(std::ranges::count_if(asked, [&](auto& one) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
    if (!one.wait_for(std::max(left, milliseconds{0}))) return false;
    const auto answer = one.get();
    if (!answer) why = answer.error().message();
    return answer.has_value();
  }));
}

class chaos_run {
 public:
  chaos_run(const arguments& given, flights::temp_directory directory)
      : given_{given}, directory_{std::move(directory)} {
    if (!given_.keep) return;
    directory_.keep();
    say("logs and data stay in " + directory_.path().string());
  }

  or_error<run_report> run() {
    for (const auto step :
         {&chaos_run::open_history, &chaos_run::start_servers, &chaos_run::start_nodes,
          &chaos_run::start_clients, &chaos_run::break_things, &chaos_run::heal,
          &chaos_run::read_at_the_end, &chaos_run::pass_judgement})
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  struct moment {
    milliseconds at;
    std::size_t fault;
    bool begins;
  };

  [[nodiscard]] member_options member(const std::string& id, const std::string& url) const {
    return {.nats_url = url,
            .node_id = id,
            .shards = given_.shards,
            .replicas = servers_->count() > 1 ? servers_->count() : 1};
  }

  or_error<void> open_history() {
    auto made = history_file::create(given_.history);
    if (!made) return std::unexpected(made.error());
    history_ = std::move(*made);
    return {};
  }

  or_error<void> start_servers() {
    const auto program = find_nats_server(given_.nats_server);
    if (!program) return std::unexpected(program.error());
    const std::uint32_t count = includes(given_.faults, fault_kind::servercluster) ? 3 : 1;
    auto started = nats_servers::start({*program, directory_.path(), count});
    if (!started) return std::unexpected(started.error());
    servers_ = std::move(*started);
    report_.nats_server_version = version_of(*program);
    report_.nats_servers = count;
    for (std::uint32_t i = 0; i < given_.nodes + client_nodes; ++i)
      lines_.push_back(std::make_unique<line_to_servers>(servers_->ports()));
    say("nats-server " + report_.nats_server_version + ", " + std::to_string(count) + " of them");
    return {};
  }

  or_error<void> start_nodes() {
    std::vector<node_fleet::node_command> commands;
    for (std::uint32_t i = 0; i < given_.nodes; ++i) {
      const std::string id = name_of_member(i);
      const member_options what = member(id, lines_[i]->url());
      commands.push_back(
          {id,
           {"--role", "node", "--node-id", id, "--nats", what.nats_url, "--shards",
            std::to_string(what.shards), "--replicas", std::to_string(what.replicas)},
           directory_.path() / (id + ".log")});
    }
    nodes_ = std::make_unique<node_fleet>(std::move(commands));
    say("starting " + std::to_string(given_.nodes) + " nodes");
    return with_server_logs(nodes_->await_ready(clock::now() + ready_limit));
  }

  [[nodiscard]] std::string name_of_member(std::uint32_t i) const {
    return i < given_.nodes ? "n" + std::to_string(i + 1)
                            : "client" + std::to_string(i - given_.nodes);
  }

  or_error<std::unique_ptr<node>> join_client(const std::string& id, const std::string& url) {
    auto chosen = options_of(member(id, url));
    if (!chosen) return std::unexpected(chosen.error().message());
    chosen->weight = 0;
    // Its log shares the terminal.
    if (std::getenv("AETHER_LOG_LEVEL") == nullptr) chosen->log_level = log::level::off;
    auto made = std::make_unique<node>(*chosen);
    for (const auto deadline = clock::now() + ready_limit;;) {
      const auto joined = made->join();
      if (joined) return made;
      if (clock::now() >= deadline || flights::stop_requested() != 0)
        return std::unexpected(id + " cannot join: " + joined.error().message() + nodes_->logs());
      std::this_thread::sleep_for(look_interval);
    }
  }

  or_error<void> start_clients() {
    std::vector<node*> through;
    for (std::uint32_t i = 0; i < client_nodes; ++i) {
      auto joined = join_client("client" + std::to_string(i), lines_[given_.nodes + i]->url());
      if (!joined) return std::unexpected(joined.error());
      through.push_back(joined->get());
      clients_.push_back(std::move(*joined));
    }
    load_ = std::make_unique<load>(load_options{.clients = given_.clients,
                                                .durable = given_.durable,
                                                .keys = given_.keys,
                                                .rate = given_.rate,
                                                .seed = given_.seed},
                                   std::move(through), *history_);
    return {};
  }

  or_error<void> break_things() {
    const auto& settings = clients_.front()->settings();
    plan_ = plan_faults({.seed = given_.seed,
                         .length = std::chrono::seconds{given_.seconds},
                         .kinds = given_.faults,
                         .nodes = given_.nodes,
                         .clients = client_nodes,
                         .servers = servers_->count(),
                         .patience = std::max(settings.failure_timeout, settings.lease)});
    say(std::to_string(given_.clients) + " clients at work for " + std::to_string(given_.seconds) +
        " s, " + std::to_string(plan_.size()) + " faults");
    report_.began_us = now_us();
    const auto began = clock::now();
    load_->start();
    for (const moment& next : moments()) {
      if (auto waited = keep_watch(began + next.at); !waited) return waited;
      next.begins ? inject(next.fault) : take_back(next.fault);
    }
    return keep_watch(began + std::chrono::seconds{given_.seconds});
  }

  [[nodiscard]] std::vector<moment> moments() const {
    std::vector<moment> all;
    for (std::size_t i = 0; i < plan_.size(); ++i) {
      all.push_back({plan_[i].at, i, true});
      all.push_back({plan_[i].at + plan_[i].lasts, i, false});
    }
    std::ranges::stable_sort(all, {}, &moment::at);
    return all;
  }

  /// Looks after the processes until then.
  or_error<void> keep_watch(clock::time_point until) {
    do {
      if (flights::stop_requested() != 0) return std::unexpected("interrupted");
      nodes_->tick();
      for (const auto& line : lines_) line->tick(clock::now());
      std::this_thread::sleep_until(std::min(until, clock::now() + look_interval));
    } while (clock::now() < until);
    return {};
  }

  void inject(std::size_t number) {
    const planned_fault& fault = plan_[number];
    const std::string target = fault.kind == fault_kind::server ? "every server"
                               : fault.kind == fault_kind::servercluster
                                   ? "server" + std::to_string(fault.target)
                                   : name_of_member(fault.target);
    say(std::string{to_string(fault.kind)} + " " + std::string{to_string(fault.mode)} + " " +
        target + " for " + std::to_string(fault.lasts.count()) + " ms");
    if (injected_.empty()) injected_.resize(plan_.size(), 0);
    injected_[number] = report_.faults.size();
    report_.faults.push_back({fault.kind, fault.mode, target, now_us(), now_us()});
    switch (fault.kind) {
      case fault_kind::kill:
        return nodes_->kill(fault.target);
      case fault_kind::stop:
        return nodes_->stop(fault.target);
      case fault_kind::leave:
        return nodes_->leave(fault.target);
      case fault_kind::partition:
        return cut_off(*lines_[fault.target], fault.mode);
      case fault_kind::server:
        return for_all_servers(&nats_servers::kill);
      case fault_kind::servercluster:
        return break_server(fault);
    }
  }

  void take_back(std::size_t number) {
    const planned_fault& fault = plan_[number];
    switch (fault.kind) {
      case fault_kind::kill:
      case fault_kind::leave:
        nodes_->resume(fault.target);
        break;
      case fault_kind::stop:
        nodes_->go_on(fault.target);
        break;
      case fault_kind::partition:
        lines_[fault.target]->open();
        break;
      case fault_kind::server:
        for_all_servers(&nats_servers::restart);
        break;
      case fault_kind::servercluster:
        heal_server(fault.target);
        break;
    }
    report_.faults[injected_[number]].until_us = now_us();
  }

  static void cut_off(line_to_servers& line, fault_mode how) {
    if (how == fault_mode::both_ways) return line.block_by_and_by(clock::now());
    line.set(how == fault_mode::to_server ? flow::no_upward
             : how == fault_mode::to_node ? flow::no_downward
                                          : flow::cut);
  }

  void for_all_servers(void (nats_servers::*what)(std::uint32_t)) {
    for (std::uint32_t i = 0; i < servers_->count(); ++i) ((*servers_).*what)(i);
  }

  void break_server(const planned_fault& fault) {
    if (fault.mode == fault_mode::killed) return servers_->kill(fault.target);
    if (fault.mode == fault_mode::stopped) return servers_->pause(fault.target);
    servers_->set_routes(fault.target,
                         fault.mode == fault_mode::routes_cut ? flow::cut : flow::blocked);
  }

  void heal_server(std::uint32_t i) {
    servers_->set_routes(i, flow::open);
    servers_->resume(i);
    servers_->restart(i);
  }

  or_error<void> heal() {
    say("healing, and waiting for the clients' last answers");
    for (const auto& line : lines_) line->open();
    for (std::uint32_t i = 0; i < servers_->count(); ++i) heal_server(i);
    nodes_->heal();
    load_->stop();
    if (auto ready = servers_->await_greetings(clock::now() + ready_limit); !ready)
      return std::unexpected(ready.error());
    return with_server_logs(nodes_->await_ready(clock::now() + ready_limit));
  }

  or_error<void> read_at_the_end() {
    say("reading every list through a fresh client, once all durable sends are in them");
    const line_to_servers line{servers_->ports()};
    auto fresh = join_client("final", line.url());
    if (!fresh) return std::unexpected(fresh.error());
    report_.durable = load_->await_durable(**fresh, clock::now() + last_reads_limit);
    report_.durable_sent = load_->durable().sent();
    report_.durable_stored = load_->durable().stored();
    report_.unread = load_->read_all(**fresh, clock::now() + last_reads_limit);
    report_.shards = given_.shards;
    std::string why;
    report_.shards_served = count_served(**fresh, given_.shards, why);
    if (!why.empty()) say("a shard does not answer: " + why + nodes_->logs());
    (*fresh)->leave();
    report_.errors = load_->errors();
    report_.never_answered = load_->never_answered();
    for (const auto& client : clients_) client->leave();
    nodes_->end();
    report_.mishaps = nodes_->mishaps();
    for (const std::string& one : servers_->ended_by_themselves()) report_.mishaps.push_back(one);
    return {};
  }

  or_error<void> pass_judgement() {
    if (auto written = history_->flush(); !written) return written;
    report_.unavailable = history_->times().attribute(report_.faults);
    std::ifstream written{given_.history};
    auto verdict = judge(written);
    if (!verdict) return std::unexpected(given_.history.string() + ": " + as_text(verdict.error()));
    report_.verdict = std::move(*verdict);
    report_.nodes = given_.nodes;
    report_.seconds = given_.seconds;
    report_.seed = given_.seed;
    report_.history = given_.history.string();
    return {};
  }

  [[nodiscard]] or_error<void> with_server_logs(or_error<void> done) const {
    if (!done) done.error() += servers_->logs();
    return done;
  }

  const arguments& given_;
  // In the order in which they are needed; so they go the other way round.
  flights::temp_directory directory_;
  std::unique_ptr<history_file> history_;
  std::unique_ptr<nats_servers> servers_;
  /// The nodes', then the clients'.
  std::vector<std::unique_ptr<line_to_servers>> lines_;
  std::unique_ptr<node_fleet> nodes_;
  std::vector<std::unique_ptr<node>> clients_;
  std::unique_ptr<load> load_;
  std::vector<planned_fault> plan_;
  /// Of each fault of the plan its place in the report.
  std::vector<std::size_t> injected_;
  run_report report_;
};

}  // namespace

flights::or_error<run_report> run_chaos(const arguments& given) {
  auto directory = flights::temp_directory::make("aether-chaos");
  if (!directory) return std::unexpected(directory.error());
  return chaos_run{given, std::move(*directory)}.run();
}

}  // namespace aether::chaos
