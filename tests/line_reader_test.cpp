// Command lines out of any split of the stream. RFC 959 5.3, RFC 2640 3.1.
#include "core/line_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "core/limits.hpp"
#include "tests/catch.hpp"
#include "tests/splits.hpp"

namespace {

using namespace std::string_literals;
using core::limits::command_line_max;

const std::string too_long = "<too long>";
using Lines = std::vector<std::string>;

void drain(core::LineReader& reader, Lines& lines) {
  while (const auto line = reader.next()) lines.push_back(line->too_long ? too_long : std::string(line->text));
}

Lines read(const tests::Pieces& pieces) {
  core::LineReader reader;
  Lines lines;
  for (const std::string_view piece : pieces) {
    reader.input() += piece;
    drain(reader, lines);
  }
  return lines;
}

void check_lines(std::string_view octets, const Lines& lines) {
  tests::for_each_split(octets, [&](const tests::Pieces& pieces) { CHECK(read(pieces) == lines); });
}

/// What the reader should find, written as plainly as can be.
Lines model(std::string_view octets) {
  Lines lines;
  std::size_t end = 0;
  while ((end = octets.find('\n')) != std::string_view::npos) {
    const std::string_view raw = octets.substr(0, end > 0 && octets[end - 1] == '\r' ? end - 1 : end);
    std::string text;
    for (std::size_t at = 0; at < raw.size(); ++at) {
      const bool padding = raw[at] == '\0' && at > 0 && raw[at - 1] == '\r';
      if (!padding) text += raw[at];
    }
    lines.push_back(raw.size() > command_line_max ? too_long : text);
    octets.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

TEST_CASE("nothing happens until the line ends, however the octets come", "[line_reader][CC-04]") {
  check_lines("NOOP", {});
  check_lines("NOOP\r", {});
  check_lines("NOOP\r\n", {"NOOP"});
  check_lines("USER demo\r\nPASS x\r\nQU", {"USER demo", "PASS x"});
}

TEST_CASE("several commands in one segment come out in order", "[line_reader]") {
  core::LineReader reader;
  reader.input() += "USER a\r\nPASS b\r\n\r\nNOOP\r\nPART";
  CHECK(reader.next()->text == "USER a");
  CHECK(reader.next()->text == "PASS b");
  CHECK(reader.pending() == 2 + 6 + 4);
  CHECK(reader.next()->text.empty());
  CHECK(reader.next()->text == "NOOP");
  CHECK_FALSE(reader.next());
  CHECK(reader.pending() == 4);
  reader.input() += "IAL\r\n";
  CHECK(reader.next()->text == "PARTIAL");
  CHECK(reader.pending() == 0);
}

TEST_CASE("a line that came whole can be looked for without being taken", "[line_reader]") {
  constexpr auto is_abor = [](std::string_view line) { return line == "ABOR"; };
  core::LineReader reader;
  CHECK_FALSE(reader.holds(is_abor));
  reader.input() += "NOOP\r\nPWD\r\nABOR\r";
  CHECK(reader.next()->text == "NOOP");
  CHECK_FALSE(reader.holds(is_abor));  // not whole
  reader.input() += "\nABORT\r\n";
  CHECK(reader.holds(is_abor));
  CHECK(reader.next()->text == "PWD");
  CHECK(reader.holds(is_abor));
  CHECK(reader.next()->text == "ABOR");
  CHECK_FALSE(reader.holds(is_abor));  // it has been given out
  CHECK(reader.next()->text == "ABORT");
  reader.input() += std::string(command_line_max + 1, 'x');
  CHECK_FALSE(reader.next());  // thrown away, and so is its end
  reader.input() += "\r\nNOOP\r\n";
  CHECK_FALSE(reader.holds([](std::string_view line) { return line.empty(); }));
  CHECK(reader.holds([](std::string_view line) { return line == "NOOP"; }));
}

TEST_CASE("LF alone ends a line, CR alone does not", "[line_reader]") {
  check_lines("STOR a\nb\r\n", {"STOR a", "b"});
  check_lines("\nNOOP\n\r\n", {"", "NOOP", ""});
  check_lines("STOR a\rb\r\r\n", {"STOR a\rb\r"});
  check_lines("\r\r\r\n\n\r\n", {"\r\r", "", ""});
}

TEST_CASE("CR NUL is a CR of the name", "[line_reader]") {
  check_lines("STOR foo\r\0\nboo.bar\r\n"s, {"STOR foo\r", "boo.bar"});  // LF always ends the line
  check_lines("STOR \r\0\r\n"s, {"STOR \r"});
  check_lines("\r\0\r\0\r\n"s, {"\r\r"});
  check_lines("a\0b\r\0\0c\r\n"s, {"a\0b\r\0c"s});  // a NUL behind no CR stays, for the path to refuse
}

TEST_CASE("blanks and octets above 127 are kept", "[line_reader]") {
  check_lines("STOR  a \r\n", {"STOR  a "});
  check_lines("RETR \xc3\xa4\xff\x80\r\n", {"RETR \xc3\xa4\xff\x80"});
}

TEST_CASE("a line of the longest length is read, one octet more is reported once", "[line_reader]") {
  const std::string longest(command_line_max, 'x');
  CHECK(read({longest + "\r\nNOOP\r\n"}) == Lines{longest, "NOOP"});
  CHECK(read({longest, "\r", "\nNOOP\r\n"}) == Lines{longest, "NOOP"});
  CHECK(read({longest + "x\r\nNOOP\r\n"}) == Lines{too_long, "NOOP"});
  CHECK(read({longest, "x", "\r", "\n", "NOOP\r\n"}) == Lines{too_long, "NOOP"});
  CHECK(read({longest + longest + longest, longest + "\r\n\r\nNOOP\r\n"}) == Lines{too_long, "", "NOOP"});
}

TEST_CASE("an over-long line is dropped as it comes", "[line_reader]") {
  core::LineReader reader;
  Lines lines;
  const std::string piece(1000, '\r');  // the octet that costs most to look for
  for (int i = 0; i < 5000; ++i) {
    reader.input() += piece;
    drain(reader, lines);
    REQUIRE(reader.pending() <= command_line_max + 1);
  }
  CHECK(lines.empty());
  reader.input() += "\nNOOP\r\n";
  drain(reader, lines);
  CHECK(lines == Lines{too_long, "NOOP"});
}

TEST_CASE("an idle reader is small", "[line_reader]") {
  core::LineReader reader;
  Lines lines;
  reader.input() += std::string(16 * 1024, 'x') + "\r\nNOOP\r\n";
  drain(reader, lines);
  CHECK(lines == Lines{too_long, "NOOP"});
  CHECK(reader.input().capacity() <= 256);
}

TEST_CASE("a large block of small lines takes linear time", "[line_reader]") {
  constexpr std::size_t count = 500'000;
  core::LineReader reader;
  for (std::size_t i = 0; i < count; ++i) reader.input() += "NOOP\r\n";
  std::size_t found = 0;
  while (const auto line = reader.next()) found += line->text == "NOOP" ? 1 : 0;
  CHECK(found == count);
}

TEST_CASE("clear drops lines, part lines and over-long lines", "[line_reader]") {
  const std::string held = GENERATE("NOOP\r\nNO"s, "NO"s, "NO\r"s, std::string(3 * command_line_max, 'x'));
  core::LineReader reader;
  Lines lines;
  reader.input() += held;
  if (held.size() > command_line_max) drain(reader, lines);
  reader.clear();
  CHECK(reader.pending() == 0);
  CHECK_FALSE(reader.next());
  reader.input() += "\nQUIT\r\n";
  drain(reader, lines);
  CHECK(lines == Lines{"", "QUIT"});
}

TEST_CASE("any stream, any split: the same lines", "[line_reader][CC-04]") {
  sim::for_each_seed(400, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    constexpr std::string_view likely("\r\r\r\n\n\0ab \xff", 10);
    std::string octets;
    for (int i = 0; i < 300; ++i) {
      octets += likely[random.below(likely.size())];
      // Now and then a run about as long as a line may be.
      if (random.chance(0.01)) octets.append(command_line_max - 40 + random.below(80), 'x');
    }
    octets += "\r\n";
    const Lines expected = model(octets);
    CHECK(read({octets}) == expected);
    CHECK(read(tests::random_pieces(random, octets, 3)) == expected);
    CHECK(read(tests::random_pieces(random, octets, 2000)) == expected);
  });
}

TEST_CASE("a line is overwritten once it is used: it may be a password", "[line_reader]") {
  core::LineReader reader;
  for (const std::string_view behind : {"", "NOOP\r\n", "USER somebody with a long name\r\nPASS other\r\n"}) {
    reader.reserve(200);
    reader.input() += "PASS secret\r\n";
    reader.input() += behind;
    while (const auto line = reader.next()) {
      const std::string_view memory(reader.input().data(), reader.input().capacity());
      CHECK(memory.find("secret") ==
            (line->text == "PASS secret" ? memory.find(line->text) + 5 : std::string_view::npos));
    }
    const std::string_view memory(reader.input().data(), reader.input().capacity());
    for (const std::string_view word : {"PASS", "secret", "USER", "other"})
      CHECK(memory.find(word) == std::string_view::npos);
  }
}
