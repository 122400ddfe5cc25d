// Logical bytes <-> their bits in a row. Knows bits and containers. RFC 959 3.1.1.4.
#include "core/codec/local.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/codec/octets.hpp"
#include "core/text.hpp"

namespace core {
namespace {

/// The most that one logical byte makes on the way: 63 bits behind seven that were held.
constexpr std::size_t packed_max = 9;
/// The most that one octet makes in a file: eight logical bytes of one bit, or one container.
constexpr std::size_t unpacked_max = 8;
static_assert(packed_max <= Codec::smallest_shape_output && unpacked_max <= Codec::smallest_shape_output);

constexpr unsigned octet_bits = 8;

}  // namespace

Progress LocalEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (done.taken < in.size()) {
    if (out.size() - done.made < packed_max) return done;
    value_ = value_ << octet_bits | octet(in[done.taken++]);
    if (++octets_ < container_) continue;
    if (value_ >> bits_ != 0) {
      done.error = EILSEQ;
      return done;
    }
    done.made += put(out.subspan(done.made));
  }
  if ((behind & mark::end_of_file) != 0) {
    if (octets_ > 0) {
      done.error = EILSEQ;
      return done;
    }
    if (held_bits_ > 0) {
      if (done.made == out.size()) return done;
      out[done.made++] = static_cast<char>(held_ << (octet_bits - std::exchange(held_bits_, 0)));
    }
  }
  done.marks = behind;
  return done;
}

// Appends the byte's bits to those held.
std::size_t LocalEncoder::put(std::span<char> out) {
  std::size_t made = 0;
  for (unsigned left = bits_; left > 0;) {
    const unsigned count = std::min(octet_bits - held_bits_, left);
    left -= count;
    const auto bits = static_cast<unsigned>(value_ >> left) & ((1u << count) - 1);
    held_ = held_ << count | bits;
    held_bits_ += count;
    if (held_bits_ < octet_bits) continue;
    out[made++] = static_cast<char>(held_);
    held_ = held_bits_ = 0;
  }
  value_ = octets_ = 0;
  return made;
}

Progress LocalDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (done.taken < in.size()) {
    if (out.size() - done.made < unpacked_max) return done;
    done.made += put(in[done.taken++], out.subspan(done.made));
  }
  if ((behind & mark::end_of_file) != 0 && held_bits_ >= octet_bits) {
    done.error = EBADMSG;
  } else {
    done.marks = behind;
  }
  return done;
}

// Appends the octet's bits, and writes each logical byte that is whole.
std::size_t LocalDecoder::put(char from, std::span<char> out) {
  std::size_t made = 0;
  for (unsigned left = octet_bits; left > 0;) {
    const unsigned count = std::min(bits_ - held_bits_, left);
    left -= count;
    value_ = value_ << count | ((octet(from) >> left) & ((1u << count) - 1));
    held_bits_ += count;
    if (held_bits_ < bits_) continue;
    for (unsigned i = container_; i-- > 0;) out[made++] = static_cast<char>(value_ >> (i * octet_bits));
    value_ = held_bits_ = 0;
  }
  return made;
}

std::string LocalDecoder::state() const {
  return held_bits_ == 0 ? "" : std::to_string(held_bits_) + '.' + std::to_string(value_);
}

bool LocalDecoder::restore(std::string_view state) {
  if (state.empty()) return true;
  const std::size_t dot = state.find('.');
  if (dot == std::string_view::npos) return false;
  const auto bits = parse_number(state.substr(0, dot), bits_ - 1);
  const auto value = parse_number(state.substr(dot + 1));
  if (!bits || !value || *bits == 0 || *value >> *bits != 0) return false;
  held_bits_ = static_cast<unsigned>(*bits);
  value_ = *value;
  return true;
}

}  // namespace core
