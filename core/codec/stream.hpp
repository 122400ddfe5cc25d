// MODE S with STRU R: what a record encoder makes, with the ends of records and of the file as two octets.
// STRU F and P need nothing: their shape is all there is. Knows marks; must not know what is in a record.
// RFC 959 3.4.1.
#pragma once

#include <utility>

#include "core/codec/codec.hpp"

namespace core {

/// Records -> network.
class StreamEncoder final : public Codec {
 public:
  explicit StreamEncoder(std::unique_ptr<Codec> shape) : shape_(std::move(shape)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  std::string state() const override { return shape_->state(); }

 private:
  std::unique_ptr<Codec> shape_;
};

/// Network -> records. EBADMSG: an unknown control code; ECONNRESET: closed without the one for end of file.
class StreamDecoder final : public Codec {
 public:
  explicit StreamDecoder(std::unique_ptr<Codec> shape) : shape_(std::move(shape)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;

 private:
  Progress step(std::span<const char> in, std::span<char> out);
  Progress on_code(std::span<const char> in, std::span<char> out);

  std::unique_ptr<Codec> shape_;
  bool escaped_ = false;      ///< the escape octet came last
  Marks marks_ = mark::none;  ///< came, and the shape has not passed them on yet
  bool ended_ = false;
};

}  // namespace core
