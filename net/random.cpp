// A buffer of what getrandom(2) gives, so that a number costs no system call of its own.
#include "net/random.hpp"

#include <sys/random.h>

#include <utility>

namespace net {

Random::Random(std::optional<std::uint64_t> seed) {
  if (seed) seeded_.emplace(*seed);
}

// Up to 256 octets come whole once the kernel's pool is ready. Where the call is forbidden std::random_device knows
// other ways.
void Random::draw() {
  used_ = 0;
  if (getrandom(drawn_.data(), sizeof drawn_, 0) == static_cast<ssize_t>(sizeof drawn_)) return;
  std::random_device device;
  for (std::uint64_t& number : drawn_) number = std::uint64_t{device()} << 32 | device();
}

Random::result_type Random::operator()() {
  if (seeded_) return (*seeded_)();
  if (used_ == drawn_.size()) draw();
  return std::exchange(drawn_[used_++], 0);
}

}  // namespace net
