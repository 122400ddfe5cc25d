// TYPE L: logical bytes packed on the way, in containers of octets at rest. RFC 959 3.1.1.4.
#include "core/codec/local.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

Representation local(unsigned bits) { return {.type = Type::local, .byte_size = bits}; }

}  // namespace

TEST_CASE("TYPE L 8, 16, 32 and 64 send octets as they are", "[codec][local][TY-06][TY-08]") {
  for (const unsigned bits : {8u, 16u, 32u, 64u}) tests::check_both_ways(local(bits), "\r\n\0 odd", "\r\n\0 odd");
}

TEST_CASE("logical bytes of 36 bits are packed contiguously, two in nine octets", "[codec][local][TY-08]") {
  const std::string two = octets(0, 0, 0, 0x0f, 0x12, 0x34, 0x56, 0x78) + octets(0, 0, 0, 0x0a, 0xbc, 0xde, 0xf0, 0x12);
  tests::check_both_ways(local(36), two, octets(0xf1, 0x23, 0x45, 0x67, 0x8a, 0xbc, 0xde, 0xf0, 0x12));
  // One alone: four bits of padding, at the end only.
  tests::check_both_ways(local(36), two.substr(0, 8), octets(0xf1, 0x23, 0x45, 0x67, 0x80));
}

TEST_CASE("logical bytes smaller than an octet are packed too", "[codec][local][TY-08]") {
  tests::check_both_ways(local(1), octets(1, 0, 1, 0, 0, 0, 1, 1), octets(0xa3));
  tests::check_both_ways(local(4), octets(0x0, 0xa, 0xf, 0x5), octets(0x0a, 0xf5));
  tests::check_both_ways(local(7), octets(0x7f, 0x00), octets(0xfe, 0x00));
  tests::check_both_ways(local(12), octets(0x0a, 0xbc), octets(0xab, 0xc0));
  tests::check_both_ways(local(36), "", "");
}

TEST_CASE("a file that holds no logical bytes of that size is not sent", "[codec][local][TY-08]") {
  const auto refuses = [](unsigned bits, std::string_view file) {
    tests::check_error([&] { return make_encoder(local(bits)); }, file, EILSEQ);
  };
  refuses(7, octets(0x80));
  refuses(12, octets(0x10, 0x00));
  refuses(12, octets(0x01));  // half a byte
  refuses(36, octets(0, 0, 0, 0x10, 0, 0, 0, 0));
}

TEST_CASE("eight bits over at the end are no padding", "[codec][local][TY-08]") {
  tests::check_refuses(local(36), octets(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), EBADMSG);
  tests::check_refuses(local(12), octets(0xff), EBADMSG);
  tests::check_decodes(local(12), octets(0xff, 0xf0), octets(0x0f, 0xff));
}

TEST_CASE("bits of a logical byte that is not whole are the state to go on with", "[codec][local][RS-14]") {
  LocalDecoder decoder(local(12));
  std::array<char, 64> out{};
  CHECK(decoder.run(octets(0xab, 0xcd), out, mark::restart) == Progress{.taken = 2, .made = 2, .marks = mark::restart});
  CHECK(decoder.state() == "4.13");

  LocalDecoder resumed(local(12));
  REQUIRE(resumed.restore("4.13"));
  CHECK(resumed.run(octets(0xef), out, mark::end_of_file) ==
        Progress{.taken = 1, .made = 2, .marks = mark::end_of_file});
  CHECK(std::string_view(out.data(), 2) == octets(0x0d, 0xef));

  for (const char* wrong : {"x", "4", "4.", ".13", "4.16", "12.1", "0.0", "4.13.1", "-4.1"})
    CHECK(!LocalDecoder(local(12)).restore(wrong));
}
