// Buckets: the first 64 hold one value each, every later group of 64 the next power of two.
#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  if (bits <= bucket_bits) return value;
  const unsigned dropped = bits - bucket_bits - 1;  // what is left has bucket_bits + 1 bits, the first of them 1
  return (std::size_t{dropped} << bucket_bits) + (value >> dropped);
}

std::uint64_t Histogram::highest_in(std::size_t bucket) {
  constexpr std::size_t group = std::size_t{1} << bucket_bits;
  if (bucket < group) return bucket;
  const std::size_t dropped = bucket / group - 1;
  const std::uint64_t kept = bucket - dropped * group;
  return ((kept + 1) << dropped) - 1;
}

void Histogram::record(std::int64_t ns) {
  constexpr std::int64_t highest = (std::int64_t{1} << value_bits) - 1;
  const std::int64_t value = std::clamp<std::int64_t>(ns, 0, highest);
  ++counts_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::int64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double exact = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(exact), 1, count_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket < bucket_count; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) break;
  }
  return std::min(static_cast<std::int64_t>(highest_in(bucket)), max_);
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

}  // namespace bench
