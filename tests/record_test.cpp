// STRU R in MODE S: lines as records, and the control codes that end them. RFC 959 3.1.2.2, 3.4.1.
#include "core/codec/record.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

constexpr Representation records{.structure = Structure::record};
const std::string end_of_record = octets(255, 1), end_of_file = octets(255, 2), both = octets(255, 3);

}  // namespace

TEST_CASE("STRU R in MODE S ends records and the file by escapes", "[codec][record][ST-02][ST-03]") {
  tests::check_both_ways(records, "one\ntwo\n", "one" + end_of_record + "two" + both);
  tests::check_both_ways(records, "", end_of_file);
  tests::check_both_ways(records, "\n", both);
  tests::check_both_ways(records, "\n\n", end_of_record + both);
  // The same, as another sender may put it.
  tests::check_decodes(records, "one" + end_of_record + "two" + end_of_record + end_of_file, "one\ntwo\n");
}

TEST_CASE("an octet 255 in a record is sent twice", "[codec][record][ST-03]") {
  tests::check_both_ways(records, octets('a', 255, 'b', 255, 255, '\n'),
                         octets('a', 255, 255, 'b', 255, 255, 255, 255) + both);
  const std::string many = tests::repeated("\xff", 300) + "\n";
  const auto encoder = make_encoder(records);
  CHECK(tests::coded(*encoder, {many}, 64).made == tests::repeated("\xff", 600) + both);
}

TEST_CASE("the last record ends with a mark though its line has no LF", "[codec][record][ST-04]") {
  const auto encoder = make_encoder(records);
  CHECK(tests::coded(*encoder, {"one\ntwo"}, 64).made == "one" + end_of_record + "two" + both);
  // The end may become known only later.
  const auto late = make_encoder(records);
  tests::CodecRun run(*late);
  run.give("two");
  run.give({}, mark::end_of_file);
  CHECK(run.made == "two" + both);
}

TEST_CASE("in TYPE E a record holds EBCDIC without NL", "[codec][record][TY-09][ST-02]") {
  const Representation as{.type = Type::ebcdic, .structure = Structure::record};
  tests::check_both_ways(as, "A1\nB\n", octets(0xc1, 0xf1) + end_of_record + octets(0xc2) + both);
  tests::check_both_ways(as, octets(0x9f, '\n'), octets(255, 255) + both);  // 0x9f is 255 in EBCDIC
  tests::check_refuses(as, octets(0xc1, 0x15) + both, EILSEQ);
}

TEST_CASE("a record that holds the local end of line could not be told apart again", "[codec][record][ST-07]") {
  tests::check_refuses(records, "a\nb" + both, EILSEQ);
  tests::check_both_ways(records, "a\r\n", "a\r" + both);
}

TEST_CASE("octets behind the last record's end are kept as they are", "[codec][record]") {
  tests::check_decodes(records, "one" + end_of_record + "two" + end_of_file, "one\ntwo");
}

TEST_CASE("a close without the end-of-file code is no end of file", "[codec][record][ST-05]") {
  for (const std::string& cut : {std::string(), std::string("one"), "one" + end_of_record, std::string("one\xff")})
    tests::check_refuses(records, cut, ECONNRESET);
}

TEST_CASE("a control code that is not defined is refused", "[codec][record][ST-03]") {
  for (const int code : {0, 4, 64, 128, 254}) tests::check_refuses(records, octets('a', 255, code), EBADMSG);
}

TEST_CASE("octets behind the end-of-file code are left untaken", "[codec][record]") {
  const auto decoder = make_decoder(records);
  const auto got = tests::coded(*decoder, {"one" + both + "more"}, 64);
  CHECK(got.made == "one\n");
  CHECK(got.taken == 5);
}
