// What HOST may name: the grammar of RFC 7151 3.1, and the lengths of RFC 1034 3.1.
#include "core/host_name.hpp"

#include <string>
#include <string_view>

#include "tests/catch.hpp"

TEST_CASE("a host name is labels of letters, digits and hyphens, in any case", "[names][LA-08][LA-14]") {
  for (const std::string_view text : {"ftp.example.org", "localhost", "a", "4u", "3.14", "a-b.c--d", "xn--e1afmkfd.com",
                                      "1.2.3.4.5", "999.1.1.1", "01.2.3.4"}) {
    CAPTURE(text);
    const auto host = core::parse_host_name(text);
    REQUIRE(host);
    CHECK(host->name == text);
    CHECK_FALSE(host->address);
  }
  CHECK(core::parse_host_name("fTp.eXample.ORG")->name == "ftp.example.org");
}

TEST_CASE("labels have 63 octets at most, and names 253", "[names][LA-08]") {
  const std::string label(63, 'a');
  const std::string most = label + "." + label + "." + label + "." + std::string(61, 'b');
  CHECK(core::parse_host_name(label));
  CHECK_FALSE(core::parse_host_name(label + "a"));
  CHECK(core::parse_host_name(most));
  CHECK_FALSE(core::parse_host_name(most + "b"));
}

TEST_CASE("an address is dotted, or stands in brackets", "[names][LA-08][LA-09]") {
  CHECK(core::parse_host_name("192.0.2.1")->address == core::parse_address("192.0.2.1"));
  CHECK(core::parse_host_name("[2001:DB8::C000:201]")->address == core::parse_address("2001:db8::c000:201"));
  CHECK(core::parse_host_name("[::192.0.2.1]")->address == core::parse_address("::192.0.2.1"));
  CHECK(core::parse_host_name("[::ffff:192.0.2.1]")->address == core::parse_address("192.0.2.1"));
}

TEST_CASE("ports, bare IPv6 addresses and what is no name are refused", "[names][LA-08]") {
  for (const std::string_view text : {"",
                                      " ",
                                      "192.0.2.1:2112",
                                      "[2001:db8::c000:201]:2112",
                                      "ftp.example.org:21",
                                      "2001:db8::1",
                                      "::1",
                                      "[::1",
                                      "::1]",
                                      "[192.0.2.1]",
                                      "[]",
                                      "[v1.x]",
                                      "[fe80::1%eth0]",
                                      "ftp.example.org.",
                                      ".ftp",
                                      "a..b",
                                      "-a.b",
                                      "a-.b",
                                      "a_b.c",
                                      "a b",
                                      " a",
                                      "a ",
                                      "m\xc3\xbcller.example",
                                      "ftp/x",
                                      "a@b",
                                      "*",
                                      "*.example.org"}) {
    CAPTURE(text);
    CHECK_FALSE(core::parse_host_name(text));
  }
}
