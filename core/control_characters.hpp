// Control characters in text that goes out on lines: where they are, and what stands in their place.
// Knows C0, DEL and C1; must not know replies or listings. RFC 959 4.2, RFC 854, ISO 6429.
#pragma once

#include <string>
#include <string_view>

namespace core {

/// True for text with C0 (0 to 31), DEL, or C1 in UTF-8 (C2 80 to C2 9F). A byte 80 to 9F without C2 before it is no
/// control character here: it is part of a UTF-8 sequence, or a letter of an older character set (CP1252, CP866,
/// Shift JIS, GBK), whose names would become unusable otherwise.
bool has_control(std::string_view text);

/// Appends `text` with "?" in place of each byte of a control character, so that it stays on its line and its length
/// stays what it was.
void append_printable(std::string& out, std::string_view text);

}  // namespace core
