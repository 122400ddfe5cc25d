// Which codec a representation is: TYPE and STRU choose the shape, MODE what is around it. Knows all codecs; nobody
// else has to. RFC 959 3.1, 3.4.
#include "core/codec/codec.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include "core/codec/ascii.hpp"
#include "core/codec/block.hpp"
#include "core/codec/compressed.hpp"
#include "core/codec/deflate.hpp"
#include "core/codec/ebcdic.hpp"
#include "core/codec/local.hpp"
#include "core/codec/octets.hpp"
#include "core/codec/page.hpp"
#include "core/codec/record.hpp"
#include "core/codec/stream.hpp"

namespace core {
namespace {

/// Octets as they are.
class Identity final : public Codec {
 public:
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override {
    const std::size_t size = copy(in, out);
    return {.taken = size, .made = size, .marks = size == in.size() ? behind : mark::none};
  }
};

/// One codec behind another, with a small buffer between: pages of logical bytes that are packed, MODE Z.
class Chain final : public Codec {
 public:
  Chain(std::unique_ptr<Codec> first, std::unique_ptr<Codec> second)
      : first_(std::move(first)), second_(std::move(second)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  std::string state() const override;
  bool restore(std::string_view state) override;
  void jump(std::uint64_t offset) override { first_->jump(offset); }
  bool is_slow() const override { return first_->is_slow() || second_->is_slow(); }

 private:
  std::unique_ptr<Codec> first_, second_;
  std::span<const char> held_;  ///< of buffer_: what the first made and the second has not taken
  Marks marks_ = mark::none;    ///< behind that
  std::int64_t at_ = -1;        ///< where the second goes on, once what was made before is gone
  std::array<char, 4096> buffer_;
};

Progress Chain::run(std::span<const char> in, std::span<char> out, Marks behind) {
  if (at_ >= 0) return {.at = std::exchange(at_, -1)};
  Progress done;
  while (true) {
    if (held_.empty() && marks_ == mark::none) {
      const Progress first = first_->run(in.subspan(done.taken), buffer_, behind);
      done.taken += first.taken;
      done.error = first.error;
      held_ = std::span<const char>(buffer_).first(first.made);
      marks_ = first.marks;
      if (first.idle() || first.error != 0) return done;
    }
    Progress part = second_->run(held_, out.subspan(done.made), marks_);
    const bool idle = part.idle();
    held_ = held_.subspan(std::exchange(part.taken, 0));
    marks_ &= static_cast<Marks>(~part.marks);
    if (part.at >= 0 && done.made > 0) at_ = std::exchange(part.at, -1);
    done.add(part);
    if (at_ >= 0 || done.must_return()) return done;
    if (idle && (!held_.empty() || marks_ != mark::none)) return done;
  }
}

// Marks are passed on only with nothing held, so that what is received needs no more than both states.
std::string Chain::state() const {
  const std::string first = first_->state(), second = second_->state();
  return first.empty() && second.empty() && held_.empty() ? "" : first + '/' + second;
}

bool Chain::restore(std::string_view state) {
  if (state.empty()) return true;
  const std::size_t slash = state.find('/');
  if (slash == std::string_view::npos) return false;
  return first_->restore(state.substr(0, slash)) && second_->restore(state.substr(slash + 1));
}

/// What came in MODE Z. What is inside may tell its end by itself, as records do, and yet the file ends only where the
/// zlib stream does: with the checksum.
class Inflated final : public Codec {
 public:
  explicit Inflated(std::unique_ptr<Codec> inside) : Inflated(std::make_unique<InflateDecoder>(), std::move(inside)) {}
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// A file is taken up as in MODE S, in a new zlib stream.
  std::string state() const override { return inside_.state(); }
  bool restore(std::string_view state) override { return inside_.restore(state); }
  bool is_slow() const override { return true; }

 private:
  Inflated(std::unique_ptr<InflateDecoder> inflate, std::unique_ptr<Codec> inside)
      : inflate_(*inflate), inside_(*inside), both_(std::move(inflate), std::move(inside)) {}

  InflateDecoder& inflate_;
  Codec& inside_;
  Chain both_;  ///< which owns them
  bool inside_ended_ = false;
};

Progress Inflated::run(std::span<const char> in, std::span<char> out, Marks behind) {
  if (!inside_ended_) {
    Progress part = both_.run(in, out, behind);
    inside_ended_ = (part.marks & mark::end_of_file) != 0;
    part.marks &= static_cast<Marks>(~mark::end_of_file);
    if (!inside_ended_ || !part.idle()) return part;
  }
  std::array<char, 64> more;
  Progress rest = inflate_.run(in, more, behind);
  if (std::exchange(rest.made, 0) > 0) rest = {.error = EBADMSG};
  return rest;
}

/// The octets of a record's text, without its end; nullptr: as they are.
const Table* record_table(Type type, const Table& ebcdic) { return type == Type::ebcdic ? &ebcdic : nullptr; }

std::unique_ptr<Codec> packing_encoder(const Representation& as) {
  if (packs(as)) return std::make_unique<LocalEncoder>(as);
  return std::make_unique<Identity>();
}

std::unique_ptr<Codec> packing_decoder(const Representation& as) {
  if (packs(as)) return std::make_unique<LocalDecoder>(as);
  return std::make_unique<Identity>();
}

std::unique_ptr<Codec> encoder_shape(const Representation& as, std::uint64_t begin) {
  switch (as.structure) {
    case Structure::record: return std::make_unique<RecordEncoder>(record_table(as.type, to_ebcdic));
    case Structure::page: {
      auto pages = std::make_unique<PageEncoder>(as, begin);
      if (!packs(as)) return pages;
      return std::make_unique<Chain>(std::move(pages), packing_encoder(as));
    }
    case Structure::file: break;
  }
  switch (as.type) {
    case Type::ascii: return std::make_unique<AsciiEncoder>();
    case Type::ebcdic: return std::make_unique<Translation>(to_ebcdic);
    default: return packing_encoder(as);
  }
}

std::unique_ptr<Codec> decoder_shape(const Representation& as) {
  switch (as.structure) {
    case Structure::record: return std::make_unique<RecordDecoder>(record_table(as.type, from_ebcdic));
    case Structure::page: {
      auto pages = std::make_unique<PageDecoder>(as);
      if (!packs(as)) return pages;
      return std::make_unique<Chain>(packing_decoder(as), std::move(pages));
    }
    case Structure::file: break;
  }
  switch (as.type) {
    case Type::ascii: return std::make_unique<AsciiDecoder>();
    case Type::ebcdic: return std::make_unique<Translation>(from_ebcdic);
    default: return packing_decoder(as);
  }
}

}  // namespace

namespace {

/// What records are in a stream of octets: marks of two octets.
std::unique_ptr<Codec> stream_encoder(std::unique_ptr<Codec> shape, const Representation& as) {
  if (as.structure == Structure::record) return std::make_unique<StreamEncoder>(std::move(shape));
  return shape;
}

std::unique_ptr<Codec> stream_decoder(std::unique_ptr<Codec> shape, const Representation& as) {
  if (as.structure == Structure::record) return std::make_unique<StreamDecoder>(std::move(shape));
  return shape;
}

std::unique_ptr<Codec> encoder_around(std::unique_ptr<Codec> shape, const Representation& as, const Markers& markers) {
  switch (as.mode) {
    case Mode::block: return std::make_unique<BlockEncoder>(as, std::move(shape), markers);
    case Mode::compressed: return std::make_unique<CompressedEncoder>(as, std::move(shape), markers);
    case Mode::deflate:
      return std::make_unique<Chain>(stream_encoder(std::move(shape), as),
                                     std::make_unique<DeflateEncoder>(as.level, markers.skip));
    case Mode::stream: break;
  }
  return stream_encoder(std::move(shape), as);
}

}  // namespace

std::unique_ptr<Codec> make_encoder(const Representation& as, const Markers& markers) {
  return encoder_around(encoder_shape(as, markers.begin), as, markers);
}

// In TYPE A it is what it has to be; otherwise its lines become local ones first.
std::unique_ptr<Codec> make_listing_encoder(const Representation& as) {
  std::unique_ptr<Codec> shape = std::make_unique<Identity>();
  if (as.type != Type::ascii || as.structure != Structure::file)
    shape = std::make_unique<Chain>(std::make_unique<AsciiDecoder>(), encoder_shape(as, 0));
  return encoder_around(std::move(shape), as, {});
}

std::unique_ptr<Codec> make_decoder(const Representation& as) {
  auto shape = decoder_shape(as);
  switch (as.mode) {
    case Mode::block: return std::make_unique<BlockDecoder>(as, std::move(shape));
    case Mode::compressed: return std::make_unique<CompressedDecoder>(as, std::move(shape));
    case Mode::deflate: return std::make_unique<Inflated>(stream_decoder(std::move(shape), as));
    case Mode::stream: break;
  }
  return stream_decoder(std::move(shape), as);
}

}  // namespace core
