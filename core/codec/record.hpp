// STRU R: a record is a line of the file, and its end is a mark in place of the LF.
// Knows the TYPE only as a character table; must not know how a mode writes a mark.
// RFC 959 3.1.2.2, 3.4; RFC 1123 4.1.2.4 (what comes back is what was sent, except that a last line gets its LF).
#pragma once

#include "core/codec/codec.hpp"
#include "core/codec/octets.hpp"

namespace core {

/// File -> records.
class RecordEncoder final : public Codec {
 public:
  /// nullptr: octets travel as they are.
  explicit RecordEncoder(const Table* table) : table_(table) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// Not empty inside a record: taken up there, an empty rest could not tell that a record has to be ended.
  std::string state() const override { return in_record_ ? "r" : ""; }

 private:
  const Table* table_;
  bool in_record_ = false;
};

/// Records -> file.
class RecordDecoder final : public Codec {
 public:
  explicit RecordDecoder(const Table* table);
  /// EILSEQ: a record holds an octet that would be the LF, so that its end could not be found again.
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;

 private:
  const Table* table_;
  char line_feed_;  ///< what the table makes an LF of
};

}  // namespace core
