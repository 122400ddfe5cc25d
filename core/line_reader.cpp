// Finds LF in what the Telnet filter appends, each octet looked at once however it was split.
// Knows CR LF, LF, CR NUL and the length limit; must not know what a command is. RFC 959 5.3, RFC 2640 3.1.
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

/// A line that ended with LF, without the CR before it if there is one.
std::string_view without_cr(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
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
  const std::size_t line_feed = buffer_.find('\n', scanned_);
  if (line_feed != nowhere) return take_line(line_feed);
  scanned_ = buffer_.size();
  discard_if_too_long();
  return std::nullopt;
}

// All that is held is looked at each time: that is little (limits::input_pending_max), and seldom asked for.
bool LineReader::holds(bool (*fits)(std::string_view line)) const {
  std::string_view rest = std::string_view(buffer_).substr(taken_);
  bool whole = !discarding_;  // else the first line is the end of one that is thrown away
  for (std::size_t end; (end = rest.find('\n')) != nowhere; rest.remove_prefix(end + 1))
    if (std::exchange(whole, true) && fits(without_cr(rest.substr(0, end)))) return true;
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

std::optional<Line> LineReader::take_line(std::size_t line_feed) {
  const std::size_t begin = taken_;
  given_ = begin;
  const std::size_t size = without_cr(std::string_view(buffer_).substr(begin, line_feed - begin)).size();
  taken_ = scanned_ = line_feed + 1;
  if (discarding_ || size > limits::command_line_max) {
    discarding_ = false;
    return Line{.text = {}, .too_long = true};
  }
  char* const text = buffer_.data() + begin;
  return Line{.text = {text, strip_padding(text, size)}, .too_long = false};
}

/// Called when no LF is held. A CR at the end may belong to the line's end and does not count yet.
void LineReader::discard_if_too_long() {
  const std::string_view held = std::string_view(buffer_).substr(taken_);
  discarding_ = discarding_ || without_cr(held).size() > limits::command_line_max;
  if (!discarding_) return;
  drop_front(buffer_.size());
  given_ = taken_ = scanned_ = 0;
}

void LineReader::clear() {
  given_ = 0;
  taken_ = scanned_ = buffer_.size();
  discarding_ = false;
  forget_taken();
}

}  // namespace core
