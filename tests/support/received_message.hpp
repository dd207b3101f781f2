#pragma once

#include <aether/runtime/nats.hpp>

#include <nats/nats.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::nats {

/// Makes messages without a connection.
struct message_access {
  static nats_message own(natsMsg* handle) { return nats_message{handle}; }
};

}  // namespace aether::nats

namespace aether::testing {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// A message as a subscription would give it. Headers that the client library does not take are
/// left out.
inline nats_message received_message(const header_list& headers, std::string_view payload) {
  nats_Open(-1);  // for the library's mutexes; does nothing from the second time on
  natsMsg* handle = nullptr;
  natsMsg_Create(&handle, "subject", nullptr, payload.data(), static_cast<int>(payload.size()));
  for (const auto& [name, value] : headers) natsMsgHeader_Add(handle, name.c_str(), value.c_str());
  return nats::message_access::own(handle);
}

}  // namespace aether::testing
