// STRU P: pages, holes and what contradicts itself. RFC 959 3.1.2.3, appendix I.
#include "core/codec/page.hpp"

#include "tests/codec_harness.hpp"

using namespace core;
using tests::octets;

namespace {

constexpr Representation image{.type = Type::image, .structure = Structure::page};
constexpr Representation in_blocks{.type = Type::image, .structure = Structure::page, .mode = Mode::block};
constexpr std::size_t page_size = 128;
static_assert(page_octets(image) == page_size);

std::string a_page(int header_length, int index, std::string_view data, int type) {
  return octets(header_length, index, data.size(), type) + std::string(data);
}
const std::string last = a_page(4, 0, "", 0);

std::string filled(char with) { return std::string(page_size, with); }
std::string hole(std::size_t pages) { return std::string(pages * page_size, '\0'); }

}  // namespace

TEST_CASE("a page is 512 logical bytes, or as many as its header can count", "[codec][page][ST-09]") {
  const auto of = [](unsigned bits) {
    return page_octets({.type = Type::local, .byte_size = bits, .structure = Structure::page});
  };
  CHECK(of(8) == 128);
  CHECK(of(9) == 256 * 2);
  CHECK(of(10) == 512 * 2);
  CHECK(of(36) == 512 * 8);
}

TEST_CASE("a file is sent as simple pages and the last page", "[codec][page][ST-09][ST-10]") {
  tests::check_both_ways(image, "", last);
  tests::check_both_ways(image, "abc", a_page(4, 0, "abc", 1) + last);
  tests::check_both_ways(image, filled('a') + filled('\0') + "b",
                         a_page(4, 0, filled('a'), 1) + a_page(4, 1, filled('\0'), 1) + a_page(4, 2, "b", 1) + last);
  tests::check_both_ways({.type = Type::local, .byte_size = 16, .structure = Structure::page}, octets(1, 2),
                         octets(0, 4, 0, 0, 0, 1, 0, 1, 1, 2) + octets(0, 4, 0, 0, 0, 0, 0, 0));
}

TEST_CASE("header fields are logical bytes, packed as the data is", "[codec][page][ST-09][TY-08]") {
  const Representation as{.type = Type::local, .byte_size = 36, .structure = Structure::page};
  tests::check_both_ways(as, octets(0, 0, 0, 0x0a, 0xbc, 0xde, 0xf0, 0x12),
                         octets(0, 0, 0, 0, 0x40, 0, 0, 0, 0,              // 4, 0
                                0, 0, 0, 0, 0x10, 0, 0, 0, 1,              // 1, 1
                                0xab, 0xcd, 0xef, 0x01, 0x20, 0, 0, 0, 4,  // the byte, 4
                                0, 0, 0, 0, 0, 0, 0, 0, 0,                 // 0, 0
                                0, 0, 0, 0, 0));                           // 0
}

TEST_CASE("a hole is left out and comes back as a hole", "[codec][page][ST-10]") {
  const auto encoder = make_encoder(image);
  tests::CodecRun run(*encoder);
  run.give(filled('a'));
  encoder->jump(5 * page_size);
  run.give("end", mark::end_of_file);
  CHECK(run.made == a_page(4, 0, filled('a'), 1) + a_page(4, 5, "end", 1) + last);
  tests::check_decodes(image, run.made, filled('a') + hole(4) + "end");
}

TEST_CASE("a hole that ends the file keeps its size by a page without data", "[codec][page][ST-10]") {
  const auto encoder = make_encoder(image);
  tests::CodecRun run(*encoder);
  encoder->jump(3 * page_size);
  run.give({}, mark::end_of_file);
  CHECK(run.made == a_page(4, 3, "", 1) + last);
  tests::check_decodes(image, run.made, hole(3));
}

TEST_CASE("each place that is jumped to is told before its octets", "[codec][page]") {
  const auto decoder = make_decoder(image);
  std::array<char, 1000> out{};
  const std::string network = a_page(4, 2, "ab", 1) + a_page(4, 1, filled('x'), 1) + a_page(4, 2, "c", 1) + last;
  std::span<const char> in = network;
  std::vector<Progress> told;
  while (told.empty() || told.back().marks == mark::none) {
    told.push_back(decoder->run(in, out, mark::none));
    in = in.subspan(told.back().taken);
  }
  // Octets that stand together are made together: page 2 begins where page 1 has ended.
  CHECK(told ==
        std::vector<Progress>{{.taken = 4, .at = 2 * page_size},
                              {.taken = 6, .made = 2},
                              {.at = page_size},
                              {.taken = page_size + 4 + 1 + 4, .made = page_size + 1, .marks = mark::end_of_file}});
}

TEST_CASE("a descriptor is skipped, and so is an access field", "[codec][page][ST-09]") {
  const std::string descriptor = octets(6, 9, 3, 2) + "xx" + "fdb";
  const std::string controlled = octets(5, 1, 2, 3) + "p" + "ab";
  tests::check_decodes(image, descriptor + controlled + last, hole(1) + "ab");
}

TEST_CASE("a page that contradicts itself is refused", "[codec][page][ST-09]") {
  for (const std::string& wrong : {octets(4, 0, 1, 0), octets(5, 0, 0, 0), octets(5, 0, 1, 1), octets(3, 0, 1, 1),
                                   octets(4, 0, 129, 1), octets(4, 0, 1, 3), octets(3, 0, 1, 2)}) {
    tests::check_refuses(image, wrong, EBADMSG);
  }
  for (const int type : {4, 5, 255}) tests::check_refuses(image, octets(4, 0, 1, type), EPROTONOSUPPORT);
}

TEST_CASE("only the last page ends the file", "[codec][page][ST-10]") {
  const auto in_block = [](int descriptor, const std::string& data) {
    return octets(descriptor, data.size() >> 8, data.size()) + data;
  };
  const std::string pages = a_page(4, 0, "abc", 1);
  tests::check_refuses(image, pages, ECONNRESET);
  tests::check_refuses(image, pages + last.substr(0, 3), ECONNRESET);
  tests::check_refuses(in_blocks, in_block(64, pages), EBADMSG);
  tests::check_refuses(in_blocks, in_block(0, pages + last), ECONNRESET);
  tests::check_refuses(in_blocks, in_block(64, pages + last + "x"), EBADMSG);
  tests::check_both_ways(in_blocks, "abc", in_block(64, pages + last));
}

TEST_CASE("in MODE S the last page needs no close", "[codec][page][ST-10]") {
  const auto decoder = make_decoder(image);
  tests::CodecRun run(*decoder);
  run.give(a_page(4, 0, "abc", 1) + last + "rubbish");
  CHECK(run.ended);
  CHECK(run.made == "abc");
  CHECK(run.taken == 11);
}

TEST_CASE("an index must fit in a logical byte, and a file in whole ones", "[codec][page]") {
  const auto encoder = make_encoder(image);
  encoder->jump(255 * page_size);
  tests::CodecRun run(*encoder);
  run.give(filled('x'));
  CHECK(run.error == 0);
  run.give("y", mark::end_of_file);
  CHECK(run.error == EFBIG);
  const Representation wide{.type = Type::local, .byte_size = 64, .structure = Structure::page};
  tests::check_error([&] { return make_encoder(wide); }, "seven..", EILSEQ);
  tests::check_refuses(wide,
                       tests::repeated(octets(0, 0, 0, 0, 0, 0, 0, 4), 1) + std::string(8, '\x7f') +
                           octets(0, 0, 0, 0, 0, 0, 0, 1) + octets(0, 0, 0, 0, 0, 0, 0, 1),
                       EFBIG);
}

TEST_CASE("restart markers stand between pages", "[codec][page][RS-13]") {
  const auto encoder = make_encoder(in_blocks, {.interval = 1});
  tests::CodecRun run(*encoder, 100000);
  run.give(filled('a') + filled('b'), mark::end_of_file);
  const std::string first = a_page(4, 0, filled('a'), 1), second = a_page(4, 1, filled('b'), 1) + last;
  CHECK(run.made == octets(0, 0, 132) + first + octets(16, 0, 3) + "128" + octets(64, 0, 136) + second);
}

TEST_CASE("a page decoder goes on inside a header or a page", "[codec][page][RS-14]") {
  const std::string network = a_page(4, 0, "abcdef", 1);
  const auto state_after = [&](std::size_t size) {
    PageDecoder decoder(in_blocks);
    std::array<char, 64> out{};
    const std::span<const char> in = std::string_view(network).substr(0, size);
    Progress done = decoder.run(in, out, mark::restart);
    if (done.at >= 0) done = decoder.run(in.subspan(done.taken), out, mark::restart);
    CHECK(done.marks == mark::restart);
    return decoder.state();
  };
  CHECK(state_after(0).empty());
  CHECK(state_after(3) == "h0.0.4.0.6");
  CHECK(state_after(4) == "d0.6");
  CHECK(state_after(7) == "d0.3");
  CHECK(state_after(10).empty());
  for (const char* wrong : {"d", "d1", "d1.", "d0.129", "d0.1.2", "h0.0.1.2.3.4", "h1.0", "h0", "x0.0", "ee", "d-1.2"})
    CHECK(!PageDecoder(in_blocks).restore(wrong));
}
