// The Telnet filter against RFC 854, 855 and RFC 1123 3.2, on any split of the stream.
#include "core/telnet.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/line_reader.hpp"
#include "tests/catch.hpp"
#include "tests/splits.hpp"

namespace {

using namespace std::string_literals;

constexpr char se = '\xf0', nop = '\xf1', data_mark = '\xf2', interrupt = '\xf4', subnegotiation = '\xfa';
constexpr char will = '\xfb', wont = '\xfc', request = '\xfd', dont = '\xfe', iac = '\xff';

std::string command(char code) { return {iac, code}; }
std::string option(char verb, char number) { return {iac, verb, number}; }

struct Result {
  std::string text, answers;
  bool in_synch = false;
  bool operator==(const Result&) const = default;
};

/// What the PI does: text ahead of a Synch is dropped once its Data Mark comes.
void receive(core::TelnetFilter& filter, std::string_view octets, std::string& text, std::string& answers) {
  while (!octets.empty()) {
    octets.remove_prefix(filter.receive(octets, text, answers));
    if (filter.take_synch()) text.clear();
  }
}

Result filter(const tests::Pieces& pieces, bool urgent = false) {
  core::TelnetFilter filter;
  Result result;
  if (urgent) filter.begin_synch();
  for (const std::string_view piece : pieces) receive(filter, tests::Exact(piece).view(), result.text, result.answers);
  result.in_synch = filter.in_synch();
  return result;
}

/// The same whatever the split.
void check_filter(std::string_view octets, const std::string& text, const std::string& answers = "",
                  bool urgent = false) {
  tests::for_each_split(octets, [&](const tests::Pieces& pieces) {
    const Result result = filter(pieces, urgent);
    CHECK(result.text == text);
    CHECK(result.answers == answers);
  });
}

}  // namespace

TEST_CASE("text without IAC passes as it is", "[telnet]") {
  check_filter("", "");
  check_filter("USER demo\r\nPASS secret\r\n", "USER demo\r\nPASS secret\r\n");
  check_filter("STOR a\r\0b\r\n"s, "STOR a\r\0b\r\n"s);
  CHECK_FALSE(core::may_hold_telnet("NOOP\r\n"));
  CHECK(core::may_hold_telnet("NO" + command(nop) + "OP\r\n"));
}

TEST_CASE("every option is refused, and the commands around it still work", "[telnet][CC-17]") {
  for (int number = 0; number < 256; ++number) {
    const char x = static_cast<char>(number);
    CAPTURE(number);
    check_filter("NO" + option(request, x) + "OP\r\n", "NOOP\r\n", option(wont, x));
    check_filter("NO" + option(will, x) + "OP\r\n", "NOOP\r\n", option(dont, x));
  }
}

TEST_CASE("DONT and WONT get no answer", "[telnet][CC-18]") {
  for (int number = 0; number < 256; ++number) {
    const char x = static_cast<char>(number);
    CAPTURE(number);
    check_filter("NO" + option(dont, x) + "OP\r\n", "NOOP\r\n");
    check_filter("NO" + option(wont, x) + "OP\r\n", "NOOP\r\n");
  }
}

TEST_CASE("other Telnet commands never reach the text", "[telnet][CC-20]") {
  for (int code = 0; code < 250; ++code) {
    CAPTURE(code);
    check_filter("NO" + command(static_cast<char>(code)) + "OP\r\n", "NOOP\r\n");
  }
}

TEST_CASE("a subnegotiation is swallowed whole", "[telnet][CC-21]") {
  const std::string begin = command(subnegotiation), end = command(se), doubled = command(iac);
  check_filter("NO" + begin + "\x18\x00xterm"s + end + "OP\r\n", "NOOP\r\n");
  check_filter("NO" + begin + "\x18" + doubled + "QUIT\r\n" + doubled + end + "OP\r\n", "NOOP\r\n");
  check_filter("NO" + begin + doubled + se + end + "OP\r\n", "NOOP\r\n");
  check_filter("NO" + begin + end + "OP\r\n", "NOOP\r\n");
}

TEST_CASE("a subnegotiation without its end does not swallow the session", "[telnet]") {
  const std::string begin = command(subnegotiation);
  check_filter("NO" + begin + "\x18xterm" + command(nop) + "OP\r\n", "NOOP\r\n");
  check_filter("NO" + begin + "\x18" + option(request, 3) + "OP\r\n", "NOOP\r\n", option(wont, 3));
  check_filter(begin + "\x18" + command(data_mark) + "NOOP\r\n", "NOOP\r\n", "", true);
}

TEST_CASE("IAC IAC is one octet 255 of the text", "[telnet]") {
  check_filter("RETR \xff\xff.txt\r\n", "RETR \xff.txt\r\n");
  check_filter("\xff\xff\xff\xff", "\xff\xff");
}

TEST_CASE("in a Synch all but Telnet commands is discarded up to the Data Mark", "[telnet][CC-24]") {
  const std::string synch = command(interrupt) + command(data_mark);
  check_filter("RETR lost" + synch + "ABOR\r\n", "ABOR\r\n", "", true);
  check_filter("lost \xff\xff\r\n" + option(request, 1) + "lost" + synch + "ABOR\r\n", "ABOR\r\n", option(wont, 1),
               true);
}

TEST_CASE("a Data Mark outside a Synch is nothing, and a Synch lasts until its mark", "[telnet][CC-25]") {
  check_filter("NO" + command(data_mark) + "OP\r\n", "NOOP\r\n");
  check_filter("NOOP\r\nNOOP\r\n", "", "", true);
  CHECK(filter({"NOOP\r\n"}, true).in_synch);

  core::TelnetFilter telnet;
  std::string text, answers;
  telnet.begin_synch();
  receive(telnet, "one" + command(data_mark) + "two", text, answers);
  CHECK_FALSE(telnet.in_synch());
  telnet.begin_synch();  // urgent data again: a second Synch
  receive(telnet, "three" + command(data_mark) + "four", text, answers);
  CHECK(text == "four");  // what was typed ahead is dropped
}

TEST_CASE("IAC IP IAC DM as ordinary data is a Synch too: what was typed ahead is dropped", "[telnet][CC-26][CC-27]") {
  check_filter("RETR lost\r\nhalf a" + command(interrupt) + command(data_mark) + "ABOR\r\n", "ABOR\r\n");
  check_filter(command(interrupt) + "text between" + command(data_mark) + "ABOR\r\n", "text betweenABOR\r\n");
  check_filter(command(interrupt) + command(data_mark) + "ABOR\r\n", "ABOR\r\n");
}

TEST_CASE("all 256 octets arrive, 255 doubled", "[telnet]") {
  std::string sent, meant;
  for (int octet = 0; octet < 256; ++octet) {
    meant += static_cast<char>(octet);
    sent.append(octet == 255 ? 2 : 1, static_cast<char>(octet));
  }
  check_filter(sent, meant);
}

TEST_CASE("any stream: each split reads the same, and only refusals are sent, one an offer", "[telnet][CC-19]") {
  sim::for_each_seed(300, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    constexpr std::string_view likely = "\xff\xff\xff\xfd\xfb\xfe\xfc\xfa\xf0\xf2\xf4\r\nA\x01";
    std::string octets;
    for (int i = 0; i < 400; ++i) octets += likely[random.below(likely.size())];
    const bool urgent = random.chance(0.5);
    const Result whole = filter({octets}, urgent);
    CHECK(filter(tests::random_pieces(random, octets, 1), urgent) == whole);
    CHECK(filter(tests::random_pieces(random, octets, 20), urgent) == whole);
    REQUIRE(whole.answers.size() % 3 == 0);
    for (std::size_t at = 0; at < whole.answers.size(); at += 3) {
      CHECK(whole.answers[at] == iac);
      CHECK((whole.answers[at + 1] == wont || whole.answers[at + 1] == dont));
    }
  });
}
