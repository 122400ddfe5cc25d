// The control connection's octets up to lines: whatever the split, the same text, answers and lines. The first octet
// chooses the split.
#include <algorithm>
#include <string>
#include <vector>

#include "core/limits.hpp"
#include "core/line_reader.hpp"
#include "core/telnet.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

struct Heard {
  std::string answers;
  std::vector<std::string> lines;
  bool operator==(const Heard&) const = default;
};

Heard heard(std::string_view octets, std::size_t piece, bool synch) {
  Heard result;
  core::TelnetFilter filter;
  core::LineReader reader;
  if (synch) filter.begin_synch();
  while (!octets.empty()) {
    filter.receive(octets.substr(0, piece), reader.input(), result.answers);
    octets.remove_prefix(std::min(piece, octets.size()));
    while (const auto line = reader.next()) {
      fuzz::require(line->too_long || line->text.size() <= core::limits::command_line_max);
      result.lines.push_back(line->too_long ? "too long" : std::string(line->text));
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view octets = fuzz::text(data, size);
  const std::uint8_t how = fuzz::take_octet(octets);
  const bool synch = how % 2 != 0;
  fuzz::require(heard(octets, octets.size(), synch) == heard(octets, 1 + how / 2, synch));
  return 0;
}
