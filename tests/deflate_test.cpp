// MODE Z: zlib streams around every TYPE and STRU, their end, and what is no such stream.
#include "core/codec/deflate.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

constexpr Representation image{.type = Type::image, .mode = Mode::deflate};
constexpr Representation text{.mode = Mode::deflate};
constexpr Representation records{.structure = Structure::record, .mode = Mode::deflate};

/// What zlib itself makes of it.
std::string zlib_of(std::string_view plain, int level = 6) {
  uLongf size = compressBound(plain.size());
  std::string out(size, '\0');
  REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(plain.data()),
                    plain.size(), level) == Z_OK);
  out.resize(size);
  return out;
}

std::string noise(std::size_t size) {
  std::string all;
  for (std::uint32_t x = 1; all.size() < size; x = x * 1664525 + 1013904223) all += static_cast<char>(x >> 24);
  return all;
}

std::string encoded(const Representation& as, const std::string& file, const Markers& markers = {}) {
  const auto codec = make_encoder(as, markers);
  return tests::coded(*codec, {file}, 5000).made;
}

}  // namespace

TEST_CASE("a file travels as one zlib stream: method 8, header and Adler-32", "[codec][deflate][MZ-01]") {
  tests::check_both_ways(image, "xxxxx", octets(0x78, 0x9c, 0xab, 0xa8, 0x00, 0x02, 0x00, 0x07, 0x0d, 0x02, 0x59));
  tests::check_both_ways(image, "", octets(0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01));
  tests::check_both_ways(text, "one\ntwo\n", zlib_of("one\r\ntwo\r\n"));
}

TEST_CASE("records keep their marks inside the zlib stream", "[codec][deflate][MZ-01]") {
  tests::check_both_ways(records, "one\ntwo\n", zlib_of("one\xff\1two\xff\3"));
}

TEST_CASE("the level is said in the header, and 0 compresses nothing", "[codec][deflate][MZ-05]") {
  const std::string file = noise(3000) + std::string(3000, 'x');
  Representation as = image;
  as.level = 9;
  CHECK(encoded(as, file).substr(0, 2) == octets(0x78, 0xda));
  as.level = 0;
  CHECK(encoded(as, file).size() > file.size());
  const auto decoder = make_decoder(image);
  CHECK((tests::coded(*decoder, {encoded(as, file)}, 1000).made == file));
}

TEST_CASE("what is skipped is skipped before it is compressed", "[codec][deflate][MZ-04]") {
  const auto decoder = make_decoder(image);
  CHECK(tests::coded(*decoder, {encoded(image, "0123456789", {.skip = 4})}, 1000).made == "456789");
  const auto nothing = make_decoder(image);
  CHECK(tests::coded(*nothing, {encoded(image, "0123", {.skip = 4})}, 1000).made.empty());
}

TEST_CASE("in TYPE A a file is taken up between a CR and its LF as in MODE S", "[codec][deflate][MZ-04]") {
  const auto decoder = make_decoder(text);
  REQUIRE(decoder->restore("r"));
  CHECK(tests::coded(*decoder, {zlib_of("\ntwo\r\n")}, 1000).made == "\ntwo\n");
}

TEST_CASE("a close before the end of the zlib stream is a failed transfer", "[codec][deflate][MZ-02]") {
  const std::string all = zlib_of("abc abc abc abd");
  for (std::size_t size = 0; size < all.size(); ++size) tests::check_refuses(image, all.substr(0, size), ECONNRESET);
}

TEST_CASE("records that end do not end the zlib stream around them", "[codec][deflate][MZ-02]") {
  const std::string all = zlib_of("one\xff\1two\xff\3");
  for (std::size_t size = 0; size < all.size(); ++size) tests::check_refuses(records, all.substr(0, size), ECONNRESET);
  std::string broken = all;
  broken.back() = static_cast<char>(broken.back() ^ 1);
  tests::check_refuses(records, broken, EBADMSG);
}

TEST_CASE("octets behind the end of the zlib stream are no data", "[codec][deflate][MZ-02]") {
  const std::string all = zlib_of("abc");
  const auto decoder = make_decoder(image);
  const auto got = tests::coded(*decoder, {all + "rubbish"}, 1000);
  CHECK(got.made == "abc");
  CHECK(got.ended);
  CHECK(got.taken == all.size());
}

TEST_CASE("what is no zlib stream, or a broken one, ends with an error", "[codec][deflate][MZ-03]") {
  tests::check_refuses(image, "plain text", EBADMSG);
  tests::check_refuses(image, octets(0x79, 0x9c, 3, 0, 0, 0, 0, 1), EBADMSG);              // another method
  tests::check_refuses(image, octets(0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0, 1), EBADMSG);  // a dictionary
  std::string broken = zlib_of("abcdefgh");
  broken.back() = static_cast<char>(broken.back() ^ 1);  // the checksum
  tests::check_refuses(image, broken, EBADMSG);
}

TEST_CASE("MODE Z alone is slow, and says so", "[codec][deflate][MZ-07]") {
  for (const Mode mode : {Mode::stream, Mode::block, Mode::compressed, Mode::deflate}) {
    const Representation as{.mode = mode};
    CHECK(make_encoder(as)->is_slow() == (mode == Mode::deflate));
    CHECK(make_listing_encoder(as)->is_slow() == (mode == Mode::deflate));
    CHECK(make_decoder(as)->is_slow() == (mode == Mode::deflate));
  }
}

TEST_CASE("pages and their holes travel in a zlib stream", "[codec][deflate][MZ-01]") {
  const Representation pages{.type = Type::image, .structure = Structure::page, .mode = Mode::deflate};
  const std::string file = std::string(512, 'a') + std::string(1024, '\0') + "end";
  const auto encoder = make_encoder(pages);
  tests::CodecRun sending(*encoder, 200);
  sending.give(std::string_view(file).substr(0, 512));
  encoder->jump(1536);
  sending.give("end");
  sending.give({}, mark::end_of_file);
  const auto decoder = make_decoder(pages);
  tests::CodecRun receiving(*decoder, 100);
  receiving.give_all(tests::Pieces{sending.made});
  CHECK(receiving.ended);
  CHECK((receiving.made == file));
}
