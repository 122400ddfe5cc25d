// TYPE A both ways, on any split of the input and any room for the output. RFC 959 3.1.1.1.
#include "core/codec/ascii.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/codec_harness.hpp"

namespace {

template <typename Codec>
void check_codec(std::string_view in, std::string_view out) {
  tests::check_coding([] { return std::make_unique<Codec>(); }, in, out);
}

template <typename Codec>
std::string converted(const tests::Pieces& pieces, std::size_t room) {
  Codec codec;
  return tests::coded(codec, pieces, room).made;
}

using tests::repeated;
constexpr auto none = core::mark::none, end_of_file = core::mark::end_of_file;

}  // namespace

TEST_CASE("each local line end is sent as CR LF, and CR LF becomes the local line end", "[ascii][TY-11]") {
  const auto [file, network] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"one\ntwo\n", "one\r\ntwo\r\n"},
      {"no end", "no end"},
      {"\n", "\r\n"},
      {"\n\n\n", "\r\n\r\n\r\n"},
      {"\n\nx", "\r\n\r\nx"},
      {std::string("\0\xff\n\x80", 4), std::string("\0\xff\r\n\x80", 5)},
      {repeated("\n", 40), repeated("\r\n", 40)},
      {repeated("0123456789abcd\n", 10), repeated("0123456789abcd\r\n", 10)},
  }));
  check_codec<core::AsciiEncoder>(file, network);
  check_codec<core::AsciiDecoder>(network, file);
}

TEST_CASE("a bare CR passes through both ways", "[ascii]") {
  check_codec<core::AsciiEncoder>("a\rb\r", "a\rb\r");
  check_codec<core::AsciiEncoder>("a\r\rb\r\r", "a\r\rb\r\r");
  check_codec<core::AsciiEncoder>(repeated("\r", 50), repeated("\r", 50));
  check_codec<core::AsciiDecoder>("a\rb\r", "a\rb\r");
  check_codec<core::AsciiDecoder>("a\r\r\n", "a\r\n");
  check_codec<core::AsciiDecoder>(repeated("\r", 50), repeated("\r", 50));
}

TEST_CASE("CR LF in a file is sent as it is, and comes back as LF", "[ascii][TY-11]") {
  check_codec<core::AsciiEncoder>("a\r\n", "a\r\n");
  check_codec<core::AsciiEncoder>("a\r\r\n\n\r\n", "a\r\r\n\r\n\r\n");
  check_codec<core::AsciiEncoder>(repeated("\r\n", 50), repeated("\r\n", 50));
  check_codec<core::AsciiEncoder>(repeated("text\r\n", 50), repeated("text\r\n", 50));
}

TEST_CASE("a CR that is sent waits until what follows is known", "[ascii][RS-03]") {
  core::AsciiEncoder encoder;
  std::array<char, 64> out{};
  CHECK(encoder.run(std::string_view("a\r"), out, none) == core::Progress{.taken = 2, .made = 1});
  CHECK(encoder.state() == "r");
  CHECK(encoder.run({}, out, none).idle());
  CHECK(encoder.run(std::string_view("\n"), std::span(out).first(1), none).idle());  // both or none
  CHECK(encoder.run(std::string_view("\n"), out, none) == core::Progress{.taken = 1, .made = 2});
  CHECK(encoder.state().empty());
}

TEST_CASE("a bare LF that comes in is stored as it is", "[ascii]") {
  check_codec<core::AsciiDecoder>("a\nb\n", "a\nb\n");
  check_codec<core::AsciiDecoder>("\r\n\n\r\n", "\n\n\n");
}

TEST_CASE("a CR is held until what follows is known, and flushed at the end", "[ascii]") {
  core::AsciiDecoder decoder;
  std::array<char, 64> out{};
  CHECK(decoder.run(std::string_view("a\r"), out, none) == core::Progress{.taken = 2, .made = 1});
  CHECK(decoder.run({}, out, none).idle());
  CHECK(decoder.run({}, out, end_of_file) == core::Progress{.made = 1, .marks = end_of_file});
  CHECK(out[0] == '\r');
}

TEST_CASE("a CR that a restart marker cuts from its LF is the state to go on with", "[ascii][RS-14]") {
  core::AsciiDecoder decoder;
  std::array<char, 64> out{};
  CHECK(decoder.state().empty());
  CHECK(decoder.run(std::string_view("a\r"), out, core::mark::restart) ==
        core::Progress{.taken = 2, .made = 1, .marks = core::mark::restart});
  CHECK(decoder.state() == "r");

  core::AsciiDecoder resumed;
  CHECK(resumed.restore("r"));
  CHECK(resumed.run(std::string_view("\nb"), out, end_of_file) ==
        core::Progress{.taken = 2, .made = 2, .marks = end_of_file});
  CHECK(std::string_view(out.data(), 2) == "\nb");

  CHECK(core::AsciiDecoder().restore(""));
  CHECK(!core::AsciiDecoder().restore("x"));
  CHECK(!core::AsciiDecoder().restore("rr"));
}

TEST_CASE("what stands behind the input or the room is not touched", "[ascii]") {
  const std::string_view block = "line\nRUBBISH";
  std::string out(80, '#');
  core::AsciiEncoder encoder;
  CHECK(encoder.run(block.substr(0, 5), std::span(out).first(64), end_of_file) ==
        core::Progress{.taken = 5, .made = 6, .marks = end_of_file});
  CHECK(out == "line\r\n" + std::string(74, '#'));
}

TEST_CASE("a full output takes no more input than it can hold", "[ascii]") {
  core::AsciiEncoder encoder;
  std::array<char, 64> out{};
  const std::string in = std::string(63, 'x') + "\ny";
  CHECK(encoder.run(in, out, end_of_file) == core::Progress{.taken = 63, .made = 63});  // CR LF does not fit whole
  CHECK(encoder.run(std::string_view(in).substr(63), out, end_of_file) ==
        core::Progress{.taken = 2, .made = 3, .marks = end_of_file});
}

TEST_CASE("any text comes back from the network with its lines", "[ascii][TY-11]") {
  sim::for_each_seed(300, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    constexpr std::string_view likely("\r\r\n\nab\0\xff", 8);
    std::string file;
    for (std::uint64_t i = random.below(500); i > 0; --i) file += likely[random.below(likely.size())];
    const std::size_t room = core::Codec::smallest_output + random.below(40);
    const std::string network = converted<core::AsciiEncoder>(tests::random_pieces(random, file, 30), room);
    std::string wanted, back;  // with and without a CR before each LF, where the file has none or one
    for (const char c : file) {
      if (c == '\n' && !wanted.ends_with('\r')) wanted += '\r';
      if (c == '\n' && back.ends_with('\r')) back.pop_back();
      wanted += c;
      back += c;
    }
    CHECK(network == wanted);
    CHECK(converted<core::AsciiDecoder>(tests::random_pieces(random, network, 30), room) == back);
  });
}
