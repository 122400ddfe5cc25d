// The simulator's only source of chance: xoshiro256**, seeded through splitmix64.
// Knows one seed and nothing else; must not read a clock or the kernel's randomness, except for the
// seed that MILLRACE_SEED asks to replay.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstdlib>

namespace sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix(seed);
  }

  std::uint64_t next() {
    const std::uint64_t value = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return value;
  }

  /// 0 to limit - 1. The bias of the remainder is far below what a simulation could notice.
  std::uint64_t below(std::uint64_t limit) {
    assert(limit > 0);
    return next() % limit;
  }

  /// From low to high, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    assert(low <= high);
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// True with this probability. Draws nothing when the answer is certain.
  bool chance(double probability) {
    if (probability <= 0) return false;
    if (probability >= 1) return true;
    return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }

  template <typename Range>
  auto& pick(Range& range) {
    return range[below(range.size())];
  }

  /// A generator of its own, so that one part of a test drawing more does not shift all others.
  Random fork() { return Random{next()}; }

 private:
  static std::uint64_t splitmix(std::uint64_t& seed) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  std::array<std::uint64_t, 4> state_{};
};

/// True when MILLRACE_SEED names a seed to replay.
inline bool seed_is_given() { return std::getenv("MILLRACE_SEED") != nullptr; }

/// MILLRACE_SEED, or `otherwise` when it is not set.
inline std::uint64_t seed_or(std::uint64_t otherwise) {
  const char* given = std::getenv("MILLRACE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : otherwise;
}

/// Calls `run(seed)` for the seeds 1 to `count`, or for MILLRACE_SEED alone.
template <typename Run>
void for_each_seed(std::uint64_t count, Run run) {
  if (seed_is_given()) return run(seed_or(0));
  for (std::uint64_t seed = 1; seed <= count; ++seed) run(seed);
}

}  // namespace sim
