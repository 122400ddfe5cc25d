// TYPE A both ways, in runs between line ends so that text moves by memchr and memcpy.
// Knows LF and CR LF; must not know files, sockets or other types. RFC 959 3.1.1.1.
#include "core/codec/ascii.hpp"

#include <algorithm>
#include <cstring>

namespace core {
namespace {

/// Copies octets up to the first `stop` or as far as there is room; returns how many.
std::size_t copy_until(char stop, std::span<const char> in, std::span<char> out) {
  const std::size_t room = std::min(in.size(), out.size());
  if (room == 0) return 0;  // memchr and memcpy want pointers, even for nothing
  const void* const found = std::memchr(in.data(), stop, room);
  const std::size_t size =
      found == nullptr ? room : static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
  std::memcpy(out.data(), in.data(), size);
  return size;
}

}  // namespace

Progress AsciiEncoder::run(std::span<const char> in, std::span<char> out, bool /*last*/) {
  Progress done;
  while (true) {
    const std::size_t run = copy_until('\n', in.subspan(done.taken), out.subspan(done.made));
    done.taken += run;
    done.made += run;
    if (done.taken == in.size() || in[done.taken] != '\n' || out.size() - done.made < 2) return done;
    out[done.made++] = '\r';
    out[done.made++] = '\n';
    ++done.taken;
  }
}

Progress AsciiDecoder::run(std::span<const char> in, std::span<char> out, bool last) {
  Progress done;
  while (done.made < out.size()) {
    if (held_cr_) {
      if (done.taken == in.size() && !last) return done;
      const bool line_end = done.taken < in.size() && in[done.taken] == '\n';
      out[done.made++] = line_end ? '\n' : '\r';
      if (line_end) ++done.taken;
      held_cr_ = false;
      continue;
    }
    const std::size_t run = copy_until('\r', in.subspan(done.taken), out.subspan(done.made));
    done.taken += run;
    done.made += run;
    if (done.taken == in.size() || in[done.taken] != '\r') return done;
    held_cr_ = true;
    ++done.taken;
  }
  return done;
}

std::uint64_t count_line_feeds(std::span<const char> octets) {
  // Eight octets at a time: a file of any size may be counted for one SIZE.
  constexpr std::uint64_t each_octet = 0x0101010101010101;
  constexpr std::uint64_t low_bits = 0x7f * each_octet;
  std::uint64_t count = 0;
  for (; octets.size() >= sizeof(std::uint64_t); octets = octets.subspan(sizeof(std::uint64_t))) {
    std::uint64_t word = 0;
    std::memcpy(&word, octets.data(), sizeof word);
    word ^= '\n' * each_octet;  // an LF is an octet of zero bits now
    const std::uint64_t top_bits_of_others = ((word & low_bits) + low_bits) | word | low_bits;
    count += ((~top_bits_of_others >> 7) * each_octet) >> 56;
  }
  return count + static_cast<std::uint64_t>(std::ranges::count(octets, '\n'));
}

}  // namespace core
