// MODE B: blocks of up to 65535 octets, each behind a descriptor and a count. Knows the header; what marks
// do is in marked.hpp. Must not know TYPE and STRU. RFC 959 3.4.2.
#pragma once

#include "core/codec/marked.hpp"

namespace core {

/// File -> blocks, each as large as input and output allow.
class BlockEncoder final : public MarkedEncoder {
 public:
  using MarkedEncoder::MarkedEncoder;
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;

 private:
  Progress block(std::span<const char> in, std::span<char> out, Marks behind);
};

/// Blocks -> file.
class BlockDecoder final : public MarkedDecoder {
 public:
  using MarkedDecoder::MarkedDecoder;

 private:
  int on_head(char from) override;

  std::uint32_t head_ = 0;  ///< descriptor and count, as far as they came
  unsigned head_size_ = 0;
};

}  // namespace core
