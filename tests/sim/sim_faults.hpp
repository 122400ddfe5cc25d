// Which misfortunes a simulated kernel deals out, and to which operation.
// Knows kinds and errno values; must not know what the operation acts on.
#pragma once

#include <cstdint>
#include <limits>

#include "io/op.hpp"
#include "tests/sim/random.hpp"

namespace sim {

/// Probabilities, each for one operation unless it says otherwise. All zero: a kernel in good health.
struct Faults {
  double short_counts = 0;      ///< recv, send, send_file, recv_file, read, write move less than they could
  double resets = 0;            ///< a connection breaks under recv, send, send_file, recv_file; connect is refused
  double disk_full = 0;         ///< ENOSPC where a file or name would grow
  double disk_errors = 0;       ///< EIO on any file operation but close
  double no_descriptors = 0;    ///< EMFILE on accept, open, open_listener, open_socket
  double slow_disk = 0;         ///< a file operation takes up to half a second
  double slow_connections = 0;  ///< a new connection is a hundred times as slow
  double slow_loop = 0.2;       ///< a turn of the loop: several completions come in one batch
  double late_cancels = 0.3;    ///< a cancelled op ends with its own result if it has one by then

  /// Each kind of fault is on or off by the toss of a coin, and how likely it is differs too: seeds
  /// in which everything goes wrong at once would never get far.
  static Faults swarm(Random& random);
};

/// What an operation of this kind fails with when a sweep does not say.
int natural_error(io::OpKind kind);
/// Whether an operation of this kind may fail in a sweep: close, call and poll do not.
bool can_fail(io::OpKind kind);
/// Whether an operation of this kind waits for a disk.
bool is_on_disk(io::OpKind kind);

/// Decides for each operation, as it is submitted, whether it is going to fail.
class FaultPlan {
 public:
  explicit FaultPlan(std::uint64_t seed) : random_(seed) {}

  Faults faults;

  /// The n-th operation from now, counting from 1, fails with `error` (0: what is natural for its
  /// kind); with `persistent` all that follow fail too.
  void fail_operation(std::uint64_t n, int error = 0, bool persistent = false);
  /// Ends what fail_operation() began.
  void fail_none() { first_failing_ = none; }
  /// Whether fail_operation() has had its effect. A sweep ends when it had none.
  bool fault_met() const { return fault_met_; }

  /// 0 or the errno value that the operation is to fail with. Draws and counts.
  int decide(io::OpKind kind, bool grows);

 private:
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  int decide_by_chance(io::OpKind kind, bool grows);

  Random random_;
  std::uint64_t counted_ = 0;
  std::uint64_t first_failing_ = none;
  int error_ = 0;
  bool persistent_ = false;
  bool fault_met_ = false;
};

}  // namespace sim
