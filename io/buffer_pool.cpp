// Lends and takes back equal buffers. Belongs to the loop's thread alone.
// Knows sizes and counts; must not know what the octets are.
#include "io/buffer_pool.hpp"

#include <cassert>

namespace io {

BufferPool::BufferPool(std::size_t buffer_size, std::size_t limit) : buffer_size_(buffer_size), limit_(limit) {}

char* BufferPool::borrow() {
  if (free_.empty()) {
    if (all_.size() == limit_) return nullptr;
    all_.push_back(std::make_unique_for_overwrite<char[]>(buffer_size_));
    free_.push_back(all_.back().get());
  }
  char* buffer = free_.back();
  free_.pop_back();
  ++lent_;
  return buffer;
}

void BufferPool::give_back(char* buffer) {
  if (buffer == nullptr) return;
  assert(lent_ > 0);
  --lent_;
  free_.push_back(buffer);
}

}  // namespace io
