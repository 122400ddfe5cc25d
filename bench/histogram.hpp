// How long things took, as counts in log-linear buckets: small, mergeable, and never off by more than 1/64.
// Knows nanoseconds; must not know what was measured.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  /// Values from 0 to 2^46 ns (19 hours); what is outside counts as the nearest of these.
  static constexpr unsigned value_bits = 46;

  void record(std::int64_t ns);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  /// The value that `percent` (0 to 100) of all values do not exceed, at most 1/64 above the truth; 0 when empty.
  std::int64_t percentile(double percent) const;
  std::int64_t max() const { return max_; }  ///< exact
  double mean() const;                       ///< exact

 private:
  // Each power of two is cut into 64 buckets, so a bucket is at most 1/64 of its values wide.
  static constexpr unsigned bucket_bits = 6;
  static constexpr std::size_t bucket_count = (std::size_t{value_bits} - bucket_bits + 1) << bucket_bits;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t highest_in(std::size_t bucket);

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace bench
