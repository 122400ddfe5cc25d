// Replies with arguments: what the handlers in pi_*.cpp call, and nobody else. RFC 2640 4.1: "explanatory text", in the
// session's language; codes, verbs and what a client reads by form (sizes, times, addresses) are the same in all.
#pragma once

#include <fmt/format.h>

#include "core/phrases.hpp"
#include "core/pi.hpp"

namespace core {

template <typename... Args>
std::string Pi::say(PhraseWith<sizeof...(Args)> phrase, const Args&... args) const {
  return fmt::vformat(phrase_text(language(), phrase.row()), fmt::make_format_args(args...));
}

template <typename... Args>
void Pi::reply(Code code, PhraseWith<sizeof...(Args)> phrase, const Args&... args) {
  reply_to(foreground_, code, say(phrase, args...));
}

}  // namespace core
