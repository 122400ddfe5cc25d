// MODE C: strings of octets as they are, of one octet repeated, and of fillers. Knows how strings and escapes
// are written; what marks do is in marked.hpp. Of TYPE it knows the filler. RFC 959 3.4.3.
#pragma once

#include "core/codec/marked.hpp"

namespace core {

/// File -> strings.
class CompressedEncoder final : public MarkedEncoder {
 public:
  CompressedEncoder(const Representation& as, std::unique_ptr<Codec> shape, const Markers& markers);
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;

 private:
  std::size_t write_marker(std::span<char> out);
  std::size_t write_string(std::span<char> out);

  char filler_;
  std::span<const char> plain_;  ///< of buffer_: what the shape made and no string holds yet
  Marks marks_ = mark::none;     ///< behind that
  std::array<char, 4096> buffer_;
};

/// Strings -> file. ECONNRESET, except where an escape just said that the next string ends the file.
class CompressedDecoder final : public MarkedDecoder {
 public:
  CompressedDecoder(const Representation& as, std::unique_ptr<Codec> shape);

 private:
  enum class Awaits : std::uint8_t { string, descriptor, octet };

  int on_head(char from) override;
  bool on_close() override;

  char filler_;
  Awaits awaits_ = Awaits::string;
  std::size_t size_ = 0;     ///< of the string whose octet is awaited
  Marks code_ = mark::none;  ///< of escapes, for the next string
};

}  // namespace core
