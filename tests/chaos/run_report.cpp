#include "run_report.hpp"

#include "judge.hpp"
#include "judge_json.hpp"

#include <cstdio>
#include <utility>

namespace aether::chaos {

namespace {

using json = nlohmann::json;

double milliseconds(std::int64_t us) { return static_cast<double>(us / 100) / 10; }

std::string seconds_text(std::int64_t us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(us) / 1e6);
  return text;
}

json outage_json(const std::optional<outage>& longest, std::int64_t began_us) {
  if (!longest) return nullptr;
  return {{"key", longest->key},
          {"from_ms", milliseconds(longest->from_us - began_us)},
          {"ms", milliseconds(longest->length_us())}};
}

json fault_json(const injected_fault& fault, std::int64_t began_us) {
  return {{"kind", to_string(fault.kind)},
          {"mode", to_string(fault.mode)},
          {"target", fault.target},
          {"at_ms", milliseconds(fault.from_us - began_us)},
          {"lasted_ms", milliseconds(fault.until_us - fault.from_us)}};
}

std::string fault_text(const injected_fault& fault, std::int64_t began_us) {
  std::string what{to_string(fault.kind)};
  if (fault.mode != fault_mode::plain) what += " " + std::string{to_string(fault.mode)};
  return "  at " + seconds_text(fault.from_us - began_us) + "  " + what + " " + fault.target +
         " for " + seconds_text(fault.until_us - fault.from_us) + "\n";
}

std::string unavailable_text(const std::string& kind, const unavailability::by_cause& of) {
  const std::int64_t longest = of.longest ? of.longest->length_us() : 0;
  return "  " + kind + ": " + std::to_string(longest / 1'000) + " ms" +
         (of.longest ? " (" + of.longest->key + ")" : "") + ", " + std::to_string(of.not_ok) +
         " operations without an answer\n";
}

}  // namespace

bool run_report::good() const noexcept {
  return verdict.good() && verdict.appends.ok > 0 && shards_served == shards && unread.empty() &&
         never_answered == 0 && durable.none() && mishaps.empty();
}

std::string as_text(const run_report& report) {
  std::string out = "nats-server " + report.nats_server_version + " x" +
                    std::to_string(report.nats_servers) + ", " + std::to_string(report.nodes) +
                    " nodes, " + std::to_string(report.seconds) + " s, seed " +
                    std::to_string(report.seed) + "\nfaults\n";
  for (const injected_fault& fault : report.faults) out += fault_text(fault, report.began_us);
  out += "longest without an answer, by what it was due to\n";
  for (const auto& [kind, of] : report.unavailable) out += unavailable_text(kind, of);
  out += "errors\n";
  for (const auto& [code, count] : report.errors)
    out += "  " + code + ": " + std::to_string(count) + "\n";
  out += "shards served at the end: " + std::to_string(report.shards_served) + " of " +
         std::to_string(report.shards) + "\n";
  for (const std::string& key : report.unread) out += "could not be read at the end: " + key + "\n";
  if (report.never_answered > 0)
    out += "asks that were never answered: " + std::to_string(report.never_answered) + "\n";
  out += "durable sends " + std::to_string(report.durable_sent) + ": " +
         std::to_string(report.durable_stored) + " stored\n";
  for (const std::string& one : report.durable.missing) out += "stored and lost: " + one + "\n";
  for (const std::string& one : report.durable.astray) out += "out of order: " + one + "\n";
  for (const std::string& mishap : report.mishaps) out += mishap + "\n";
  return out + as_text(report.verdict) + (report.good() ? "GOOD\n" : "BAD\n");
}

std::string as_json(const run_report& report) {
  json made = to_json(report.verdict);
  made["good"] = report.good();
  made["seed"] = report.seed;
  made["nodes"] = report.nodes;
  made["seconds"] = report.seconds;
  made["nats_server"] = report.nats_server_version;
  made["nats_servers"] = report.nats_servers;
  made["history"] = report.history;
  made["errors"] = report.errors;
  made["faults"] = json::array();
  for (const injected_fault& fault : report.faults)
    made["faults"].push_back(fault_json(fault, report.began_us));
  made["unavailable_ms"] = json::object();
  for (const auto& [kind, of] : report.unavailable) {
    made["unavailable_ms"][kind] = of.longest ? milliseconds(of.longest->length_us()) : 0.0;
    made["longest_outage"][kind] = outage_json(of.longest, report.began_us);
    made["not_ok"][kind] = of.not_ok;
  }
  made["shards"] = report.shards;
  made["shards_served"] = report.shards_served;
  made["unread"] = report.unread;
  made["never_answered"] = report.never_answered;
  made["durable"] = {{"sent", report.durable_sent},
                     {"stored", report.durable_stored},
                     {"missing", report.durable.missing},
                     {"astray", report.durable.astray}};
  made["mishaps"] = report.mishaps;
  return made.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace aether::chaos
