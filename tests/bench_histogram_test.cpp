// The load generator's histogram against sorted values.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "bench/histogram.hpp"
#include "tests/catch.hpp"

namespace {

using bench::Histogram;

constexpr double percents[] = {0, 1, 25, 50, 90, 99, 99.9, 99.99, 100};

std::int64_t exact_percentile(const std::vector<std::int64_t>& sorted, double percent) {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

void check_against(std::vector<std::int64_t> values, const Histogram& histogram) {
  std::ranges::sort(values);
  REQUIRE(histogram.count() == values.size());
  CHECK(histogram.max() == values.back());
  for (const double percent : percents) {
    const std::int64_t truth = exact_percentile(values, percent), told = histogram.percentile(percent);
    INFO(percent << " %: " << told << " for " << truth);
    CHECK(told >= truth);
    CHECK(static_cast<double>(told - truth) <= static_cast<double>(truth) / 64);
  }
}

// Spread over all magnitudes from nanoseconds to hours.
std::vector<std::int64_t> random_values(std::size_t count, unsigned seed) {
  std::mt19937_64 random{seed};
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(static_cast<std::int64_t>(random() >> (64 - 1 - random() % (Histogram::value_bits - 1))));
  return values;
}

}  // namespace

TEST_CASE("an empty histogram is all zeros", "[bench]") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.mean() == 0);
  for (const double percent : percents) CHECK(histogram.percentile(percent) == 0);
}

TEST_CASE("one value is every percentile", "[bench]") {
  for (const std::int64_t value : {0L, 1L, 63L, 64L, 127L, 128L, 1'000'000'007L, 3'600'000'000'000L}) {
    Histogram histogram;
    histogram.record(value);
    for (const double percent : percents) CHECK(histogram.percentile(percent) == value);
    CHECK(histogram.mean() == static_cast<double>(value));
  }
}

TEST_CASE("percentiles are never below the truth and at most 1/64 above", "[bench]") {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const auto values = random_values(10'000, seed);
    Histogram histogram;
    for (const std::int64_t value : values) histogram.record(value);
    check_against(values, histogram);
  }
}

TEST_CASE("every border between two buckets holds", "[bench]") {
  for (unsigned bits = 0; bits < Histogram::value_bits; ++bits) {
    for (const std::int64_t around : {-1, 0, 1}) {
      const std::int64_t value = std::max<std::int64_t>((std::int64_t{1} << bits) + around, 0);
      Histogram histogram;
      histogram.record(value);
      histogram.record(3 * value + 1);
      const std::int64_t told = histogram.percentile(50);
      CHECK(told >= value);
      CHECK(told - value <= value / 64);
    }
  }
}

TEST_CASE("what is out of range counts as the nearest value", "[bench]") {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(INT64_MAX);
  CHECK(histogram.percentile(50) == 0);
  CHECK(histogram.max() == (std::int64_t{1} << Histogram::value_bits) - 1);
}

TEST_CASE("merged histograms are one over all values", "[bench]") {
  auto values = random_values(5'000, 4);
  const auto more = random_values(700, 5);
  Histogram histogram, other;
  for (const std::int64_t value : values) histogram.record(value);
  for (const std::int64_t value : more) other.record(value);
  histogram.merge(other);
  values.insert(values.end(), more.begin(), more.end());
  check_against(values, histogram);
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  CHECK(histogram.mean() == Approx(sum / static_cast<double>(values.size())));
}
