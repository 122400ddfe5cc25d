// Times, facts, modes, quoted words and relative links, as MFMT, MFF, SITE and COMB have them.
#include "core/modify.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "core/listing.hpp"
#include "tests/catch.hpp"

namespace {

using Words = std::vector<std::string>;

constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

TEST_CASE("a time value is nanoseconds since 1970, UTC", "[modify][MF-01]") {
  CHECK(core::parse_time_value("19700101000000") == 0);
  CHECK(core::parse_time_value("20010909014640") == 1'000'000'000 * second_ns);
  CHECK(core::parse_time_value("20020717210715") == 1'026'940'035 * second_ns);
  CHECK(core::parse_time_value("19691231235959") == -second_ns);
  CHECK(core::parse_time_value("20010909014640.25") == 1'000'000'000 * second_ns + 250'000'000);
  CHECK(core::parse_time_value("20010909014640.1234567899") == 1'000'000'000 * second_ns + 123'456'789);
  CHECK(core::parse_time_value("20161231235960") == core::parse_time_value("20170101000000"));  // a leap second
}

TEST_CASE("every day of four hundred years is told as it was read", "[modify][MF-01]") {
  for (std::int64_t day = -100'000; day < 100'000; day += 37) {
    const std::int64_t ns = day * 86'400 * second_ns + 12'345 * second_ns;
    CHECK(core::parse_time_value(core::time_value(ns)) == ns);
  }
}

TEST_CASE("what is no date is no time", "[modify][MF-02]") {
  for (const std::string_view text :
       {"", "2002", "2002071721071", "200207172107150", "20020229000000", "19000229000000", "20021301000000",
        "20020001000000", "20020431000000", "20020400000000", "20020717240000", "20020717216000", "20020717210761",
        "2002071721071x", "+2002071721071", "20020717210715.", "20020717210715.x", "20020717210715,5",
        "00000101000000"}) {
    CAPTURE(text);
    CHECK_FALSE(core::parse_time_value(text));
  }
  CHECK(core::parse_time_value("20000229000000"));
}

TEST_CASE("no year is too far away", "[modify][MF-01]") {
  for (const std::string_view text :
       {"00010101000000", "16000229123456", "16770101000000", "22620412000000", "99991231235959"}) {
    CAPTURE(text);
    const auto time = core::parse_time_value(text);
    REQUIRE(time);
    CHECK(core::time_value(*time) == text);
  }
  CHECK(core::parse_time_value("16000101000000")->seconds == -11'676'096'000);
}

TEST_CASE("a time is told with its fraction", "[modify][MF-01]") {
  CHECK(core::exact_time_value(0) == "19700101000000");
  CHECK(core::exact_time_value(50'000'000) == "19700101000000.05");
  CHECK(core::exact_time_value(-1) == "19691231235959.999999999");
}

TEST_CASE("facts to set are taken without case, and unknown ones are named", "[modify][MF-03]") {
  const auto both = core::parse_modification("modify=20020717210715;unix.MODE=640;");
  REQUIRE(both);
  CHECK(both->modified == 1'026'940'035 * second_ns);
  CHECK(both->mode == 0640u);
  const auto unknown = core::parse_modification("Create=20020717210715;Modify=20020717210715;UNIX.owner=0;");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().unknown == "Create;UNIX.owner;");
  for (const std::string_view text : {"", ";", "Modify", "Modify;", "Modify=20020717210715", "Modify=20020229000000;",
                                      "UNIX.mode=9;", "UNIX.mode=;", "=5;", "UNIX.mode=4755;", "UNIX.mode=-1;"}) {
    CAPTURE(text);
    const auto bad = core::parse_modification(text);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().unknown.empty());
  }
}

TEST_CASE("words are parted by blanks, and quotes hold blanks and quotes", "[modify]") {
  CHECK(core::split_words("") == Words{});
  CHECK(core::split_words("  a  b ") == Words{"a", "b"});
  CHECK(core::split_words(R"("a b" c)") == Words{"a b", "c"});
  CHECK(core::split_words(R"("say ""hello""" "" x"y)") == Words{R"(say "hello")", "", R"(x"y)"});
  CHECK(core::split_words(R"("""")") == Words{"\""});
  for (const std::string_view text : {"\"", "a \"b", "\"a\"b", "\"\"\""}) {
    CAPTURE(text);
    CHECK_FALSE(core::split_words(text));
  }
}

TEST_CASE("a link names its target from where it stands", "[modify]") {
  CHECK(core::relative_path("/", "/a") == "a");
  CHECK(core::relative_path("/", "/") == ".");
  CHECK(core::relative_path("/a", "/a/b/c") == "b/c");
  CHECK(core::relative_path("/a", "/ab") == "../ab");
  CHECK(core::relative_path("/a/b", "/a/c") == "../c");
  CHECK(core::relative_path("/a/b", "/") == "../..");
  CHECK(core::relative_path("/a/b", "/a/b") == ".");
  CHECK(core::relative_path("/a/b", "/a") == "..");
}
