// The seam between the reactor and the kernel: three verbs and a clock for what may wait, and a few
// calls on sockets that never do. io_uring, epoll and the simulator in tests/sim implement it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/fd.hpp"
#include "io/op.hpp"

namespace io {

/// What a socket should be. Zero and empty leave the kernel's default.
struct SocketOptions {
  bool no_delay = false;
  bool keepalive = false;
  bool urgent_inline = false;        ///< SO_OOBINLINE (RFC 1123 4.1.2.12 needs Telnet's urgent data in line)
  int notsent_lowat = 0;             ///< octets
  int send_buffer = 0;               ///< octets
  int receive_buffer = 0;            ///< octets
  std::uint64_t pacing_rate = 0;     ///< octets a second
  int busy_poll = 0;                 ///< microseconds
  std::string congestion_control{};  ///< "reno", "cubic", …
};

/// ended: the peer has closed or reset the connection, and nothing that it sent is left.
enum class Inbound : std::uint8_t { nothing, octets, ended };

/// shared: with the other listeners of this user that share it (SO_REUSEPORT); each new connection goes to one of them.
enum class PortUse : std::uint8_t { alone, shared };

class Backend {
 public:
  virtual ~Backend() = default;

  /// "io_uring", "epoll" or "simulated".
  virtual std::string_view name() const = 0;

  // ---- What may wait. ----

  /// Starts an idle op. Never runs its callback; an op that is done at once stands in the next wait()'s list.
  virtual void submit(Op& op) = 0;
  /// Asks an op in flight to end early. It still completes once: with -ECANCELED, or with its own
  /// result if that came first. Does nothing to an op that is not in flight.
  virtual void cancel(Op& op) = 0;
  /// Appends what is done already, for having been possible at once, and does not look for more.
  virtual void collect(OpList& ready) = 0;
  /// Waits until an op is done or `deadline` comes, and appends what is done to `ready`.
  /// Returns at once when something is done already or the deadline has passed.
  virtual void wait(Time deadline, OpList& ready) = 0;
  /// Monotonic time.
  virtual Time now() = 0;

  // ---- What never waits. Errors are errno values. ----

  /// The time of day, in nanoseconds since 1970, UTC.
  virtual std::int64_t wall_clock() = 0;
  /// A listening TCP socket. IPv6 ones take IPv6 only. A busy port gives EADDRINUSE.
  virtual std::expected<int, int> open_listener(const Address& at, int backlog, PortUse use = PortUse::alone) = 0;
  /// A listener on which no op is in flight takes nobody until listen_again(): its port stays its own, who connects is
  /// refused, and who waits in its backlog is reset. Only for a listener that was opened at a port, not at port 0.
  virtual void stop_listening(int listener) = 0;
  /// Result: 0 or an errno value; EADDRINUSE: another program took the port in the meantime.
  virtual int listen_again(int listener, int backlog) = 0;
  /// Closes a listener on which no op is in flight: its port is free, and whoever waits in its backlog is reset.
  virtual void close_listener(int listener) = 0;
  /// A TCP socket to connect from `from`; port 0 lets the kernel choose.
  virtual std::expected<int, int> open_socket(const Address& from) = 0;
  virtual Address local_address(int socket) = 0;
  /// Sets what can be set; an option that the kernel refuses is left as it is.
  virtual void set_options(int socket, const SocketOptions& options) = 0;
  /// Sends FIN behind what is queued; receiving goes on.
  virtual void shutdown_send(int socket) = 0;
  /// True while urgent data stands ahead of what has been read (RFC 854 Synch).
  virtual bool urgent_pending(int socket) = 0;
  /// Sends or receives what can be at once: octets (0 at the end of the stream), -EAGAIN, or a negative errno. For
  /// layers, whose libraries want a socket that answers; all others submit ops.
  virtual std::int32_t send_now(int socket, std::span<const char> from) = 0;
  virtual std::int32_t receive_now(int socket, std::span<char> into) = 0;
  /// Whether sockets are the kernel's own, and it can encrypt what is sent on them (Linux's TCP_ULP "tls").
  virtual bool has_kernel_tls() = 0;
  /// What a connection has to be read.
  virtual Inbound inbound(int socket) = 0;
  /// When an open file or directory was last changed (statx's ctime): nanoseconds since 1970; -1 on errors. On network
  /// file systems what is known of it here.
  virtual std::int64_t changed_at(int fd) = 0;
  /// Opens a directory that bounds a user's file system. For start-up and reload only: it may wait for a disk.
  virtual std::expected<int, int> open_root(const std::string& path) = 0;
};

/// Takes a port for listeners with PortUse::shared, which this user's processes may open as long as the descriptor
/// stays open; all others are told EADDRINUSE, and so is a second claim. EADDRINUSE when somebody listens there.
std::expected<Fd, int> claim_port(const Address& at);

/// 0, or why no socket of IPv6 can listen here: the kernel has none of it, or has it switched off.
int why_no_ipv6();

/// True when this process may set it, by SocketOptions::congestion_control.
bool has_congestion_control(const std::string& name);

/// What make_backend may be told. Sizes are octets.
struct BackendOptions {
  unsigned ring_entries = 1024;  ///< submission queue; the completion queue has 16 times as many
  unsigned offload_threads = 2;
  std::size_t passwords_waiting = 1000;  ///< for a thread, with Lane::passwords
  Time turn = 300 * microsecond;        ///< how long send_file and recv_file may move octets before wait() looks around
  std::size_t copy_size = 16 * 1024;    ///< send_file of no more is read and sent, instead of sendfile(2)
  std::size_t cold_size = 1024 * 1024;  ///< of a file that is not in memory, read at a time
  std::size_t pipes = 32;               ///< for recv_file
  std::size_t pipe_size = 1024 * 1024;  ///< a smaller pipe is taken when refused
  Time slow_write = 2 * millisecond;    ///< one that waited so long sends the next ones to the offload threads ...
  Time slow_writes_rest = second;       ///< ... for so long
};

struct ChosenBackend {
  std::unique_ptr<Backend> backend;
  std::string why;  ///< empty, or why io_uring was wanted by "auto" and is not used
};

/// Makes the backend named "io_uring" or "epoll", or with "auto" the first that works here. Call it on
/// the thread that will run the loop, after any fork: a ring belongs to the thread that made it.
/// Probes io_uring's features one by one; the error is a sentence that says what is missing.
std::expected<ChosenBackend, std::string> make_backend(std::string_view wanted, const BackendOptions& options);

}  // namespace io
