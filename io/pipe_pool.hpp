// A bounded pool of big pipes, each lent for one move of octets from a socket to a file.
// Few and shared: an unprivileged user may have 64 pipes of 1 MiB, and only full ones cost memory.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "io/fd.hpp"

namespace io {

struct Pipe {
  Fd out;                ///< the end to read from
  Fd in;                 ///< the end to write to
  std::size_t capacity;  ///< octets
};

class PipePool {
 public:
  /// At most `limit` pipes of `capacity` octets, made when first needed and then kept; a smaller one is taken when
  /// that is refused.
  PipePool(std::size_t limit, std::size_t capacity) : limit_(limit), capacity_(capacity) {}

  /// An empty pipe. nullptr when all are lent, or when the kernel makes none: all_lent() tells which.
  Pipe* borrow();
  /// Gives back an empty pipe.
  void give_back(Pipe* pipe);
  /// Gives back a pipe that may hold octets: it is closed, and a new one made when needed.
  void discard(Pipe* pipe);

  std::size_t lent() const { return lent_; }
  bool all_lent() const { return lent_ == limit_; }

 private:
  std::size_t limit_;
  std::size_t capacity_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<Pipe>> all_;
  std::vector<Pipe*> free_;
};

}  // namespace io
