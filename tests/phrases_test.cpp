// The table of texts. That it is whole in all languages phrases.cpp proves while it is compiled.
#include "core/phrases.hpp"

#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "core/language.hpp"
#include "tests/catch.hpp"

namespace {

// Octets that continue a letter, by its first octet; -1: no letter begins so (RFC 3629 3).
int continuation(unsigned char first) {
  if (first < 0x80) return 0;
  if (first >= 0xc2 && first < 0xe0) return 1;
  if (first >= 0xe0 && first < 0xf0) return 2;
  return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const int more = continuation(static_cast<unsigned char>(text.front()));
    if (more < 0 || text.size() <= static_cast<std::size_t>(more)) return false;
    for (int i = 1; i <= more; ++i)
      if ((static_cast<unsigned char>(text[static_cast<std::size_t>(i)]) & 0xc0) != 0x80) return false;
    text.remove_prefix(static_cast<std::size_t>(more) + 1);
  }
  return true;
}

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (c < 0) return false;
  return true;
}

}  // namespace

TEST_CASE("all texts are UTF-8, and the English ones ASCII", "[names][LA-01]") {
  for (const auto& row : core::phrase_rows) {
    CAPTURE(row[0]);
    CHECK(is_ascii(row[0]));
    for (const std::string_view text : row) CHECK(is_utf8(text));
  }
}

TEST_CASE("no text was left in English", "[names][LA-01]") {
  for (const auto& row : core::phrase_rows) {
    if (row[0].starts_with("Syntax: ")) continue;  // the same word
    for (std::size_t i = 1; i < core::language_count; ++i) CHECK(row[i] != row[0]);
  }
}

TEST_CASE("a literal is its row in every language", "[names]") {
  constexpr core::Phrase phrase = "Command okay.";
  CHECK(core::phrase_text(core::Language::en, phrase) == "Command okay.");
  CHECK(core::phrase_text(core::Language::de, phrase) == "Befehl ausgeführt.");
  constexpr core::PhraseWith<2> syntax = "Syntax: {} {}";
  CHECK(core::phrase_text(core::Language::en, syntax.row()) == "Syntax: {} {}");
}

TEST_CASE("language tags: letters, one to eight, parts with hyphens between", "[names][LA-02]") {
  for (const std::string_view good : {"en", "DE", "de-AT", "abcdefgh", "i-klingon", "de-abcdefgh-x"})
    CHECK(core::is_language_tag(good));
  for (const std::string_view bad : {"", " ", "-", "de-", "-de", "de--at", "abcdefghi", "de-abcdefghi", "d3", "de_AT",
                                     "de at", " de", "de ", "d\xc3\xa9"}) {
    CAPTURE(bad);
    CHECK_FALSE(core::is_language_tag(bad));
  }
}

TEST_CASE("a tag finds its language without case, a variant its language's", "[names][LA-02]") {
  CHECK(core::find_language("en") == core::Language::en);
  CHECK(core::find_language("De") == core::Language::de);
  CHECK(core::find_language("de-AT") == core::Language::de);
  CHECK_FALSE(core::find_language("fr"));
  CHECK_FALSE(core::find_language("deu"));
  CHECK_FALSE(core::find_language(""));
}

TEST_CASE("FEAT's line has all tags, and an asterisk at the current one", "[names][LA-04]") {
  CHECK(core::lang_line(core::Language::en) == "LANG EN*;DE");
  CHECK(core::lang_line(core::Language::de) == "LANG EN;DE*");
}
