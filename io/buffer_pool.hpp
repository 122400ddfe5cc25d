// A bounded pool of equal buffers, lent while octets are in flight.
// An empty pool is an ordinary event: the borrower waits or answers 4yz.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace io {

class BufferPool {
 public:
  /// Buffers of `buffer_size` octets, at most `limit` of them, allocated when first needed and then kept.
  BufferPool(std::size_t buffer_size, std::size_t limit);

  /// A buffer, or nullptr when all are lent.
  char* borrow();
  /// Gives back what borrow() lent; nullptr does nothing.
  void give_back(char* buffer);

  std::size_t buffer_size() const { return buffer_size_; }
  std::size_t lent() const { return lent_; }
  std::size_t limit() const { return limit_; }

 private:
  std::size_t buffer_size_;
  std::size_t limit_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<char[]>> all_;
  std::vector<char*> free_;
};

}  // namespace io
