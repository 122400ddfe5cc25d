// OPTS MODE Z: names and values, all of them or none. draft-preston-ftpext-deflate-04 3.6.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

struct Option {
  std::string_view name;
  bool (*accept)(std::string_view value, int level_max, int& level);  ///< false: the value is invalid
};

/// What is there once, with a name for it. EXTRA OFF would leave out header and checksum, and with these what tells a
/// broken stream from a whole one.
template <char... text>
bool is_only(std::string_view value, int, int&) {
  constexpr std::array only{text...};
  return equal_without_case(value, std::string_view(only.data(), only.size()));
}

bool accept_level(std::string_view value, int level_max, int& level) {
  const auto wanted = parse_number(value, static_cast<std::uint64_t>(level_max));
  if (wanted) level = static_cast<int>(*wanted);
  return wanted.has_value();
}

constexpr std::array known{Option{"ENGINE", is_only<'Z', 'L', 'I', 'B'>}, Option{"METHOD", is_only<'8'>},
                           Option{"LEVEL", accept_level}, Option{"EXTRA", is_only<'O', 'N'>}};

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

int Pi::default_level() const {
  return std::min(deflate_level_default, static_cast<int>(config().limits.deflate_level));
}

// Without options: the defaults again.
void Pi::opts_mode(std::string_view options) {
  const auto level_max = static_cast<int>(config().limits.deflate_level);
  if (!equal_without_case(take_word(options), "Z") || level_max == 0)
    return reply(Code::bad_parameter, "No such option.");
  int level = default_level();
  std::string set;
  while (!options.empty()) {
    const std::string name = upper(take_word(options)), value = upper(take_word(options));
    const auto* const option = std::ranges::find(known, name, &Option::name);
    if (option == known.end()) return reply(Code::bad_parameter, "MODE Z {} is not available.", name);
    if (!option->accept(value, level_max, level))
      return reply(Code::bad_parameter, "MODE Z {} {} is invalid.", name, value);
    set += fmt::format("{}{} set to {}", set.empty() ? " " : ", ", name, value);
  }
  as_.level = level;
  if (set.empty()) return reply(Code::okay, "MODE Z options are the defaults.");
  reply_as_is(Code::okay, fmt::format("MODE Z{}.", set));
}

}  // namespace core
