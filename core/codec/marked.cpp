// Marks around a shape, both ways. Knows when restart markers are due and in which order marks act.
// RFC 959 3.4.2, 3.5; RFC 1123 4.1.3.4.
#include "core/codec/marked.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/limits.hpp"
#include "core/text.hpp"

namespace core {
// ---- Sending ----

MarkedEncoder::MarkedEncoder(const Representation& as, std::unique_ptr<Codec> shape, const Markers& markers)
    : shape_(std::move(shape)), unit_(resume_unit(as)), position_(markers.begin) {
  interval_ = (markers.interval + unit_ - 1) / unit_ * unit_;
  next_ = position_ + interval_;
}

void MarkedEncoder::jump(std::uint64_t offset) {
  shape_->jump(offset);
  position_ = offset;
}

// Not behind the end: with input, something follows.
bool MarkedEncoder::marker_due(std::span<const char> in) const {
  return interval_passed() && !in.empty() && shape_->state().empty();
}

std::string_view MarkedEncoder::next_marker() {
  next_ = position_ + interval_;
  const char* const end = std::to_chars(text_.data(), text_.data() + text_.size(), position_).ptr;
  return {text_.data(), end};
}

Progress MarkedEncoder::run_shape(std::span<const char> in, std::span<char> out, Marks behind) {
  std::uint64_t share = in.size();
  if (interval_passed()) {
    // The shape is between two places where it could be taken up: what it holds first, then one more unit.
    const Progress held = shape_->run({}, out, mark::none);
    if (!held.idle()) return held;
    if (unit_ > 1) share = unit_ - position_ % unit_;
  } else if (interval_ > 0) {
    share = next_ - position_;
  }
  const bool all = share >= in.size();
  const Progress done = shape_->run(all ? in : in.first(share), out, all ? behind : mark::none);
  position_ += done.taken;
  return done;
}

// ---- Receiving ----

MarkedDecoder::MarkedDecoder(const Representation& as, std::unique_ptr<Codec> shape)
    : shape_(std::move(shape)), meant_(mark::restart | mark::end_of_file) {
  if (as.structure == Structure::record) meant_ |= mark::end_of_record;
  marker_.reserve(limits::marker_max);
}

Progress MarkedDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  const bool closed = (behind & mark::end_of_file) != 0;
  if (at_ >= 0) return {.at = std::exchange(at_, -1)};
  Progress done;
  while (!ended_) {
    const auto rest = in.subspan(done.taken);
    if (!inside_) {
      if (!rest.empty()) {
        done.error = on_head(rest.front());
        ++done.taken;
      } else if (closed && !on_close()) {
        done.error = ECONNRESET;
      }
      if (done.error != 0 || (rest.empty() && !inside_)) return done;
      continue;
    }
    const auto octets = copied_ ? std::span<const char>(copies_) : rest;
    if (left_ > 0 && octets.empty()) {
      done.error = closed ? ECONNRESET : 0;
      return done;
    }
    Progress part = deliver(octets.first(std::min(left_, octets.size())), out.subspan(done.made));
    left_ -= part.taken;
    marks_ &= static_cast<Marks>(~part.marks);
    inside_ = left_ > 0 || marks_ != mark::none;
    ended_ = (part.marks & mark::end_of_file) != 0;
    const bool idle = part.idle() && inside_;
    if (copied_) part.taken = 0;
    if (part.at >= 0 && done.made > 0) at_ = std::exchange(part.at, -1);
    part.marks &= mark::restart;
    done.add(part);
    if (idle || at_ >= 0 || done.must_return()) return done;
  }
  done.marks |= mark::end_of_file;
  return done;
}

// Octets of a block or string, and once they are all there its marks. A marker stands where its block begins, and
// the other marks where it ends.
Progress MarkedDecoder::deliver(std::span<const char> in, std::span<char> out) {
  const bool whole = in.size() == left_;
  if ((marks_ & mark::restart) == 0) return shape_->run(in, out, whole ? marks_ : mark::none);
  Progress done = add_to_marker(in);
  if (done.error != 0 || !whole) return done;
  if (marker_.empty()) return {.error = EBADMSG};
  done.add(shape_->run({}, out, mark::restart));
  return done;
}

Progress MarkedDecoder::add_to_marker(std::span<const char> in) {
  if (!std::ranges::all_of(in, is_marker_octet) || marker_.size() + in.size() > limits::marker_max)
    return {.error = EBADMSG};
  marker_.append(in.begin(), in.end());
  return {.taken = in.size()};
}

int MarkedDecoder::begin(std::size_t size, Marks marks) {
  if ((marks & undefined_bits) != 0) return EBADMSG;
  inside_ = true;
  copied_ = false;
  left_ = size;
  marks_ = marks & meant_;
  if ((marks & mark::restart) != 0) marker_.clear();
  return 0;
}

int MarkedDecoder::begin_copies(std::size_t size, char from, Marks marks) {
  std::fill_n(copies_.begin(), size, from);
  const int error = begin(size, marks);
  copied_ = true;
  return error;
}

}  // namespace core
