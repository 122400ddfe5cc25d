// The dealing out of misfortunes: by chance in a storm, by number in a sweep.
// Knows kinds and errno values; must not know what the operation acts on.
#include "tests/sim/sim_faults.hpp"

#include <cerrno>

namespace sim {

using io::OpKind;

Faults Faults::swarm(Random& random) {
  const auto maybe = [&](double most) {
    return random.chance(0.5) ? 0.0 : most * static_cast<double>(random.between(1, 100)) / 100;
  };
  Faults faults;
  faults.short_counts = maybe(0.8);
  faults.resets = maybe(0.02);
  faults.disk_full = maybe(0.05);
  faults.disk_errors = maybe(0.05);
  faults.no_descriptors = maybe(0.1);
  faults.slow_disk = maybe(0.2);
  faults.slow_connections = maybe(0.3);
  faults.slow_loop = maybe(0.9);
  faults.late_cancels = maybe(1.0);
  return faults;
}

bool is_on_disk(OpKind kind) { return kind >= OpKind::open && kind < OpKind::close; }

bool can_fail(OpKind kind) { return kind != OpKind::close && kind != OpKind::call && kind != OpKind::poll; }

int natural_error(OpKind kind) {
  switch (kind) {
    case OpKind::accept:
    case OpKind::open: return EMFILE;
    case OpKind::connect: return ECONNREFUSED;
    case OpKind::recv:
    case OpKind::send:
    case OpKind::send_file: return ECONNRESET;
    case OpKind::recv_file:
    case OpKind::write:
    case OpKind::allocate:
    case OpKind::make_dir:
    case OpKind::symlink:
    case OpKind::copy:
    case OpKind::link: return ENOSPC;
    default: return EIO;
  }
}

void FaultPlan::fail_operation(std::uint64_t n, int error, bool persistent) {
  first_failing_ = counted_ + n;
  error_ = error;
  persistent_ = persistent;
  fault_met_ = false;
}

int FaultPlan::decide(OpKind kind, bool grows) {
  if (!can_fail(kind)) return 0;
  ++counted_;
  if (counted_ == first_failing_ || (persistent_ && counted_ > first_failing_)) {
    fault_met_ = true;
    return error_ != 0 ? error_ : natural_error(kind);
  }
  return decide_by_chance(kind, grows);
}

int FaultPlan::decide_by_chance(OpKind kind, bool grows) {
  const bool opens = kind == OpKind::accept || kind == OpKind::open;
  if (opens && random_.chance(faults.no_descriptors)) return EMFILE;
  if (kind == OpKind::connect) return random_.chance(faults.resets) ? ECONNREFUSED : 0;
  const bool on_connection =
      kind == OpKind::recv || kind == OpKind::send || kind == OpKind::send_file || kind == OpKind::recv_file;
  if (on_connection && random_.chance(faults.resets)) return ECONNRESET;
  if (grows && random_.chance(faults.disk_full)) return ENOSPC;
  const bool on_file = is_on_disk(kind) || kind == OpKind::send_file || kind == OpKind::recv_file;
  return on_file && random_.chance(faults.disk_errors) ? EIO : 0;
}

}  // namespace sim
