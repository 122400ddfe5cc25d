// Block headers, written and read. The encoder's shape writes behind room for one, so that no octet is copied.
// RFC 959 3.4.2.
#include "core/codec/block.hpp"

#include <algorithm>

#include "core/codec/octets.hpp"

namespace core {
namespace {

constexpr std::size_t header_size = 3;
constexpr std::size_t block_max = 65535;
static_assert(header_size + Codec::smallest_shape_output <= Codec::smallest_output);

void write_header(std::span<char> out, Marks descriptor, std::size_t count) {
  out[0] = static_cast<char>(descriptor);
  out[1] = static_cast<char>(count >> 8);
  out[2] = static_cast<char>(count);
}

}  // namespace

Progress BlockEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  // A further block only where it need not be small for want of room.
  const std::size_t worth_it = std::min(header_size + block_max, out.size() / 2);
  Progress done;
  do {
    const Progress part = block(in.subspan(done.taken), out.subspan(done.made), behind);
    done.add(part);
    if (part.idle() || part.must_return()) return done;
  } while (out.size() - done.made >= worth_it);
  return done;
}

Progress BlockEncoder::block(std::span<const char> in, std::span<char> out, Marks behind) {
  const auto body = out.subspan(header_size).first(std::min(block_max, out.size() - header_size));
  if (marker_due(in)) {
    const std::size_t size = copy(next_marker(), body);
    write_header(out, mark::restart, size);
    return {.made = header_size + size};
  }
  Progress done = run_shape(in, body, behind);
  if (done.made == 0 && done.marks == mark::none) return done;
  write_header(out, done.marks, done.made);
  done.made += header_size;
  done.marks &= mark::end_of_file;
  return done;
}

int BlockDecoder::on_head(char from) {
  head_ = head_ << 8 | octet(from);
  if (++head_size_ < header_size) return 0;
  const std::uint32_t head = std::exchange(head_, 0);
  head_size_ = 0;
  return begin(head & block_max, static_cast<Marks>(head >> 16));
}

}  // namespace core
