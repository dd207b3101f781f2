#pragma once

#include <aether/runtime/nats.hpp>
#include "violation.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace aether::nats {

/// A request whose answer is awaited.
struct open_request {
  /// Calls the handler with an error, its last call.
  void give_up(error why);

  std::variant<nats_connection::reply_handler, nats_connection::stream_handler> handler;
  std::chrono::milliseconds timeout{};
  /// For texts.
  std::string subject;
};

/// The open requests of a connection, each known by a token that is never used again; whoever
/// takes one out, or is lent it, is the only one to call its handler. Pure: time is passed in.
///
/// Threads: every member from any thread. Bounded by what callers have in flight.
class request_table {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using token = std::uint64_t;

  /// @returns the token; none, and `request` untouched, once the table is closed.
  [[nodiscard]] std::optional<token> add(open_request& request, time_point now);
  [[nodiscard]] std::optional<open_request> take(token key);
  /// The same for an answer; but one that may have further answers is lent, until `put_back` or
  /// `end`: nobody else is given it meanwhile. Cheaper than to take it out and add it again, once
  /// for each message of a bulk reading.
  [[nodiscard]] std::optional<open_request> for_answer(token key);
  /// For a further answer. False once closed, `request` untouched.
  [[nodiscard]] bool put_back(token key, open_request& request, time_point now);
  /// The last answer of one that was lent has come.
  void end(token key);
  /// Takes out everything whose deadline is `now` or earlier, in the order of deadlines.
  [[nodiscard]] std::vector<open_request> take_expired(time_point now);
  [[nodiscard]] std::vector<open_request> take_all();
  /// The server refused a message on the subject of `what`: whose it was is not said. Takes out the
  /// open requests on that subject once as many refusals were told as there are of them; before,
  /// one that was not refused, and is acted on, could be told that it was. (A refused `publish` on
  /// the subject counts as well: while a server changes its mind, that is not told apart.)
  struct refused_requests {
    std::vector<open_request> taken;
    /// Whether an open request is on that subject at all.
    bool concerned = false;
  };
  [[nodiscard]] refused_requests take_refused(const violation& what);
  /// How many are open.
  [[nodiscard]] std::size_t open() const;
  /// The earliest deadline; `time_point::max()` when nothing is open.
  [[nodiscard]] time_point next_deadline() const;
  /// No `add` succeeds from now on.
  void close();

 private:
  struct entry {
    open_request request;
    time_point deadline;
    /// Its place in `deadlines_`: `deadline` or, of one that was lent, earlier.
    time_point armed;
    bool lent = false;
  };

  open_request remove(std::unordered_map<token, entry>::iterator which);
  [[nodiscard]] std::vector<token> open_on(const violation& what) const;

  mutable std::mutex mutex_;
  std::unordered_map<token, entry> entries_;
  std::set<std::pair<time_point, token>> deadlines_;
  /// Refusals that are not settled, by subject, and the last token of the time when one was told.
  struct refusal_count {
    std::size_t told = 0;
    token until = 0;
  };
  std::unordered_map<std::string, refusal_count> refusals_;
  token last_ = 0;
  bool closed_ = false;
};

}  // namespace aether::nats
