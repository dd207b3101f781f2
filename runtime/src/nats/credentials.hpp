#pragma once

#include <aether/runtime/nats_options.hpp>

#include <nats/nats.h>

namespace aether::nats {

/// Has connections that are opened with `options` show the credentials of `from`, and encrypt as it
/// says. Reads the files.
/// @errors `invalid_options`: a file that cannot be read or is not what it should be; the text
/// names
///         the option and the file, and has nothing of what is in it.
[[nodiscard]] result<void> apply_credentials(natsOptions* options, const nats_options& from);

}  // namespace aether::nats
