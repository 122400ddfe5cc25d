// What processes have used so far: a server with all its children and threads, and ourselves.
// Knows /proc and the kernel's clocks; must not know what the cost was for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace bench {

struct ProcessCost {
  /// Each process by its own clock, in nanoseconds, with its threads and those that ended; and what children left to
  /// it that ended and were waited for: summed by the kernel in nanoseconds, shown in ticks (10 ms). Not in it: the
  /// children of a process that waits for none, and those that ended and are not waited for yet by whoever took them.
  double cpu_s = 0;
  double cpu_user_s = 0, cpu_system_s = 0;  ///< the same, divided as the kernel guesses it, all in ticks
  std::uint64_t rss_kib = 0, pss_kib = 0;   ///< pss counts a shared page in parts; 0 where it may not be read
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
};

/// A process and all its descendants, as they are now. Nothing when there is no such process.
std::optional<ProcessCost> cost_of_tree(pid_t root);

/// CPU seconds of a process with all its threads, children left out, and of the calling thread. 0: there is none.
double process_cpu_s(pid_t pid);
double thread_cpu_s();
/// Cores that this process may run on.
unsigned usable_cores();

}  // namespace bench
