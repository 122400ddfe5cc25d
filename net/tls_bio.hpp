// A socket as OpenSSL sees it: a BIO over the backend's calls that never wait, the same on the kernel and in the
// simulator. Gathers records that are sent, so that several go in one system call. Knows octets; must not know TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "io/backend.hpp"

struct bio_st;

namespace net {

class TlsBio {
 public:
  TlsBio(io::Backend& backend, int socket) : backend_(backend), socket_(socket) {}
  TlsBio(const TlsBio&) = delete;
  TlsBio& operator=(const TlsBio&) = delete;

  /// A new BIO, the caller's, that must not outlive this.
  bio_st* make();

  /// From now until all is flushed, what is written is gathered: up to `octets`. Before and after, it is sent at once.
  void gather(std::size_t octets);
  /// Octets that still can be gathered; 0 while nothing is.
  std::size_t room() const { return capacity_ - end_; }
  bool empty() const { return begin_ == end_; }
  /// Sends what is gathered. 0: all of it is gone; -EAGAIN: the socket takes no more now; or a negative errno.
  std::int32_t flush();
  /// The errno of the last call that failed for another reason than having to wait; 0: none did.
  int error() const { return error_; }

  // ---- For the BIO's own functions: octets, or a negative errno. ----

  std::int32_t write(std::span<const char> from);
  std::int32_t read(std::span<char> into);

 private:
  io::Backend& backend_;
  int socket_;
  int error_ = 0;
  std::unique_ptr<char[]> gathered_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace net
