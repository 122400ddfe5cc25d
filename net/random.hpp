// Numbers that nobody can foretell: for passive ports, and for names that nobody else has. Each process has its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>

namespace net {

class Random {
 public:
  using result_type = std::uint64_t;

  /// From getrandom(2). With a seed, for tests: the same numbers for the same seed.
  explicit Random(std::optional<std::uint64_t> seed = std::nullopt);

  result_type operator()();
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

 private:
  void draw();

  std::optional<std::mt19937_64> seeded_;
  std::array<std::uint64_t, 32> drawn_{};  ///< of one call; each number is used once
  std::size_t used_ = drawn_.size();
};

}  // namespace net
