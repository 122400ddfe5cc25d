// A text that the server says: a row of the table in phrases.hpp, named by its English text. A literal that has no row,
// or is given another number of arguments than it has places, does not compile. RFC 2640 4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/language.hpp"

namespace core {

/// A text with so many places ("{}") for arguments.
template <std::size_t places>
class PhraseWith {
 public:
  /// From the English text. Whoever writes one includes phrases.hpp.
  consteval PhraseWith(const char* english);
  constexpr std::uint16_t row() const { return row_; }
  bool operator==(const PhraseWith&) const = default;

 private:
  std::uint16_t row_;
};
using Phrase = PhraseWith<0>;

/// The text of a row, places and all.
std::string_view phrase_text(Language language, std::uint16_t row);
inline std::string_view phrase_text(Language language, Phrase phrase) { return phrase_text(language, phrase.row()); }

}  // namespace core
