// What MODE B and C share: a shape inside, marks written around it, restart markers between.
// Knows when a marker is due and what a mark does; must not know how either is written (block, compressed),
// nor TYPE and STRU. RFC 959 3.4.2, 3.5; RFC 1123 4.1.3.4.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "core/codec/codec.hpp"

namespace core {

/// File -> network.
class MarkedEncoder : public Codec {
 public:
  MarkedEncoder(const Representation& as, std::unique_ptr<Codec> shape, const Markers& markers);
  void jump(std::uint64_t offset) override;

 protected:
  /// True when a marker stands here: so much of the file is behind, and sending could be taken up.
  bool marker_due(std::span<const char> in) const;
  /// The text of the marker that is due. It counts as sent.
  std::string_view next_marker();
  /// Runs the shape, up to where the next marker is due.
  Progress run_shape(std::span<const char> in, std::span<char> out, Marks behind);

 private:
  bool interval_passed() const { return interval_ > 0 && position_ >= next_; }

  std::unique_ptr<Codec> shape_;
  std::uint64_t interval_, unit_;
  std::uint64_t position_;  ///< in the file, of the next octet that the shape takes
  std::uint64_t next_;      ///< from here on a marker is due
  std::array<char, 20> text_{};
};

/// Network -> file. EBADMSG: bits that are not defined, or a marker that is no text; ECONNRESET: closed before
/// the mark for end of file.
class MarkedDecoder : public Codec {
 public:
  MarkedDecoder(const Representation& as, std::unique_ptr<Codec> shape);
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) final;
  std::string_view marker() const override { return marker_; }
  std::string state() const override { return shape_->state(); }
  bool restore(std::string_view state) override { return shape_->restore(state); }

 protected:
  /// An octet of what stands before a block or a string. An errno value.
  virtual int on_head(char from) = 0;
  /// The connection was closed where a head could stand. True when that ends the file (by begin()).
  virtual bool on_close() { return false; }
  /// From the head: a block or string of octets that follow in the stream. An errno value.
  int begin(std::size_t size, Marks marks);
  /// From the head: a string of equal octets.
  int begin_copies(std::size_t size, char from, Marks marks);

  static constexpr std::size_t copies_max = 63;
  static constexpr Marks undefined_bits = 0x0f;

 private:
  Progress deliver(std::span<const char> in, std::span<char> out);
  Progress add_to_marker(std::span<const char> in);

  std::unique_ptr<Codec> shape_;
  Marks meant_;               ///< marks that mean something in this STRU
  bool inside_ = false;       ///< a block or string has begun
  bool copied_ = false;       ///< its octets are in copies_
  std::size_t left_ = 0;      ///< octets of it still to come
  Marks marks_ = mark::none;  ///< what is behind them, or that they are a marker
  bool ended_ = false;
  std::int64_t at_ = -1;  ///< where the shape goes on, once what was made before is gone
  std::array<char, copies_max> copies_{};
  std::string marker_;
};

}  // namespace core
