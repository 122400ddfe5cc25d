// TYPE E: one EBCDIC octet for each octet of the file, which is taken for ISO 8859-1. A file keeps its length.
// The characters are those of IBM code page 037, with NL (0x15) for the local end of line (RFC 959 3.1.1.2, 3.4).
// Must not know records or modes.
#pragma once

#include "core/codec/codec.hpp"
#include "core/codec/octets.hpp"

namespace core {

extern const Table to_ebcdic;
extern const Table from_ebcdic;

/// File -> network, or back, with the one table or the other.
class Translation final : public Codec {
 public:
  explicit Translation(const Table& table) : table_(table) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;

 private:
  const Table& table_;
};

}  // namespace core
