// TYPE E both ways. RFC 959 3.1.1.2; the table is IBM's code page 037 with NL as the local end of line.
#include "core/codec/ebcdic.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

TEST_CASE("TYPE E sends EBCDIC with NL as end of line", "[codec][ebcdic][TY-09]") {
  const Representation as{.type = Type::ebcdic};
  tests::check_both_ways(as, "Hello, 19\n", octets(0xc8, 0x85, 0x93, 0x93, 0x96, 0x6b, 0x40, 0xf1, 0xf9, 0x15));
  tests::check_both_ways(as, "", "");
  tests::check_both_ways(as, octets('\r', '\n', 0x85), octets(0x0d, 0x15, 0x25));
}

TEST_CASE("every octet has its own EBCDIC octet, so that any file comes back", "[codec][ebcdic][TY-09][TY-12]") {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all += static_cast<char>(octet);
  for (const char c : all) CHECK(from_ebcdic[octet(to_ebcdic[octet(c)])] == c);
  const auto encoder = make_encoder({.type = Type::ebcdic});
  const std::string network = tests::coded(*encoder, {all}, 1000).made;
  CHECK(network.size() == all.size());
  tests::check_decodes({.type = Type::ebcdic}, network, all);
}
