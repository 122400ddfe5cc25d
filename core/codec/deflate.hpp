// MODE Z: a zlib stream (method 8, with header and Adler-32) around what the other codecs make. Knows zlib; must not
// know TYPE, STRU or who else is in the chain. draft-preston-ftpext-deflate-04 3.2, 3.3.1; RFC 1950.
#pragma once

#include <zlib.h>

#include "core/codec/codec.hpp"

namespace core {

/// Octets -> zlib stream. ENOMEM when zlib has no memory.
class DeflateEncoder final : public Codec {
 public:
  /// `level`: zlib's, 0 to 9. `skip`: octets of the input that are left out at its begin.
  DeflateEncoder(int level, std::uint64_t skip) : level_(level), skip_(skip) {}
  ~DeflateEncoder() override;
  DeflateEncoder(const DeflateEncoder&) = delete;
  DeflateEncoder& operator=(const DeflateEncoder&) = delete;
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  bool is_slow() const override { return true; }

 private:
  z_stream stream_{};
  bool begun_ = false;
  int level_;
  std::uint64_t skip_;
};

/// Zlib stream -> octets, up to where the stream ends; what stands behind is not taken. EBADMSG: no such stream;
/// ECONNRESET: closed before its end; ENOMEM as above.
class InflateDecoder final : public Codec {
 public:
  InflateDecoder() = default;
  ~InflateDecoder() override;
  InflateDecoder(const InflateDecoder&) = delete;
  InflateDecoder& operator=(const InflateDecoder&) = delete;
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  bool is_slow() const override { return true; }

 private:
  z_stream stream_{};
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace core
