#include <aether/cluster/leader_election.hpp>
#include <aether/runtime/options.hpp>
#include "enter_election.hpp"
#include "kv_lease_register.hpp"

#include <utility>

namespace aether::cluster {

namespace {

constexpr std::chrono::milliseconds lease_min{100};
constexpr std::chrono::milliseconds lease_max = std::chrono::hours{24};
constexpr std::uint32_t replicas_max = 5;
constexpr int requests_per_lease = 4;

result<void> check_numbers(const election_options& options) {
  if (options.lease < lease_min || options.lease > lease_max)
    return fail(errc::invalid_argument, "lease " + std::to_string(options.lease.count()) +
                                            "ms is not between 100ms and 24h");
  if (options.replicas < 1 || options.replicas > replicas_max)
    return fail(errc::invalid_argument,
                "replicas " + std::to_string(options.replicas) + " is not between 1 and 5");
  return {};
}

/// As `options::check` has it; an election's `name` is a token like a namespace.
result<subjects> names_of(const election_options& options) {
  const auto prefix = namespace_name::parse(options.prefix);
  if (!prefix || options.prefix == "KV" || options.prefix.find('_') != std::string::npos)
    return fail(errc::invalid_argument,
                "prefix '" + options.prefix + "' is not 1-64 of [A-Za-z0-9-], or it is KV");
  if (!namespace_name::allows(options.name))
    return fail(errc::invalid_argument,
                "election name '" + options.name + "' is not 1-64 of [A-Za-z0-9_-]");
  auto ns = namespace_name::parse(options.ns);
  if (!ns) return std::unexpected(std::move(ns).error());
  return subjects{*prefix, *ns};
}

std::unique_ptr<lease_register> meeting_place(std::shared_ptr<nats_connection> connection,
                                              std::shared_ptr<memory_leases> in_memory,
                                              subjects names, const election_options& options) {
  if (connection)
    return std::make_unique<kv_lease_register>(std::move(connection), std::move(names),
                                               options.name, options.replicas,
                                               options.lease / requests_per_lease);
  AETHER_ASSERT(in_memory && "an election needs a connection");
  return std::make_unique<memory_lease_register>(std::move(in_memory), options.name);
}

}  // namespace

result<std::shared_ptr<election_candidate>> enter_election(
    std::shared_ptr<nats_connection> connection, std::shared_ptr<memory_leases> in_memory,
    const election_options& options, election_handlers handlers) {
  if (auto numbers = check_numbers(options); !numbers)
    return std::unexpected(std::move(numbers).error());
  auto names = names_of(options);
  if (!names) return std::unexpected(std::move(names).error());
  auto candidate = node_id::parse(options.candidate.empty() ? aether::options::generated_node()
                                                            : options.candidate);
  if (!candidate)
    return fail(errc::invalid_argument,
                "candidate '" + options.candidate + "' is not 1-64 of [A-Za-z0-9_-]");
  auto made = std::make_shared<election_candidate>(
      options.name, options.lease, std::move(*candidate),
      meeting_place(std::move(connection), std::move(in_memory), std::move(*names), options),
      std::move(handlers));
  made->start();
  return made;
}

result<leader_election> leader_election::enter(std::shared_ptr<nats_connection> connection,
                                               const election_options& options,
                                               election_handlers handlers) {
  auto made = enter_election(std::move(connection), nullptr, options, std::move(handlers));
  if (!made) return std::unexpected(std::move(made).error());
  return leader_election{std::move(*made)};
}

leader_election::leader_election(std::shared_ptr<election_candidate> candidate) noexcept
    : candidate_{std::move(candidate)} {}

leader_election::leader_election(leader_election&&) noexcept = default;

leader_election& leader_election::operator=(leader_election&& other) noexcept {
  if (this != &other && candidate_) candidate_->leave();
  candidate_ = std::move(other.candidate_);
  return *this;
}

leader_election::~leader_election() {
  if (candidate_) candidate_->leave();
}

bool leader_election::leading() const noexcept { return candidate_->leading(); }
std::uint64_t leader_election::term() const noexcept { return candidate_->term(); }
std::optional<std::string> leader_election::leader() const { return candidate_->leader(); }
const std::string& leader_election::candidate() const noexcept { return candidate_->candidate(); }
std::optional<error> leader_election::problem() const { return candidate_->problem(); }
void leader_election::resign() { candidate_->resign(); }
void leader_election::leave() { candidate_->leave(); }

}  // namespace aether::cluster
