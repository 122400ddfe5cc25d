// What a client may write into the log.
#include "net/log.hpp"

#include <string>

#include "tests/catch.hpp"

using net::log_text;
using namespace std::string_literals;

TEST_CASE("text is shown as it is", "[log]") {
  for (const char* text : {"", "plain", "Müller", "日本語", "\U0001F600", "\u00a0"}) CHECK(log_text(text) == text);
}

TEST_CASE("control characters, those of C1 too, and what is no UTF-8 are escaped", "[log]") {
  CHECK(log_text("a\r\nb\t\x7f"s) == "a\\x0d\\x0ab\\x09\\x7f");
  CHECK(log_text("a\0b"s) == "a\\x00b");
  CHECK(log_text("\x9b"
                 "31m") == "\\x9b31m");  // CSI in one octet
  CHECK(log_text("\xc2\x9b"
                 "31m") == "\\xc2\\x9b31m");  // the same in UTF-8
  CHECK(log_text("\xc2\x85") == "\\xc2\\x85");
  CHECK(log_text("\xc0\x8a") == "\\xc0\\x8a");           // LF, too long
  CHECK(log_text("\xe0\x82\x9b") == "\\xe0\\x82\\x9b");  // CSI, too long
  CHECK(log_text("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half of a surrogate pair
  CHECK(log_text("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(log_text("\xe6\x97") == "\\xe6\\x97");  // cut
}

TEST_CASE("a long text is cut", "[log]") {
  CHECK(log_text("abcdef", 6) == "abcdef");
  CHECK(log_text("abcdef", 5) == "abcde...");
}
