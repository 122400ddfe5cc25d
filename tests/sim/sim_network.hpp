// Simulated TCP between the server under test and any number of made-up hosts: listeners, byte
// streams of bounded capacity, FIN, RST, urgent data, latency. Errors are those of Linux.
// Knows addresses and octets; must not know descriptors, ops or FTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "io/address.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/timeline.hpp"

namespace sim {

/// "10.0.0.7" or "fd00::7" and a port, as the kernel writes them. The text must be a valid address.
io::Address address_of(std::string_view host, std::uint16_t port = 0);
/// "10.0.0.7:2121" or "[fd00::7]:2121".
std::string to_text(const io::Address& address);
bool same_host(const io::Address& left, const io::Address& right);
bool is_wildcard(const io::Address& address);

struct NetworkOptions {
  io::Time latency_min = 20 * io::microsecond;  ///< one way, drawn for each connection
  io::Time latency_max = 200 * io::microsecond;
  std::size_t segment_size = 16 * 1024;      ///< octets that travel together, at most
  double split_segments = 0.1;               ///< chance that a segment is cut at a random octet
  double slow_connections = 0;               ///< chance that a connection is a hundred times as slow
  std::size_t send_capacity = 64 * 1024;     ///< octets sent and not yet arrived
  std::size_t receive_capacity = 64 * 1024;  ///< octets arrived and not yet read
};

/// One end of a connection, or of one that is still to be made. Owned by the network until closed
/// through SimNetwork::close. Results are counts or negative errno values; -EAGAIN means "not yet".
class Socket {
 public:
  std::int64_t send(std::span<const char> from);
  /// The last octet of `from` is urgent. All of it must fit: see send_room().
  void send_urgent(std::span<const char> from);
  std::int64_t receive(std::span<char> into);
  /// 0 once connected, -EAGAIN before, or why it failed (told once).
  int connect_result();
  void shutdown_send();

  /// POLLIN, POLLOUT, POLLPRI, POLLERR, POLLHUP, POLLRDHUP: all that hold now.
  short events() const;
  std::size_t send_room() const;
  /// What has arrived and was not read, up to any urgent mark.
  std::string_view received() const { return received_; }
  bool urgent_pending() const { return mark_.has_value(); }
  /// The other end's FIN has arrived and all before it was read.
  bool at_end() const { return fin_received_ && received_.empty(); }
  bool connected() const { return state_ == State::connected; }
  bool was_reset() const { return dead_; }
  /// No octet is on its way and none waits to be sent.
  bool all_delivered() const { return unsent_.empty() && in_flight_ == 0; }

  const io::Address& local() const { return local_; }
  const io::Address& remote() const { return remote_; }

  bool urgent_inline = false;
  std::uint64_t pacing_rate = 0;  ///< octets a second, 0: no limit
  std::size_t send_capacity;
  std::size_t receive_capacity;
  /// Called whenever events() or connect_result() may have changed. It may not close sockets.
  std::function<void()> on_change;

 private:
  friend class SimNetwork;
  enum class State { open, connecting, connected };

  Socket(class SimNetwork& network, std::uint64_t id);
  int take_error();
  bool receive_closed() const { return fin_received_ || dead_; }

  SimNetwork& network_;
  const std::uint64_t id_;
  State state_ = State::open;
  io::Address local_;
  io::Address remote_;
  Socket* peer_ = nullptr;
  int error_ = 0;        // SO_ERROR
  bool closed_ = false;  // by its owner
  bool dead_ = false;    // reset, from either side
  bool silent_ = false;  // its host vanished: nothing leaves it, nothing reaches it

  // Outwards.
  std::string unsent_;
  std::size_t in_flight_ = 0;
  std::uint64_t appended_ = 0;           // octets ever accepted for sending
  std::optional<std::uint64_t> urgent_;  // stream position of the urgent octet not yet under way
  bool fin_wanted_ = false;
  bool fin_sent_ = false;
  io::Time latency_ = 0;
  io::Time last_arrival_ = 0;
  io::Time next_departure_ = 0;
  std::size_t segment_size_ = 0;

  // Inwards.
  std::string received_;
  std::uint64_t read_ = 0;             // octets ever read: the position of received_.front()
  std::optional<std::uint64_t> mark_;  // position of the urgent octet among them
  bool fin_received_ = false;
};

/// A listening socket, owned by the network until closed.
class Listener {
 public:
  bool has_pending() const { return !pending_.empty(); }
  const io::Address& local() const { return local_; }
  std::function<void()> on_change;

 private:
  friend class SimNetwork;
  io::Address local_;
  std::size_t backlog_ = 0;
  bool listens_ = true;
  std::deque<std::uint64_t> pending_;
};

class SimNetwork {
 public:
  SimNetwork(Timeline& timeline, std::uint64_t seed);
  ~SimNetwork();

  NetworkOptions options;

  /// The host that the program under test runs on also has 127.0.0.0/8, ::1 and the wildcards.
  const io::Address server_v4 = address_of("10.0.0.1");
  const io::Address server_v6 = address_of("fd00::1");
  bool is_server_address(const io::Address& address) const;

  /// Errors: EADDRINUSE. Port 0 picks a free one.
  std::expected<Listener*, int> listen(const io::Address& at, int backlog);
  /// The oldest connection that nobody took yet, or nullptr.
  Socket* accept(Listener& listener);
  /// A socket bound to `from`. Errors: EADDRINUSE when somebody listens there.
  std::expected<Socket*, int> open(const io::Address& from);
  /// 0 when under way, or a negative errno at once.
  int connect(Socket& socket, const io::Address& to);

  /// Like close(2): a FIN behind what is queued, or a RST when octets are unread.
  void close(Socket& socket);
  /// Resets connections that nobody accepted.
  void close(Listener& listener);
  /// Resets who waits to be accepted.
  void stop_listening(Listener& listener);
  void listen_again(Listener& listener) { listener.listens_ = true; }
  /// Like close(2) after SO_LINGER of 0: a RST at once.
  void reset(Socket& socket);
  /// Its host vanishes: no octet, FIN or RST leaves or reaches this end any more.
  void silence(Socket& socket) { socket.silent_ = true; }
  /// A RST from somewhere in between reaches both ends at once.
  void break_connection(Socket& socket);

  /// SYNs to this host get lost from now on.
  void make_unreachable(const io::Address& host) { unreachable_.insert(to_text_host(host)); }

 private:
  friend class Socket;

  static std::string to_text_host(const io::Address& address);
  Listener* find_listener(const io::Address& to);
  bool listener_overlaps(const io::Address& at) const;
  bool tuple_taken(const io::Address& local, const io::Address& remote) const;
  std::uint16_t free_port(const io::Address& host);
  Socket& make_socket();
  Socket* find(std::uint64_t id);

  void syn_arrives(std::uint64_t id, int attempt);
  void establish(Socket& active, Listener& listener);
  void connect_fails(Socket& socket, int error);
  void pump(Socket& from);
  void send_segment(Socket& from, std::size_t octets);
  void segment_arrives(Socket& from, const std::string& octets, std::optional<std::uint64_t> urgent);
  void send_reset(Socket& from);
  void reset_arrives(Socket& at);
  void kill(Socket& socket);
  /// Runs `event` when something that leaves `from` now reaches the other end, in stream order.
  void on_arrival(Socket& from, std::function<void(Socket&)> event);
  void forget_if_closed(Socket& socket);
  void changed(Socket& socket) {
    if (socket.on_change && !socket.closed_) socket.on_change();
  }

  Timeline& timeline_;
  Random random_;
  std::uint64_t next_id_ = 1;
  std::uint16_t next_port_ = 32768;
  std::map<std::uint64_t, std::unique_ptr<Socket>> sockets_;
  std::map<std::uint64_t, std::unique_ptr<Listener>> listeners_;
  std::set<std::string> unreachable_;
};

}  // namespace sim
