// How a file travels: TYPE, STRU and MODE as values. Knows their letters and which go together; must
// not know how they are done (core/codec/) or who asked. RFC 959 3.1, 3.4, 5.1.
#pragma once

#include <cstdint>
#include <string>

namespace core {

// The values are the letters of the commands.
enum class Type : char { ascii = 'A', ebcdic = 'E', image = 'I', local = 'L' };
/// Format control says how a line would be printed; the octets travel alike (RFC 959 3.1.1.5, RFC 1123 4.1.2.2).
enum class Format : char { non_print = 'N', telnet = 'T', carriage_control = 'C' };
enum class Structure : char { file = 'F', record = 'R', page = 'P' };
/// Z: draft-preston-ftpext-deflate-04.
enum class Mode : char { stream = 'S', block = 'B', compressed = 'C', deflate = 'Z' };

template <typename Letter>
constexpr char letter(Letter value) {
  return static_cast<char>(value);
}

/// The largest logical byte of TYPE L, in bits.
inline constexpr unsigned byte_size_max = 64;
/// The smallest that can hold a page header's fields.
inline constexpr unsigned page_byte_size_min = 8;

/// zlib's levels.
inline constexpr int deflate_level_default = 6, deflate_level_max = 9;

/// The defaults are those of RFC 959 5.1.
struct Representation {
  Type type = Type::ascii;
  Format format = Format::non_print;
  unsigned byte_size = 8;  ///< TYPE L: bits of a logical byte, 1 to byte_size_max; else 8
  Structure structure = Structure::file;
  Mode mode = Mode::stream;
  int level = deflate_level_default;  ///< MODE Z: how hard a file that is sent is compressed, 0 to deflate_level_max
  bool operator==(const Representation&) const = default;
};

/// Octets of a file here that hold one logical byte: the smallest of 1, 2, 4 and 8 that it fits in,
/// high octet first (RFC 959 3.1.1.4: "stored so that they could be easily manipulated").
constexpr unsigned octets_of_byte(const Representation& as) {
  unsigned octets = 1;
  while (octets * 8 < as.byte_size) octets *= 2;
  return octets;
}

constexpr bool is_text(const Representation& as) { return as.type == Type::ascii || as.type == Type::ebcdic; }

/// True when logical bytes are packed closer on the way than in the file.
constexpr bool packs(const Representation& as) { return octets_of_byte(as) * 8 != as.byte_size; }

/// Octets of the file that a page holds: 512 logical bytes (RFC 959 appendix I), or as many as a header field of
/// fewer than ten bits can count.
constexpr std::uint64_t page_octets(const Representation& as) {
  const std::uint64_t bytes = as.byte_size < 10 ? 1ull << (as.byte_size - 1) : 512;
  return bytes * octets_of_byte(as);
}

/// Octets of the file between two places where its sending can be taken up: pages, or logical bytes that fill
/// whole octets on the way. 1: anywhere.
constexpr std::uint64_t resume_unit(const Representation& as) {
  if (as.structure == Structure::page) return page_octets(as);
  return packs(as) ? 8ull * octets_of_byte(as) : 1;
}

/// True when a file in MODE S has another number of octets on the way than at rest.
constexpr bool length_changes(const Representation& as) {
  return as.type == Type::ascii || packs(as) || as.structure != Structure::file;
}

/// True when the octets of the file are the octets on the data connection: no codec is needed.
constexpr bool travels_unchanged(const Representation& as) {
  return !is_text(as) && !packs(as) && as.structure == Structure::file && as.mode == Mode::stream;
}

/// True when the end of file is marked, so that the data connection stays open (RFC 959 3.3).
constexpr bool keeps_connection(const Representation& as) {
  return as.mode == Mode::block || as.mode == Mode::compressed;
}

/// In MODE Z octets are counted before they are compressed (deflate 3.7): what SIZE and REST mean.
constexpr Representation uncompressed(Representation as) {
  if (as.mode == Mode::deflate) as.mode = Mode::stream;
  return as;
}

/// The largest file whose pages can all be numbered in one logical byte.
constexpr std::uint64_t paged_file_max(const Representation& as) {
  return as.byte_size > 48 ? INT64_MAX : (std::uint64_t{1} << as.byte_size) * page_octets(as);
}

/// As the TYPE command writes it: "A N", "E C", "I", "L 36".
std::string type_text(const Representation& as);

/// Records are lines here, and pages are pages of logical bytes: the rest has no meaning (501).
constexpr bool goes_together(const Representation& as) {
  switch (as.structure) {
    case Structure::file: return true;
    case Structure::record: return as.byte_size == 8;
    case Structure::page: return !is_text(as) && as.byte_size >= page_byte_size_min;
  }
  return false;
}

}  // namespace core
