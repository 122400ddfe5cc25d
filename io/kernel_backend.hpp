// What both real backends share: the calls that never wait, the offload threads, and the engines of
// send_file and recv_file. Knows how an op proceeds from step to step; must not know how readiness
// is learnt (that is what the two backends add).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

#include "io/backend.hpp"
#include "io/buffer_pool.hpp"
#include "io/offload.hpp"
#include "io/pipe_pool.hpp"

namespace io {

class KernelBackend : public Backend {
 public:
  explicit KernelBackend(const BackendOptions& options);

  void cancel(Op& op) final;
  void collect(OpList& ready) final;
  Time now() final;
  std::int64_t wall_clock() final;
  std::expected<int, int> open_listener(const Address& at, int backlog, PortUse use = PortUse::alone) final;
  void stop_listening(int listener) final;
  int listen_again(int listener, int backlog) final;
  void close_listener(int listener) final;
  std::expected<int, int> open_socket(const Address& from) final;
  Address local_address(int socket) final;
  void set_options(int socket, const SocketOptions& options) final;
  void shutdown_send(int socket) final;
  bool urgent_pending(int socket) final;
  std::int32_t send_now(int socket, std::span<const char> from) final;
  std::int32_t receive_now(int socket, std::span<char> into) final;
  bool has_kernel_tls() final;
  Inbound inbound(int socket) final;
  std::int64_t changed_at(int fd) final;
  std::expected<int, int> open_root(const std::string& path) final;

 protected:
  /// Where an op in flight is. Kept in Op::backend_word, and written by the loop's thread only.
  enum class Place : std::uint64_t {
    nowhere,    ///< between two steps
    parked,     ///< with the derived class, until its descriptor is ready
    ring,       ///< with the derived class, in the kernel's hands
    moving,     ///< in moves_, until it is its turn to move octets
    offloaded,  ///< with the offload threads
    starved,    ///< in starved_, until a pipe comes back
  };
  static Place place_of(const Op& op) { return static_cast<Place>(op.backend_word); }
  static void set_place(Op& op, Place place) { op.backend_word = static_cast<std::uint64_t>(place); }

  /// Takes an idle op in.
  static void begin(Op& op);
  /// Makes an op ready with its result, for the next wait() to return.
  void finish(Op& op, std::int32_t result);
  /// Finishes an op that needs no waiting at all. False: it does, or nobody can know.
  bool finish_at_once(Op& op);
  /// Tries the op's next step: finishes it, parks it, or hands it to a thread.
  void advance(Op& op);
  /// Queues an op of a blocking kind for the offload threads.
  void hand_over(Op& op);
  /// Finishes an op; with -EAGAIN parks it until its descriptor is ready, unless it has been cancelled meanwhile.
  void settle(Op& op, std::int32_t result);
  /// Takes in what the offload threads have finished.
  void collect_offloaded();
  /// A turn begins: octets may be moved again for options.turn.
  void begin_turn() { moved_for_ = 0; }
  /// Moves octets, op by op, first come, first served, until the turn's time for it is up. False: some still wait.
  bool run_moves();
  bool moves_wait() const { return !moves_.empty(); }

  /// A descriptor is about to be closed: a new one may get the same number.
  virtual void forget(int) {}
  /// Arranges that advance() is called when one of wanted_events(op) holds (with an error it may be at any time).
  virtual void park(Op& op) = 0;
  /// Tries to stop an op that is parked or in the ring. True: it is stopped, and is to be ended now.
  /// False: it ends by itself later.
  virtual bool stop(Op& op) = 0;

  Offload offload_;
  OpList done_;

 private:
  static std::int32_t work(Op& op, std::span<char> scratch);
  void move(Op& op);
  void send(Op& op);
  void receive(Op& op);
  bool load(Op& op);
  void carry(Op& op);
  void on_offload_done(Op& op);
  void on_unloaded(Op& op);
  void feed_starved();

  BackendOptions options_;
  std::unique_ptr<char[]> scratch_;  // of the loop's own, as large as a thread's
  std::size_t scratch_size_;
  OpList moves_;                // send_file and recv_file that can go on
  Time moved_for_ = 0;          // in this turn
  Time writes_slow_until_ = 0;  // until then uploads are written by the threads
  PipePool pipes_;
  BufferPool buffers_;  // for recv_file when the kernel gives no pipe, or cannot splice from the socket
  OpList starved_;
};

/// The two real backends. The error says what the kernel lacks or forbids.
std::expected<std::unique_ptr<Backend>, std::string> make_epoll_backend(const BackendOptions& options);
std::expected<std::unique_ptr<Backend>, std::string> make_uring_backend(const BackendOptions& options);

}  // namespace io
