// A bag of free ports: take a random one by swapping it with the last.
#include "net/passive_ports.hpp"

#include <numeric>
#include <utility>

namespace net {

PassivePorts::PassivePorts(core::PortRange range) : size_(range.size()), free_(size_) {
  std::iota(free_.begin(), free_.end(), range.first);
}

std::optional<std::uint16_t> PassivePorts::take(Random& random) {
  if (free_.empty()) return std::nullopt;
  std::swap(free_[random() % free_.size()], free_.back());
  const std::uint16_t port = free_.back();
  free_.pop_back();
  return port;
}

void PassivePorts::leave_out(std::uint16_t port) {
  std::erase(free_, port);
  size_ = free_.size();
}

void PassivePorts::give_back(std::uint16_t port) { free_.push_back(port); }

}  // namespace net
