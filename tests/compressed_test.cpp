// MODE C: strings, fillers and escapes. RFC 959 3.4.3.
#include "core/codec/compressed.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

constexpr Representation image{.type = Type::image, .mode = Mode::compressed};
constexpr Representation text{.mode = Mode::compressed};
constexpr Representation ebcdic{.type = Type::ebcdic, .mode = Mode::compressed};
constexpr Representation records{.structure = Structure::record, .mode = Mode::compressed};

const std::string end_of_file = octets(0, 64), end_of_record = octets(0, 128), both = octets(0, 192);
const std::string nothing = octets(0xc0);

std::string plain(std::string_view data) { return octets(data.size()) + std::string(data); }

}  // namespace

TEST_CASE("strings, replicated octets and fillers", "[codec][compressed][MD-08][MD-09]") {
  tests::check_both_ways(image, "abc", end_of_file + plain("abc"));
  tests::check_both_ways(image, "abbcccd", plain("abb") + octets(0x83, 'c') + end_of_file + plain("d"));
  tests::check_both_ways(image, octets('a', 0, 'b', 0, 0), plain(octets('a', 0, 'b')) + end_of_file + octets(0xc2));
  tests::check_both_ways(text, "a b  c", plain("a b") + octets(0xc2) + end_of_file + plain("c"));
  tests::check_both_ways(ebcdic, "1  ", plain(octets(0xf1)) + end_of_file + octets(0xc2));
  tests::check_both_ways({.type = Type::local, .byte_size = 12, .mode = Mode::compressed}, octets(0, 0, 0, 0),
                         end_of_file + octets(0xc3));
}

TEST_CASE("a filler is no filler in another TYPE", "[codec][compressed][MD-09]") {
  tests::check_both_ways(image, "    ", end_of_file + octets(0x84, ' '));
  tests::check_both_ways(text, octets(0, 0, 0), end_of_file + octets(0x83, 0));
}

TEST_CASE("counts are as large as their bits", "[codec][compressed][MD-08]") {
  std::string mixed;
  for (int i = 0; i < 200; ++i) mixed += static_cast<char>('a' + i % 7);
  const auto encoder = make_encoder(image);
  CHECK(tests::coded(*encoder, {mixed}, 1000).made ==
        plain(mixed.substr(0, 127)) + end_of_file + plain(mixed.substr(127)));
  const auto zeros = make_encoder(image);
  CHECK(tests::coded(*zeros, {std::string(130, '\0')}, 1000).made == octets(0xff, 0xff) + end_of_file + octets(0xc4));
  tests::check_decodes(image, octets(0xbf, 'x') + end_of_file + octets(0xff),
                       std::string(63, 'x') + std::string(63, '\0'));
}

TEST_CASE("an escape applies to the next string", "[codec][compressed][MD-10][ST-06]") {
  tests::check_both_ways(records, "one\n\nxxx\n",
                         end_of_record + plain("one") + end_of_record + nothing + both + octets(0x83, 'x'));
  tests::check_both_ways(records, "", end_of_file + nothing);
  tests::check_both_ways(records, "\n", both + nothing);
  tests::check_both_ways(image, "", end_of_file + nothing);
  tests::check_decodes(records, end_of_record + plain("a") + octets(0x80, 'x') + end_of_file + octets(0x80, 'x'),
                       "a\n");
  tests::check_decodes(records, end_of_record + end_of_file + plain("a"), "a\n");  // bits add up
  for (const int bit : {1, 2, 4, 8}) tests::check_refuses(image, octets(0, 64 | bit), EBADMSG);
}

TEST_CASE("MODE C needs its end of file before the close", "[codec][compressed][MD-06]") {
  const std::string all = plain("abc") + octets(0x83, 'x') + end_of_file + plain("d");
  for (const std::size_t size : {0u, 1u, 3u, 4u, 5u, 6u, 7u, 9u}) {
    CAPTURE(size);
    tests::check_refuses(image, all.substr(0, size), ECONNRESET);
  }
  // The escape has said it: where no string follows, nothing was left to send.
  tests::check_decodes(image, all.substr(0, 8), "abcxxx");
}

TEST_CASE("restart markers stand between strings in MODE C", "[codec][compressed][RS-13][MD-05]") {
  const auto encoder = make_encoder(image, {.interval = 4});
  const std::string network = plain("0123") + octets(0, 16) + plain("4") + end_of_file + plain("4567");
  CHECK(tests::coded(*encoder, {"01234567"}, 1000).made == network);

  const auto decoder = make_decoder(image);
  tests::CodecRun run(*decoder);
  run.give(octets(0, 16, 0x83, 'x') + octets(0, 16) + plain("m") + plain("data") + octets(0, 16, 0xc3) + "...");
  CHECK(run.made == "data");
  REQUIRE(run.markers.size() == 2);
  CHECK(run.markers[0].text == "xxx");
  CHECK(run.markers[1].text == "m");
  CHECK(run.error == EBADMSG);  // fillers of TYPE I are no text

  tests::check_refuses(image, octets(0, 16) + nothing, EBADMSG);
  tests::check_refuses(image, octets(0, 16) + plain("a b"), EBADMSG);
  tests::check_refuses(image, octets(0, 16 | 64), ECONNRESET);
}

TEST_CASE("octets behind the last string are left for the next file", "[codec][compressed]") {
  const auto decoder = make_decoder(image);
  const auto got = tests::coded(*decoder, {end_of_file + plain("a") + plain("b")}, 64);
  CHECK(got.made == "a");
  CHECK(got.taken == 4);
}
