// What one login asked for is not the next one's: a USER that is accepted begins anew (RFC 959 4.1.1, RFC 3659's and
// SITE's additions). On the PI alone.
#include <string>
#include <string_view>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::LoggedIn;
using tests::PiWorld;

/// Both ways to end a login and keep the connection.
void end_login(PiWorld& world, std::string_view how) {
  if (how == "REIN") world.talk("REIN");
  world.log_in("demo");
}

bool asked_for(PiWorld& world, std::string_view what) {
  for (const std::string& action : world.actions())
    if (action.find(what) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("SITE UMASK ends with its login", "[pi][site][LG-01][LG-13]") {
  const auto* const how = GENERATE("USER", "REIN");
  CAPTURE(how);
  LoggedIn world;
  REQUIRE(world.talk("SITE UMASK 077") == "200");
  end_login(world, how);
  CHECK(world.talk("SITE UMASK") == "200");
  CHECK(world.text() == "There is no umask: files get 0644, directories 0755.");
  world.transfers_wait();
  CHECK(world.talk("STOR new") == "150");
  CHECK(world.transfer_spec().file_mode == 0644);
}

TEST_CASE("ALLO ends with its login: the next user's upload sets nothing aside", "[pi][LG-01][LG-13][SV-07]") {
  const auto* const how = GENERATE("USER", "REIN");
  CAPTURE(how);
  LoggedIn world;
  REQUIRE(world.talk("ALLO 1000") == "200");
  end_login(world, how);
  world.actions();
  CHECK(world.talk("STOR new") == "150 226");
  CHECK_FALSE(asked_for(world, "allocate"));
}

TEST_CASE("a user who needs ACCT for storing sets no time by MDTM without it", "[pi][LG-06][MT-03]") {
  PiWorld world;
  CHECK(world.log_in("clerk") == "331 230");
  world.actions();
  CHECK(world.talk("MDTM 20200102030405 readme.txt") == "550");
  CHECK_FALSE(asked_for(world, "SetFacts"));
  CHECK(world.talk("MDTM readme.txt") == "213");
  CHECK(world.text() == "20010909014640");
  CHECK(world.talk("ACCT vault") == "230");
  CHECK(world.talk("MDTM 20200102030405 readme.txt") == "213");
  CHECK(world.talk("MDTM readme.txt") == "213");
  CHECK(world.text() == "20200102030405");
}
