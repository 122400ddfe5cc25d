// MODE B: headers, marks and restart markers. RFC 959 3.4.2.
#include "core/codec/block.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

constexpr Representation image{.type = Type::image, .mode = Mode::block};
constexpr Representation text{.mode = Mode::block};
constexpr Representation records{.structure = Structure::record, .mode = Mode::block};

std::string block(int descriptor, std::string_view data) {
  return octets(descriptor, data.size() >> 8, data.size()) + std::string(data);
}

}  // namespace

TEST_CASE("a small file is one block with the end of file on it", "[codec][block][MD-02][MD-04]") {
  tests::check_both_ways(image, "abc", octets(0x40, 0, 3) + "abc");
  tests::check_both_ways(image, "", octets(0x40, 0, 0));
  tests::check_both_ways(text, "a\n", block(64, "a\r\n"));
}

TEST_CASE("blocks are as large as their count can say", "[codec][block][MD-02]") {
  const std::string file = tests::repeated("0123456789", 7000);
  const auto encoder = make_encoder(image);
  CHECK(tests::coded(*encoder, {file}, 200000).made == block(0, file.substr(0, 65535)) + block(64, file.substr(65535)));
}

TEST_CASE("a full output is drained before a small block is begun", "[codec][block]") {
  const auto encoder = make_encoder(image);
  std::array<char, 100> out{};
  const std::string file(200, 'x');
  CHECK(encoder->run(file, out, mark::end_of_file) == Progress{.taken = 97, .made = 100});
}

TEST_CASE("descriptor bits combine, and suspect data is stored all the same", "[codec][block][MD-03][MD-04]") {
  tests::check_decodes(image, block(32, "sus") + block(0, "") + block(32 | 64, "pect"), "suspect");
  tests::check_decodes(image, block(0, "a") + block(64, ""), "a");
  tests::check_decodes(image, block(128, "a") + block(128 | 64, "b"), "ab");  // no records here: nothing ends
  for (const int bit : {1, 2, 4, 8}) tests::check_refuses(image, block(64 | bit, "a"), EBADMSG);
}

TEST_CASE("records end with bit 128 in MODE B", "[codec][block][ST-06][MD-07]") {
  tests::check_both_ways(records, "one\n\ntwo\n", block(128, "one") + block(128, "") + block(128 | 64, "two"));
  tests::check_both_ways(records, "", block(64, ""));
  tests::check_both_ways(records, "\xff\n", block(128 | 64, "\xff"));
  tests::check_decodes(records, block(0, "o") + block(128, "ne") + block(128, "two") + block(64, ""), "one\ntwo\n");
  tests::check_refuses(records, block(64, "a\nb"), EILSEQ);
}

TEST_CASE("a close before the end-of-file block is a failed transfer", "[codec][block][MD-06]") {
  const std::string all = block(0, "abc") + block(64, "def");
  for (std::size_t size = 0; size < all.size(); ++size) tests::check_refuses(image, all.substr(0, size), ECONNRESET);
}

TEST_CASE("octets behind the end-of-file block are left for the next file", "[codec][block]") {
  const auto decoder = make_decoder(image);
  const auto got = tests::coded(*decoder, {block(64, "abc") + block(64, "def")}, 64);
  CHECK(got.made == "abc");
  CHECK(got.ended);
  CHECK(got.taken == 6);
}

TEST_CASE("restart markers stand between blocks at their offsets in the file", "[codec][block][RS-13]") {
  const auto encoder = make_encoder(image, {.begin = 1000, .interval = 4});
  CHECK(tests::coded(*encoder, {"0123456789"}, 1000).made ==
        block(0, "0123") + block(16, "1004") + block(0, "4567") + block(16, "1008") + block(64, "89"));
  // None behind the end.
  const auto even = make_encoder(image, {.interval = 4});
  CHECK(tests::coded(*even, {"01234567"}, 1000).made == block(0, "0123") + block(16, "4") + block(64, "4567"));
}

TEST_CASE("with records, markers stand behind the records' ends", "[codec][block][RS-13]") {
  const auto encoder = make_encoder(records, {.interval = 2});
  CHECK(tests::coded(*encoder, {"a\nlong\nb\nc\n"}, 1000).made ==
        block(128, "a") + block(16, "2") + block(0, "lo") + block(128, "ng") + block(16, "7") + block(128, "b") +
            block(16, "9") + block(128 | 64, "c"));
}

TEST_CASE("a restart marker is told and never stored", "[codec][block][MD-05][RS-14]") {
  const auto decoder = make_decoder(text);
  tests::CodecRun run(*decoder);
  run.give(block(0, "one\r") + block(16, "here!") + block(0, "\ntwo") + block(16 | 64, "~"));
  CHECK(run.made == "one\ntwo");
  CHECK(run.ended);
  REQUIRE(run.markers.size() == 2);
  CHECK(run.markers[0].text == "here!");
  CHECK(run.markers[0].state == "r");
  CHECK(run.markers[0].position == 3);
  CHECK(run.markers[1].text == "~");
  CHECK(run.markers[1].state.empty());
}

TEST_CASE("a restart marker is printable text without space", "[codec][block][RS-13]") {
  tests::check_refuses(image, block(16, "a b"), EBADMSG);
  tests::check_refuses(image, block(16, "a\x7f"), EBADMSG);
  tests::check_refuses(image, block(16, ""), EBADMSG);
  tests::check_refuses(image, block(16, std::string(256, 'x')), EBADMSG);
  tests::check_decodes(image, block(16, std::string(255, 'x')) + block(64, "a"), "a");
}
