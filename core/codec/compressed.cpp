// Strings and escapes of MODE C, written and read. RFC 959 3.4.3.
#include "core/codec/compressed.hpp"

#include <algorithm>

#include "core/codec/octets.hpp"

namespace core {
namespace {

// The first octet of a string: its kind in the high bits, its size in the others. No string at all is an escape.
constexpr std::uint8_t escape = 0x00, replicated = 0x80, filler_string = 0xc0;
constexpr std::uint8_t size_bits = 0x3f;
constexpr std::size_t plain_max = 127, repeated_max = size_bits;
constexpr std::size_t escape_size = 2;
constexpr std::size_t string_max = escape_size + 1 + plain_max;

/// How often the first octet is repeated, as far as one string goes.
std::size_t repetition(std::span<const char> octets) {
  const auto reach = octets.first(std::min(octets.size(), repeated_max));
  const auto end = std::ranges::find_if(reach, [&reach](char c) { return c != reach.front(); });
  return static_cast<std::size_t>(end - reach.begin());
}

/// True when repetition pays: two fillers, or three of another octet. Shorter runs cost less inside a string.
bool repeats(std::span<const char> octets, char filler) {
  if (octets.size() < 2 || octets[0] != octets[1]) return false;
  return octets[0] == filler || (octets.size() > 2 && octets[0] == octets[2]);
}

/// Up to where octets are sent as they are, at most `most`.
std::size_t plain_size(std::span<const char> octets, char filler, std::size_t most) {
  const std::size_t end = std::min(octets.size(), most);
  std::size_t size = 1;
  while (size < end && !repeats(octets.subspan(size), filler)) ++size;
  return size;
}

char filler_of(Type type) {
  switch (type) {
    case Type::ascii: return 32;
    case Type::ebcdic: return 64;
    default: return 0;
  }
}

}  // namespace

// ---- Sending ----

CompressedEncoder::CompressedEncoder(const Representation& as, std::unique_ptr<Codec> shape, const Markers& markers)
    : MarkedEncoder(as, std::move(shape), markers), filler_(filler_of(as.type)) {}

Progress CompressedEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (done.made == 0 || out.size() - done.made >= string_max) {
    const auto room = out.subspan(done.made);
    if (!plain_.empty() || marks_ != mark::none) {
      done.made += write_string(room);
      if (plain_.empty()) done.marks = std::exchange(marks_, mark::none) & mark::end_of_file;
      if (done.must_return()) return done;
      continue;
    }
    const auto rest = in.subspan(done.taken);
    if (marker_due(rest)) {
      done.made += write_marker(room);
      continue;
    }
    const Progress part = run_shape(rest, buffer_, behind);
    done.taken += part.taken;
    done.error = part.error;
    plain_ = std::span<const char>(buffer_).first(part.made);
    marks_ = part.marks;
    if (part.idle() || done.error != 0) return done;
  }
  return done;
}

std::size_t CompressedEncoder::write_marker(std::span<char> out) {
  const std::string_view text = next_marker();
  out[0] = static_cast<char>(escape);
  out[1] = static_cast<char>(mark::restart);
  out[2] = static_cast<char>(text.size());
  return escape_size + 1 + copy(text, out.subspan(escape_size + 1));
}

// One string. An escape applies to the string behind it: where plain_ ends with this one, it tells of the marks.
std::size_t CompressedEncoder::write_string(std::span<char> out) {
  const bool repeated = plain_.empty() || repeats(plain_, filler_);
  const bool fillers = plain_.empty() || plain_.front() == filler_;
  const std::size_t most = std::min(plain_max, out.size() - escape_size - 1);
  const std::size_t size = repeated ? repetition(plain_) : plain_size(plain_, filler_, most);
  std::size_t made = 0;
  if (size == plain_.size() && marks_ != mark::none) {
    out[made++] = static_cast<char>(escape);
    out[made++] = static_cast<char>(marks_);
  }
  if (repeated) {
    out[made++] = static_cast<char>((fillers ? filler_string : replicated) | size);
    if (!fillers) out[made++] = plain_.front();
  } else {
    out[made++] = static_cast<char>(size);
    made += copy(plain_.first(size), out.subspan(made));
  }
  plain_ = plain_.subspan(size);
  return made;
}

// ---- Receiving ----

CompressedDecoder::CompressedDecoder(const Representation& as, std::unique_ptr<Codec> shape)
    : MarkedDecoder(as, std::move(shape)), filler_(filler_of(as.type)) {}

int CompressedDecoder::on_head(char from) {
  const std::uint8_t head = octet(from);
  switch (std::exchange(awaits_, Awaits::string)) {
    case Awaits::descriptor: code_ |= head; return (head & undefined_bits) == 0 ? 0 : EBADMSG;
    case Awaits::octet: return begin_copies(size_, from, std::exchange(code_, mark::none));
    case Awaits::string: break;
  }
  size_ = head & size_bits;
  if (head == escape) {
    awaits_ = Awaits::descriptor;
  } else if (head < replicated) {
    return begin(head, std::exchange(code_, mark::none));
  } else if (head < filler_string) {
    awaits_ = Awaits::octet;
  } else {
    return begin_copies(size_, filler_, std::exchange(code_, mark::none));
  }
  return 0;
}

bool CompressedDecoder::on_close() {
  const bool ends = awaits_ == Awaits::string && (code_ & (mark::end_of_file | mark::restart)) == mark::end_of_file;
  if (ends) begin(0, std::exchange(code_, mark::none));
  return ends;
}

}  // namespace core
