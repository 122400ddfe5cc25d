// Names without control characters are nearly all there are: eight bytes are looked at together, and only a name that
// may hold one is read byte by byte.
#include "core/control_characters.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/text.hpp"

namespace core {
namespace {

constexpr char c1_lead = '\xc2';

/// How many bytes the control character has that `text` begins with; 0: it begins with something else.
std::size_t control_size(std::string_view text) {
  if (is_control(text.front())) return 1;
  if (text.front() != c1_lead || text.size() < 2) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  return second >= 0x80 && second < 0xa0 ? 2 : 0;
}

constexpr std::uint64_t each_byte(std::uint64_t value) { return value * 0x0101010101010101U; }

/// Not zero where a byte of `word` is less than `least`, which is at most 128. A borrow may make it not zero elsewhere.
constexpr std::uint64_t has_less(std::uint64_t word, std::uint64_t least) {
  return (word - each_byte(least)) & ~word & each_byte(0x80);
}

/// May be true without a control character, never false with one.
bool may_have_control(std::string_view text) {
  constexpr std::size_t step = sizeof(std::uint64_t);
  std::uint64_t found = 0;
  while (!text.empty()) {
    std::uint64_t word = each_byte('x');
    const std::size_t size = text.size() < step ? text.size() : step;
    std::memcpy(&word, text.data(), size);
    found |= has_less(word, ' ') | has_less(word ^ each_byte(0x7f), 1) |
             has_less(word ^ each_byte(static_cast<unsigned char>(c1_lead)), 1);
    text.remove_prefix(size);
  }
  return found != 0;
}

}  // namespace

bool has_control(std::string_view text) {
  if (!may_have_control(text)) return false;
  for (; !text.empty(); text.remove_prefix(1))
    if (control_size(text) > 0) return true;
  return false;
}

void append_printable(std::string& out, std::string_view text) {
  if (!may_have_control(text)) {
    out += text;
    return;
  }
  while (!text.empty()) {
    const std::size_t size = control_size(text);
    out.append(size, '?');
    if (size == 0) out += text.front();
    text.remove_prefix(size > 0 ? size : 1);
  }
}

}  // namespace core
