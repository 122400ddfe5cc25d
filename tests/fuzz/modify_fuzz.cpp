// What MFMT, MFF and COMB are told: a time that is taken is told as it was, words come back from their quotes.
#include "core/modify.hpp"

#include "core/path.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto ns = core::parse_time_value(text))
    fuzz::require(core::parse_time_value(core::exact_time_value(*ns)) == *ns);
  if (const auto wanted = core::parse_modification(text)) fuzz::require(wanted->modified || wanted->mode);
  if (const auto words = core::split_words(text)) {
    std::string again;
    for (const std::string& word : *words) (again += core::quoted(word)) += ' ';
    fuzz::require(core::split_words(again) == words);
  }
  return 0;
}
