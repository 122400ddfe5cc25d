// TYPE A both ways, on any split of the input and any room for the output. RFC 959 3.1.1.1.
#include "core/codec/ascii.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/splits.hpp"

namespace {

constexpr std::size_t least_room = 16;  // what codec.hpp promises to every codec

/// Runs pieces through a codec, `room` octets of output at a time, and flushes.
std::string run_codec(core::Codec& codec, const tests::Pieces& pieces, std::size_t room) {
  std::string made;
  const auto step = [&](std::span<const char> in, bool last) {
    const auto out = std::make_unique<char[]>(room);
    const core::Progress progress = codec.run(in, {out.get(), room}, last);
    REQUIRE(progress.taken <= in.size());
    REQUIRE(progress.made <= room);
    made.append(out.get(), progress.made);
    return progress;
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const tests::Exact piece(pieces[i]);
    std::span<const char> in = piece.span();
    while (!in.empty()) {
      const core::Progress progress = step(in, i + 1 == pieces.size());
      REQUIRE(progress.taken + progress.made > 0);
      in = in.subspan(progress.taken);
    }
  }
  while (step({}, true).made > 0) {
  }
  return made;
}

template <typename Codec>
std::string converted(const tests::Pieces& pieces, std::size_t room) {
  Codec codec;
  return run_codec(codec, pieces, room);
}

template <typename Codec>
void check_codec(std::string_view in, std::string_view out) {
  tests::for_each_split(in, [&](const tests::Pieces& pieces) {
    for (const std::size_t room : {least_room, least_room + 1, std::size_t{100}}) {
      CHECK(converted<Codec>(pieces, room) == out);
    }
  });
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

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
  check_codec<core::AsciiEncoder>("a\r\n", "a\r\r\n");
  check_codec<core::AsciiDecoder>("a\rb\r", "a\rb\r");
  check_codec<core::AsciiDecoder>("a\r\r\n", "a\r\n");
  check_codec<core::AsciiDecoder>(repeated("\r", 50), repeated("\r", 50));
}

TEST_CASE("a bare LF that comes in is stored as it is", "[ascii]") {
  check_codec<core::AsciiDecoder>("a\nb\n", "a\nb\n");
  check_codec<core::AsciiDecoder>("\r\n\n\r\n", "\n\n\n");
}

TEST_CASE("a CR is held until what follows is known, and flushed at the end", "[ascii]") {
  core::AsciiDecoder decoder;
  std::array<char, 16> out{};
  CHECK(decoder.run(std::string_view("a\r"), out, false) == core::Progress{2, 1});
  CHECK(decoder.run({}, out, false) == core::Progress{0, 0});
  CHECK(decoder.run({}, out, true) == core::Progress{0, 1});
  CHECK(out[0] == '\r');
  CHECK(decoder.run({}, out, true) == core::Progress{0, 0});
}

TEST_CASE("what stands behind the input or the room is not touched", "[ascii]") {
  const std::string_view block = "line\nRUBBISH";
  std::string out(32, '#');
  core::AsciiEncoder encoder;
  CHECK(encoder.run(block.substr(0, 5), std::span(out).first(16), true) == core::Progress{5, 6});
  CHECK(out == "line\r\n" + std::string(26, '#'));
}

TEST_CASE("a full output takes no more input than it can hold", "[ascii]") {
  core::AsciiEncoder encoder;
  std::array<char, 16> out{};
  const std::string in = std::string(15, 'x') + "\ny";
  CHECK(encoder.run(in, out, true) == core::Progress{15, 15});  // CR LF does not fit whole
  CHECK(encoder.run(std::string_view(in).substr(15), out, true) == core::Progress{2, 3});
}

TEST_CASE("any file comes back from the network as it was", "[ascii][TY-11]") {
  sim::for_each_seed(300, [](std::uint64_t seed) {
    CAPTURE(seed);
    sim::Random random(seed);
    constexpr std::string_view likely("\r\r\n\nab\0\xff", 8);
    std::string file;
    for (std::uint64_t i = random.below(500); i > 0; --i) file += likely[random.below(likely.size())];
    const std::size_t room = least_room + random.below(40);
    const std::string network = converted<core::AsciiEncoder>(tests::random_pieces(random, file, 30), room);
    CHECK(network.size() == file.size() + core::count_line_feeds(file));
    CHECK(converted<core::AsciiDecoder>(tests::random_pieces(random, network, 30), room) == file);
  });
}

TEST_CASE("LFs are counted", "[ascii]") {
  CHECK(core::count_line_feeds({}) == 0);
  CHECK(core::count_line_feeds(std::string_view("a\nb\r\n\r")) == 2);
  CHECK(core::count_line_feeds(repeated("x\n", 1000)) == 1000);
  CHECK(core::count_line_feeds(repeated("\n", 1001)) == 1001);
  for (int octet = 0; octet < 256; ++octet) {
    const std::string others(23, static_cast<char>(octet));
    CAPTURE(octet);
    CHECK(core::count_line_feeds(tests::Exact(others + "\n" + others).span()) == (octet == '\n' ? 47 : 1));
  }
}
