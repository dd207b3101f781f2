#pragma once

#include "arguments.hpp"
#include "flight_log.hpp"
#include "or_error.hpp"
#include "report.hpp"

namespace flights {

/// The whole run, in numbered steps:
///   1. start a nats-server, unless one is given, and the node processes;
///   2. join with a node that hosts nothing, and check that all airports are at zero;
///   3. send every command, and kill a node half-way when asked to;
///   4. ask every airport for its numbers;
///   5. stop every node, start a fresh one, and ask again.
/// Shows progress on stderr. When it returns, nothing that it started is running.
/// @param log at least one flight.
/// @errors whatever keeps a step from being done; numbers that differ are no error, but in the
///         report.
[[nodiscard]] or_error<run_report> run_scenario(const arguments& given, const flight_log& log);

}  // namespace flights
