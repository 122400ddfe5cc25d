// Pages and their headers, written and read. Knows containers, high octet first. RFC 959 3.1.2.3, appendix I.
#include "core/codec/page.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "core/codec/octets.hpp"
#include "core/text.hpp"

namespace core {
namespace {

constexpr std::uint64_t octet_bits = 8;
/// Of an optional header field or a descriptor: far more than anyone would send, and its octets can be counted.
constexpr std::uint64_t skipped_bytes_max = 1ull << 48;

constexpr std::uint64_t largest_byte(const Representation& as) {
  return std::numeric_limits<std::uint64_t>::max() >> (byte_size_max - as.byte_size);
}

}  // namespace

// ---- Sending ----

PageEncoder::PageEncoder(const Representation& as, std::uint64_t begin)
    : container_(octets_of_byte(as)), page_octets_(page_octets(as)), index_max_(largest_byte(as)), position_(begin) {}

Progress PageEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (true) {
    const auto unsent = std::span<const char>(page_).first(sealed_).subspan(sent_);
    const std::size_t size = copy(unsent, out.subspan(done.made));
    sent_ += size;
    done.made += size;
    done.error = error_;
    if (sent_ < sealed_ || error_ != 0) return done;
    const bool at_end = done.taken == in.size() && (behind & mark::end_of_file) != 0;
    if (ended_) {
      if (at_end) done.marks = behind;
      return done;
    }
    if (done.taken < in.size()) {
      take(in, done);
    } else if (at_end) {
      // A file that ends with a hole keeps its size by a page without data.
      const bool more = filled_ > 0 || jumped_;
      ended_ = !more;
      seal(more ? page::simple : page::last);
    } else {
      return done;
    }
  }
}

void PageEncoder::take(std::span<const char> in, Progress& done) {
  const auto data = std::span(page_).subspan(page::field_count * container_, page_octets_);
  const std::size_t size = copy(in.subspan(done.taken), data.subspan(filled_));
  done.taken += size;
  filled_ += size;
  if (filled_ == page_octets_) seal(page::simple);
}

// Writes the header before the data: the page is whole.
void PageEncoder::seal(page::Type type) {
  const bool has_data = type != page::last;
  const std::uint64_t index = has_data ? position_ / page_octets_ : 0;
  if (filled_ % container_ != 0) error_ = EILSEQ;
  if (index > index_max_) error_ = EFBIG;
  const std::array<std::uint64_t, page::field_count> fields{page::field_count, index, filled_ / container_, type};
  std::size_t at = 0;
  for (const std::uint64_t field : fields)
    for (std::uint64_t i = container_; i-- > 0;) page_[at++] = static_cast<char>(field >> (i * octet_bits));
  sealed_ = error_ == 0 ? at + filled_ : 0;
  sent_ = 0;
  if (has_data) position_ += page_octets_;
  filled_ = 0;
  jumped_ = false;
}

void PageEncoder::jump(std::uint64_t offset) {
  if (filled_ > 0) seal(page::simple);
  jumped_ = jumped_ || offset != position_;
  position_ = offset;
}

// ---- Receiving ----

PageDecoder::PageDecoder(const Representation& as)
    : container_(octets_of_byte(as)), page_octets_(page_octets(as)), end_is_marked_(as.mode != Mode::stream) {}

Progress PageDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (at_ < 0 && !complete()) {
    const auto rest = in.subspan(done.taken);
    if (rest.empty()) break;
    if (skip_ > 0) {
      const std::uint64_t size = std::min<std::uint64_t>(skip_, rest.size());
      skip_ -= size;
      done.taken += size;
    } else if (left_ > 0) {
      const std::size_t size = copy(rest.first(std::min<std::uint64_t>(left_, rest.size())), out.subspan(done.made));
      if (size == 0) return done;
      left_ -= size;
      done.taken += size;
      done.made += size;
      if (position_ >= 0) position_ += static_cast<std::int64_t>(size);
    } else {
      done.error = ended_ ? EBADMSG : 0;
      if (done.error == 0 && take_field(rest.front())) done.error = begin_page(at_);
      if (done.error != 0) return done;
      ++done.taken;
    }
  }
  if (at_ >= 0) {
    if (done.made == 0) done.at = std::exchange(at_, -1);
  } else if (complete()) {
    done.marks = mark::end_of_file;
  } else if ((behind & mark::end_of_file) != 0 && !ended_) {
    done.error = end_is_marked_ ? EBADMSG : ECONNRESET;
  } else {
    done.marks = behind;
  }
  return done;
}

// True when the header's last field is whole.
bool PageDecoder::take_field(char from) {
  value_ = value_ << octet_bits | octet(from);
  if (++octets_ < container_) return false;
  fields_[field_++] = std::exchange(value_, 0);
  octets_ = 0;
  if (field_ < page::field_count) return false;
  field_ = 0;
  return true;
}

// An errno value.
int PageDecoder::begin_page(std::int64_t& at) {
  const std::uint64_t header_length = fields_[page::header_length];
  const std::uint64_t data_length = fields_[page::data_length];
  switch (fields_[page::type]) {
    case page::last: ended_ = true; return header_length == page::field_count && data_length == 0 ? 0 : EBADMSG;
    case page::simple: return header_length == page::field_count ? begin_data(at) : EBADMSG;
    case page::access_controlled:
      skip_ = container_;
      return header_length == page::field_count + 1 ? begin_data(at) : EBADMSG;
    case page::descriptor:
      if (header_length < page::field_count) return EBADMSG;
      if (header_length > skipped_bytes_max || data_length > skipped_bytes_max) return EBADMSG;
      skip_ = (header_length - page::field_count + data_length) * container_;
      return 0;
    default: return EPROTONOSUPPORT;
  }
}

int PageDecoder::begin_data(std::int64_t& at) {
  constexpr std::uint64_t offset_max = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t index = fields_[page::index];
  if (fields_[page::data_length] * container_ > page_octets_ || fields_[page::data_length] > page_octets_)
    return EBADMSG;
  if (index >= offset_max / page_octets_) return EFBIG;
  left_ = fields_[page::data_length] * container_;
  const auto offset = static_cast<std::int64_t>(index * page_octets_);
  if (offset != position_) at = position_ = offset;
  return 0;
}

std::string PageDecoder::state() const {
  if (ended_) return "e";
  if (skip_ > 0 || left_ > 0) return 'd' + std::to_string(skip_) + '.' + std::to_string(left_);
  if (field_ == 0 && octets_ == 0) return {};
  std::string text = 'h' + std::to_string(octets_) + '.' + std::to_string(value_);
  for (std::size_t i = 0; i < field_; ++i) (text += '.') += std::to_string(fields_[i]);
  return text;
}

bool PageDecoder::restore(std::string_view state) {
  if (state.empty() || state == "e") {
    ended_ = !state.empty();
    return true;
  }
  std::vector<std::uint64_t> numbers;
  const char kind = state.front();
  for (bool more = true; more;) {
    state.remove_prefix(1);
    const std::size_t dot = std::min(state.find('.'), state.size());
    const auto number = parse_number(state.substr(0, dot), std::numeric_limits<std::uint64_t>::max());
    if (!number) return false;
    numbers.push_back(*number);
    state.remove_prefix(dot);
    more = !state.empty();
  }
  if (numbers.size() < 2) return false;
  if (kind == 'd') {
    skip_ = numbers[0];
    left_ = numbers[1];
    return numbers.size() == 2 && left_ <= page_octets_;
  }
  octets_ = numbers[0];
  value_ = numbers[1];
  field_ = numbers.size() - 2;
  if (kind != 'h' || octets_ >= container_ || field_ >= page::field_count) return false;
  std::copy(numbers.begin() + 2, numbers.end(), fields_.begin());
  return true;
}

}  // namespace core
