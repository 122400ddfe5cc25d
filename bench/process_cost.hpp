// What processes have used so far, read from /proc: of a server with all its children and threads, and of ourselves.
// Knows /proc's files; must not know what the cost was for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace bench {

struct ProcessCost {
  double cpu_user_s = 0, cpu_system_s = 0;
  std::uint64_t rss_kib = 0, pss_kib = 0;  ///< pss counts a shared page in parts; 0 where it may not be read
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
};

/// A process and all its descendants, as they are now. The CPU of children that ended and were waited for is in it.
/// Nothing when there is no such process.
std::optional<ProcessCost> cost_of_tree(pid_t root);

/// User and system seconds of this process, and of the calling thread.
double own_cpu_s();
double thread_cpu_s();
/// Cores that this process may run on.
unsigned usable_cores();

}  // namespace bench
