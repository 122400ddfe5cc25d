// The two-octet control codes of a record stream. Knows marks. RFC 959 3.4.1.
#include "core/codec/stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/codec/octets.hpp"

namespace core {
namespace {

constexpr char escape = '\xff';

/// What stands behind an escape; an escape itself is an octet of data.
constexpr std::array<Marks, 4> marks_of_code{mark::none, mark::end_of_record, mark::end_of_file,
                                             mark::end_of_record | mark::end_of_file};

char code_of(Marks marks) { return static_cast<char>(std::ranges::find(marks_of_code, marks) - marks_of_code.begin()); }

/// Repeats each escape among the first `size` octets of `out`, from the end on so that nothing is copied elsewhere.
std::size_t double_escapes(std::span<char> out, std::size_t size) {
  const auto count = static_cast<std::size_t>(std::ranges::count(out.first(size), escape));
  const std::size_t doubled = size + count;
  for (std::size_t from = size, to = doubled; from < to;) {
    const char octet = out[--from];
    out[--to] = octet;
    if (octet == escape) out[--to] = octet;
  }
  return doubled;
}

constexpr std::size_t code_size = 2;
constexpr std::size_t room_min = 2 * Codec::smallest_shape_output + code_size;
static_assert(room_min <= Codec::smallest_output);

}  // namespace

Progress StreamEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (out.size() - done.made >= room_min) {
    // Every octet may be an escape.
    const auto room = out.subspan(done.made);
    Progress part = shape_->run(in.subspan(done.taken), room.first((room.size() - code_size) / 2), behind);
    if (part.idle()) return done;
    part.made = double_escapes(room, part.made);
    if (part.marks != mark::none) {
      room[part.made++] = escape;
      room[part.made++] = code_of(part.marks);
    }
    part.marks &= mark::end_of_file;
    done.add(part);
    if (done.must_return()) return done;
  }
  return done;
}

Progress StreamDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (!ended_) {
    const Progress part = step(in.subspan(done.taken), out.subspan(done.made));
    done.add(part);
    if (part.error != 0) return done;
    if (!part.idle()) continue;
    const bool closed = done.taken == in.size() && marks_ == mark::none && (behind & mark::end_of_file) != 0;
    if (closed) done.error = ECONNRESET;
    return done;
  }
  done.marks = mark::end_of_file;
  return done;
}

// One run of octets, one octet of a control code, or the marks of one.
Progress StreamDecoder::step(std::span<const char> in, std::span<char> out) {
  if (marks_ != mark::none) {
    const Progress part = shape_->run({}, out, marks_);
    marks_ &= static_cast<Marks>(~part.marks);
    ended_ = (part.marks & mark::end_of_file) != 0;
    return part;
  }
  if (in.empty()) return {};
  if (escaped_) return on_code(in, out);
  if (const std::size_t size = find(in, escape); size > 0) return shape_->run(in.first(size), out, mark::none);
  escaped_ = true;
  return {.taken = 1};
}

Progress StreamDecoder::on_code(std::span<const char> in, std::span<char> out) {
  const std::uint8_t code = octet(in.front());
  if (in.front() == escape) {
    const Progress part = shape_->run(in.first(1), out, mark::none);
    escaped_ = part.taken == 0;
    return part;
  }
  if (code == 0 || code >= marks_of_code.size()) return {.error = EBADMSG};
  escaped_ = false;
  marks_ = marks_of_code[code];
  return {.taken = 1};
}

}  // namespace core
