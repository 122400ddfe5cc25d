// The lists of facts in FEAT and OPTS MLST. RFC 3659 7.8, 7.9.
#include "core/facts.hpp"

#include <string>

#include "tests/catch.hpp"
#include "tests/splits.hpp"

using core::Fact;
using core::FactSet;

TEST_CASE("type, perm, size, unique and modify are there, and nothing that would be guessed", "[facts][ML-09][ML-15]") {
  // No Lang, no Media-Type, no Create; nothing private that would have to begin with "X.".
  CHECK(core::feat_line(FactSet::defaults()) ==
        "MLST type*;size*;modify*;unique*;perm*;UNIX.mode*;UNIX.owner;UNIX.group;");
}

TEST_CASE("OPTS MLST turns on what it names and the rest off", "[facts]") {
  FactSet set = FactSet::defaults();
  REQUIRE(core::parse_fact_list("Type;UNIX.MODE;perm;", set));
  CHECK(core::fact_list(set) == "type;perm;UNIX.mode;");
  CHECK(core::feat_line(set) == "MLST type*;size;modify;unique;perm*;UNIX.mode*;UNIX.owner;UNIX.group;");
  REQUIRE(core::parse_fact_list("sIzE;", set));
  CHECK(core::fact_list(set) == "size;");
  REQUIRE(core::parse_fact_list("size;size;UNIX.group;UNIX.owner;", set));
  CHECK(core::fact_list(set) == "size;UNIX.owner;UNIX.group;");
}

TEST_CASE("unknown facts are ignored, and an empty list turns all off", "[facts]") {
  FactSet set = FactSet::defaults();
  REQUIRE(core::parse_fact_list("lang;type;charset;create;", set));
  CHECK(core::fact_list(set) == "type;");
  REQUIRE(core::parse_fact_list("fish;cakes;X.mine;", set));
  CHECK(core::fact_list(set).empty());
  set = FactSet::defaults();
  REQUIRE(core::parse_fact_list("", set));
  CHECK(set == FactSet());
  CHECK(core::feat_line(set) == "MLST type;size;modify;unique;perm;UNIX.mode;UNIX.owner;UNIX.group;");
}

TEST_CASE("a bad list is refused and changes nothing", "[facts]") {
  const std::string bad = GENERATE("unique type;", "type", "type;size", ";", "type;;", " type;", "type; ", "type ;",
                                   "type*;", "type=file;", "type,size", "t\xc3\xbfpe;", "type;\r;");
  CAPTURE(bad);
  FactSet set = FactSet::defaults();
  CHECK_FALSE(core::parse_fact_list(tests::Exact(bad).view(), set));
  CHECK_FALSE(core::parse_fact_list(tests::Exact(std::string("si\0ze;", 6)).view(), set));
  CHECK(set == FactSet::defaults());
}
