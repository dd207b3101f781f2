#pragma once

#include "arguments.hpp"
#include "examples/flights/or_error.hpp"
#include "run_report.hpp"

namespace aether::chaos {

/// The whole run: servers, nodes, load, faults, healing, the last reads, the verdict. Everything
/// that it started has ended when it returns. Tells on stderr how far it is. For the main thread.
/// @errors it could not be carried out, or the user wants us to stop. What was seen until then is
///         in the history.
[[nodiscard]] flights::or_error<run_report> run_chaos(const arguments& given);

}  // namespace aether::chaos
