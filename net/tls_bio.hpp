// A socket as OpenSSL sees it: a BIO over the backend's calls that never wait, the same on the kernel and in the
// simulator. Gathers records that are sent, so that several go in one system call. Knows octets; must not know TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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

  /// From now until flush(), all that is written is gathered; about so many octets are to be expected. Before, and once
  /// all is flushed, what is written is sent at once.
  void gather(std::size_t octets);
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
  bool gathering_ = false;
  std::vector<char> gathered_;  ///< from begin_ on still to be sent
  std::size_t begin_ = 0;
};

}  // namespace net
