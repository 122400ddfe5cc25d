// TYPE A both ways, in runs between line ends so that text moves by memchr and memcpy.
// Knows LF and CR LF; must not know files, sockets or other types. RFC 959 3.1.1.1.
#include "core/codec/ascii.hpp"

#include <algorithm>
#include <cstring>

#include "core/codec/octets.hpp"

namespace core {

Progress AsciiEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (true) {
    const bool all_taken = done.taken == in.size();
    const bool waits = held_cr_ && (behind & mark::end_of_file) == 0;  // for what follows the CR
    if (all_taken && (waits || !held_cr_)) {
      done.marks = behind;
      return done;
    }
    const bool line_end = !all_taken && in[done.taken] == '\n';
    if (out.size() - done.made < (line_end ? 2 : 1)) return done;
    if (held_cr_ || line_end) {
      out[done.made++] = '\r';
      if (line_end) {
        out[done.made++] = '\n';
        ++done.taken;
      }
      held_cr_ = false;
      continue;
    }
    const std::size_t run = copy_until('\n', in.subspan(done.taken), out.subspan(done.made));
    done.taken += run;
    done.made += run;
    held_cr_ = out[done.made - 1] == '\r';
    if (held_cr_) --done.made;
  }
}

Progress AsciiDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  Progress done;
  while (true) {
    const bool all_taken = done.taken == in.size();
    const bool waits = held_cr_ && (behind & mark::end_of_file) == 0;  // for what follows the CR
    if (all_taken && (waits || !held_cr_)) {
      done.marks = behind;
      return done;
    }
    if (done.made == out.size()) return done;
    if (held_cr_) {
      const bool line_end = !all_taken && in[done.taken] == '\n';
      out[done.made++] = line_end ? '\n' : '\r';
      if (line_end) ++done.taken;
      held_cr_ = false;
      continue;
    }
    const std::size_t run = copy_until('\r', in.subspan(done.taken), out.subspan(done.made));
    done.taken += run;
    done.made += run;
    if (done.taken == in.size() || in[done.taken] != '\r') continue;
    held_cr_ = true;
    ++done.taken;
  }
}

std::string AsciiDecoder::state() const { return held_cr_ ? "r" : ""; }

bool AsciiDecoder::restore(std::string_view state) {
  held_cr_ = state == "r";
  return held_cr_ || state.empty();
}

}  // namespace core
