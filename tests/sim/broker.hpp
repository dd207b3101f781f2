#pragma once

#include "engine/callback.hpp"
#include "engine/timeline.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

/// What NATS is to a cluster: servers that pass on messages between connections.
///
/// - A connection is TCP: what it carries keeps its order, in both directions. A cut cable holds
///   it up; when the cable is mended before a side has given the connection up, all of it arrives
///   late. When a side gives up, what is under way is lost; a server that dies loses it too.
/// - A message goes to everyone who listens on its subject when the server handles it. Nobody: a
///   request learns so at once ("no responders").
/// - Servers tell each other what is listened on, over routes that keep order, too. A route that is
///   cut holds things up until both sides give it up; then what is behind it counts as gone.
/// - What a client sends while it has no connection waits in it and is sent with the next one.
///
/// Nothing else is lost, and nothing is doubled: core NATS sends nothing again.
namespace aether::sim {

class process;
class world;

/// What a subject is about; the numbers are a subject's parts.
struct subject {
  enum class kind : std::uint8_t { none, heartbeats, node, process, commands, hand_over, inbox };
  kind what = kind::none;
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  [[nodiscard]] std::uint64_t key() const noexcept {
    return static_cast<std::uint64_t>(what) << 56 | static_cast<std::uint64_t>(first) << 24 |
           second;
  }
};

/// The payload of a message: known by its subject. Immutable, so that all who get it share it.
struct content {
  content() = default;
  content(const content&) = delete;
  content& operator=(const content&) = delete;
  virtual ~content() = default;
};
using content_ptr = std::shared_ptr<const content>;

struct message {
  subject to;
  /// The process that asks, whose inbox gets the answer under `token`; 0: no answer is wanted.
  std::uint32_t asker = 0;
  std::uint64_t token = 0;
  /// A server's word that nobody listens.
  bool nobody = false;
  content_ptr what;
};

/// How a request ended.
struct answer {
  enum class kind : std::uint8_t {
    answered,   ///< `what` has it
    nobody,     ///< no one listens
    not_sent,   ///< there was no connection
    timed_out,  ///< nothing came in time, or the connection broke meanwhile
  };
  kind how = kind::timed_out;
  content_ptr what;
};

class broker {
 public:
  /// One connection as the server has it and the client had it; never reused.
  struct session {
    process* owner = nullptr;
    std::uint32_t number = 0;
    std::uint32_t server = 0;
    bool known_to_server = true;
    bool known_to_client = true;
    bool cut = false;
    real_time up_last{};
    real_time down_last{};
    std::deque<task> held_up;
    std::deque<task> held_down;
    std::vector<subject> listens;
  };

  broker(world& in, std::uint32_t servers);

  [[nodiscard]] std::uint32_t servers() const noexcept {
    return static_cast<std::uint32_t>(servers_.size());
  }
  [[nodiscard]] bool up(std::uint32_t server) const { return servers_[server].up; }
  [[nodiscard]] bool separated(std::uint32_t server) const { return servers_[server].separated; }

  /// A new connection to `server`, which is up.
  session& connect(process& owner, std::uint32_t server);
  /// The client gives the session up; the server learns of it unless the cable is cut.
  void abandon(session& which);

  // What a client sends; nothing comes of it once the session is gone.
  void publish(session& from, message what);
  void listen(session& from, subject to);
  void ignore(session& from, subject to);
  /// `pong` runs at the client when the server has handled all that was sent before.
  void ping(session& from, task pong);
  /// A call of JetStream's: `run` runs there, perhaps late, perhaps not at all.
  using service = callback<content_ptr&>;
  void call(session& from, std::uint64_t token, service run);

  // What goes wrong.
  void cut(session& which);
  void mend(session& which);
  void kill_server(std::uint32_t server);
  void start_server(std::uint32_t server);
  /// Cuts a server off from all others.
  void cut_routes(std::uint32_t server);
  void mend_routes(std::uint32_t server);
  /// JetStream answers nothing for a while: in silence, or with "no responders".
  void storage_gone(real_time span, bool says_so);
  /// How long a message takes at most, each way.
  real_time delay_max = std::chrono::microseconds{300};
  /// The part of JetStream's calls that are done late, up to `late_max` later.
  double late = 0;
  real_time late_max = std::chrono::seconds{6};
  /// The part of JetStream's answers that are lost.
  double answers_lost = 0;

 private:
  struct server_state {
    bool up = true;
    bool separated = false;
    std::unordered_map<std::uint64_t, std::vector<session*>> interest;
    /// By server: how many connections there listen on a subject, as far as this one knows.
    std::vector<std::unordered_map<std::uint64_t, std::uint32_t>> remote;
  };
  struct route {
    /// Rises when the route is given up or made anew: what is under way is lost.
    std::uint64_t session = 0;
    bool alive = true;
    bool held_up = false;
    real_time last{};
    std::deque<task> held;
  };

  [[nodiscard]] real_time delay();
  template <class Do>
  void up_send(session& from, Do what);
  void down_send(session& to, message what);
  void down_send(session& to, task what);
  void route_send(std::uint32_t from, std::uint32_t to, task what);
  [[nodiscard]] route& route_between(std::uint32_t from, std::uint32_t to) {
    return routes_[from * servers() + to];
  }
  void handle(session& from, const message& what);
  bool deliver(std::uint32_t at, const message& what);
  void drop(session& which);
  void remove_interest(session& which, subject to);
  void give_up_routes(std::uint32_t server);
  void make_route(std::uint32_t from, std::uint32_t to);
  [[nodiscard]] bool storage_reachable(std::uint32_t from) const;
  void perform(session& from, std::uint64_t token, service run);

  world& in_;
  std::vector<server_state> servers_;
  std::vector<route> routes_;
  std::vector<std::unique_ptr<session>> sessions_;
  real_time storage_gone_until_{};
  bool storage_says_so_ = false;
  /// The server that leads JetStream's streams, once it is there again.
  std::uint32_t storage_at_ = 0;
  real_time storage_moves_until_{};
};

}  // namespace aether::sim
