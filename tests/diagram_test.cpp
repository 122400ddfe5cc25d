// RFC 959 section 6 drawn once more, arrow by arrow, and held against the table.
#include "core/diagram.hpp"

#include <string_view>

#include "core/command.hpp"
#include "tests/catch.hpp"

using core::Diagram;
using core::Next;
using core::next;

TEST_CASE("the largest group: 2yz is success, 4yz and 5yz failure, 1yz and 3yz an error", "[diagram][SM-01]") {
  CHECK(next(Diagram::simple, 150) == Next::error);
  CHECK(next(Diagram::simple, 200) == Next::success);
  CHECK(next(Diagram::simple, 331) == Next::error);
  CHECK(next(Diagram::simple, 450) == Next::failure);
  CHECK(next(Diagram::simple, 550) == Next::failure);
}

TEST_CASE("the transfer commands: one 1yz, then 2yz, 4yz or 5yz; 3yz is an error", "[diagram][SM-02]") {
  CHECK(next(Diagram::transfer, 150) == Next::wait);
  CHECK(next(Diagram::transfer, 125) == Next::wait);
  CHECK(next(Diagram::transfer, 350) == Next::error);
  for (const Diagram diagram : {Diagram::transfer, Diagram::transferring}) {
    CHECK(next(diagram, 226) == Next::success);
    CHECK(next(diagram, 425) == Next::failure);
    CHECK(next(diagram, 550) == Next::failure);
  }
}

TEST_CASE("behind a 1yz there is no other, but restart markers may come as often as they like",
          "[diagram][RP-04][SM-02]") {
  CHECK(next(Diagram::transferring, 150) == Next::error);
  CHECK(next(Diagram::transferring, 125) == Next::error);
  CHECK(next(Diagram::transferring, 350) == Next::error);
  CHECK(next(Diagram::transferring, 110) == Next::wait);
  CHECK(next(Diagram::simple, 110) == Next::error);
}

TEST_CASE("RNFR and REST: 3yz, 4yz or 5yz", "[diagram][SM-03][SM-04]") {
  CHECK(next(Diagram::sequence, 150) == Next::error);
  CHECK(next(Diagram::sequence, 250) == Next::error);
  CHECK(next(Diagram::sequence, 350) == Next::sequel);
  CHECK(next(Diagram::sequence, 450) == Next::failure);
  CHECK(next(Diagram::sequence, 550) == Next::failure);
}

TEST_CASE("USER and PASS: anything but 1yz", "[diagram][SM-05]") {
  CHECK(next(Diagram::login, 120) == Next::error);
  CHECK(next(Diagram::login, 230) == Next::success);
  CHECK(next(Diagram::login, 331) == Next::sequel);
  CHECK(next(Diagram::login, 421) == Next::failure);
  CHECK(next(Diagram::login, 530) == Next::failure);
}

TEST_CASE("what is no code of a reply is an error in every diagram", "[diagram]") {
  for (std::size_t diagram = 0; diagram < core::diagram_count; ++diagram)
    for (const unsigned code : {0U, 99U, 600U, 999U}) CHECK(next(static_cast<Diagram>(diagram), code) == Next::error);
}

TEST_CASE("each command follows the drawing that section 6 names it in",
          "[diagram][SM-01][SM-02][SM-03][SM-04][SM-05]") {
  const auto diagram_of = [](std::string_view verb) { return core::find_command(verb)->diagram; };
  for (const std::string_view verb : {"ABOR", "ALLO", "DELE", "CWD",  "CDUP", "SMNT", "HELP", "MODE", "NOOP", "PASV",
                                      "QUIT", "SITE", "PORT", "SYST", "STAT", "RMD",  "MKD",  "PWD",  "STRU", "TYPE"}) {
    CAPTURE(verb);
    CHECK(diagram_of(verb) == Diagram::simple);
  }
  for (const std::string_view verb : {"APPE", "LIST", "NLST", "REIN", "RETR", "STOR", "STOU"}) {
    CAPTURE(verb);
    CHECK(diagram_of(verb) == Diagram::transfer);
  }
  CHECK(diagram_of("RNFR") == Diagram::sequence);
  CHECK(diagram_of("REST") == Diagram::sequence);
  CHECK(diagram_of("RNTO") == Diagram::simple);
  CHECK(diagram_of("USER") == Diagram::login);
  CHECK(diagram_of("PASS") == Diagram::login);
  CHECK(diagram_of("ACCT") == Diagram::simple);
}
