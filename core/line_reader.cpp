// Finds CR LF in what the Telnet filter appends, each octet looked at once however it was split.
// Knows CR LF, CR NUL and the length limit; must not know what a command is. RFC 959 5.3, RFC 2640 3.1.
#include "core/line_reader.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"
#include "core/secret.hpp"

namespace core {
namespace {

/// An emptied buffer keeps at most this much memory: thousands of sessions do nothing most of the time.
constexpr std::size_t idle_capacity_max = 256;

constexpr std::size_t nowhere = std::string_view::npos;

struct Scan {
  std::size_t line_end;  ///< where CR LF begins, or nowhere
  std::size_t scanned;   ///< no CR LF begins before this
};

Scan find_line_end(std::string_view octets, std::size_t from) {
  while (true) {
    const std::size_t cr = octets.find('\r', from);
    if (cr == nowhere) return {nowhere, octets.size()};
    if (cr + 1 == octets.size()) return {nowhere, cr};
    if (octets[cr + 1] == '\n') return {cr, cr};
    from = cr + 1;
  }
}

/// Takes the NUL out of each CR NUL (RFC 2640 3.1), in place; returns the new length.
std::size_t strip_padding(char* octets, std::size_t size) {
  char* const end = octets + size;
  char* const first = std::find(octets, end, '\0');
  char* out = first;
  char before = first == octets ? '\0' : first[-1];
  for (const char* in = first; in != end; ++in) {
    if (*in != '\0' || before != '\r') *out++ = *in;
    before = *in;
  }
  return static_cast<std::size_t>(out - octets);
}

}  // namespace

LineReader::~LineReader() { wipe(buffer_); }

void LineReader::reserve(std::size_t octets) {
  if (buffer_.capacity() - buffer_.size() >= octets) return;
  std::string larger;
  larger.reserve(std::max(buffer_.size() + octets, 2 * buffer_.capacity()));
  larger.assign(buffer_);
  wipe(buffer_);
  buffer_.swap(larger);
}

std::optional<Line> LineReader::next() {
  forget_taken();
  const Scan scan = find_line_end(buffer_, scanned_);
  scanned_ = scan.scanned;
  if (scan.line_end != nowhere) return take_line(scan.line_end);
  discard_if_too_long();
  return std::nullopt;
}

// All that is held is looked at each time: that is little (limits::input_pending_max), and seldom asked for.
bool LineReader::holds(bool (*fits)(std::string_view line)) const {
  std::string_view rest = std::string_view(buffer_).substr(taken_);
  bool whole = !discarding_;  // else the first line is the end of one that is thrown away
  for (std::size_t end; (end = find_line_end(rest, 0).line_end) != nowhere; rest.remove_prefix(end + 2))
    if (std::exchange(whole, true) && fits(rest.substr(0, end))) return true;
  return false;
}

/// Overwrites and frees what has been given out. Moving what is left costs no more than what was taken, so that
/// many small lines in one large block stay linear.
void LineReader::forget_taken() {
  wipe(std::span(buffer_).subspan(given_, taken_ - given_));
  given_ = taken_;
  if (taken_ == 0 || taken_ < buffer_.size() - taken_) return;
  drop_front(taken_);
  if (buffer_.empty() && buffer_.capacity() > idle_capacity_max) std::string().swap(buffer_);
  scanned_ -= taken_;
  taken_ = given_ = 0;
}

/// Nothing stays of it, nor of what moves to the front in the place where that was.
void LineReader::drop_front(std::size_t count) {
  const std::span octets(buffer_);
  std::ranges::copy(octets.subspan(count), octets.begin());
  wipe(octets.last(count));
  buffer_.resize(buffer_.size() - count);
}

std::optional<Line> LineReader::take_line(std::size_t end) {
  const std::size_t begin = taken_;
  given_ = begin;
  taken_ = scanned_ = end + 2;
  if (discarding_ || end - begin > limits::command_line_max) {
    discarding_ = false;
    return Line{.text = {}, .too_long = true};
  }
  char* const text = buffer_.data() + begin;
  return Line{.text = {text, strip_padding(text, end - begin)}, .too_long = false};
}

/// Called when no CR LF is held. A CR at the end may be half of one: it stays.
void LineReader::discard_if_too_long() {
  discarding_ = discarding_ || scanned_ - taken_ > limits::command_line_max;
  if (!discarding_) return;
  drop_front(scanned_);
  given_ = taken_ = scanned_ = 0;
}

void LineReader::clear() {
  given_ = 0;
  taken_ = scanned_ = buffer_.size();
  discarding_ = false;
  forget_taken();
}

}  // namespace core
