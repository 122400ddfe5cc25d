// STRU P: a file as pages with a header each, so that holes are left out and come back as holes.
// Knows logical bytes in their containers, as the file has them; must not know how they are packed on the way,
// nor where holes are: the caller jumps over them. RFC 959 3.1.2.3, appendix I; RFC 1123 4.1.2.3.
#pragma once

#include <array>
#include <cstdint>

#include "core/codec/codec.hpp"

namespace core {

/// The header's fields, each a logical byte, and the types of pages.
namespace page {
enum Field : std::uint8_t { header_length, index, data_length, type };
inline constexpr std::size_t field_count = 4;
enum Type : std::uint8_t { last = 0, simple = 1, descriptor = 2, access_controlled = 3 };
inline constexpr std::size_t container_max = 8;
inline constexpr std::size_t octets_max = 512 * container_max;
}  // namespace page

/// File -> pages. Input begins at a page's first octet; only what stands before a hole or the end may be shorter
/// than a page. EILSEQ: the file ends within a logical byte; EFBIG: a page's index does not fit in one.
class PageEncoder final : public Codec {
 public:
  PageEncoder(const Representation& as, std::uint64_t begin);
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// Not empty inside a page.
  std::string state() const override { return filled_ > 0 || sent_ < sealed_ ? "p" : ""; }
  void jump(std::uint64_t offset) override;

 private:
  void take(std::span<const char> in, Progress& done);
  void seal(page::Type type);

  std::uint64_t container_, page_octets_, index_max_;
  std::uint64_t position_;  ///< where in the file the page begins that is being filled
  bool jumped_ = false;     ///< it stands behind a hole
  bool ended_ = false;      ///< the last page is sealed
  int error_ = 0;
  std::size_t filled_ = 0;             ///< octets of data in page_
  std::size_t sealed_ = 0, sent_ = 0;  ///< of a whole page, header included, so much is made
  std::array<char, page::field_count * page::container_max + page::octets_max> page_;
};

/// Pages -> file. What a run makes with Progress::at comes in the next run, so that nothing made before stands
/// with it. EPROTONOSUPPORT: a page of unknown type; EBADMSG: one that contradicts itself.
class PageDecoder final : public Codec {
 public:
  explicit PageDecoder(const Representation& as);
  /// In MODE S the last page ends the file; in the others it has to come before the mode's mark.
  Progress run(std::span<const char> in, std::span<char> out, Marks behind) override;
  /// "e": the last page has come. "hOCTETS.VALUE.FIELD…": in a header. "dSKIP.LEFT": before data.
  std::string state() const override;
  bool restore(std::string_view state) override;

 private:
  bool complete() const { return ended_ && !end_is_marked_; }
  bool take_field(char from);
  int begin_page(std::int64_t& at);
  int begin_data(std::int64_t& at);

  std::uint64_t container_, page_octets_;
  bool end_is_marked_;
  bool ended_ = false;          ///< the last page has come
  std::int64_t position_ = -1;  ///< where the next octet made stands in the file; -1: not known
  std::int64_t at_ = -1;        ///< a position that has to be told
  std::array<std::uint64_t, page::field_count> fields_{};
  std::size_t field_ = 0;     ///< fields seen
  std::uint64_t octets_ = 0;  ///< of the next field, seen
  std::uint64_t value_ = 0;
  std::uint64_t skip_ = 0;  ///< octets to be passed over
  std::uint64_t left_ = 0;  ///< octets of data behind them
};

}  // namespace core
