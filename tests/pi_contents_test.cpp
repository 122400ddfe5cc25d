// HASH, RANG, XCRC and its kin, MODE Z on the PI alone. draft-bryan-ftpext-hash-02, draft-bryan-ftp-range-08,
// draft-preston-ftpext-deflate-04.
#include <algorithm>
#include <cerrno>
#include <string>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;

namespace {

std::string first_action(PiWorld& world, std::string_view line) {
  world.actions();
  world.talk(line);
  const Actions all = world.actions();
  return all.empty() ? "" : all.front();
}

bool holds(const std::vector<std::string>& lines, std::string_view line) {
  return std::ranges::find(lines, line) != lines.end();
}

const std::string sha_of_five = "eaf16bc07968e013f3f94ab1342472434a39fc3475f11cf341a6c3965974f8e9";

struct World : LoggedIn {
  template <typename... Arguments>
  explicit World(const Arguments&... arguments) : LoggedIn(arguments...) {
    add_file("/five", 5);
  }
};

}  // namespace

// ---- HASH ----

TEST_CASE("HASH answers 213 with algorithm, octets, digest and the name as it was given",
          "[pi][contents][HA-01][HA-02]") {
  World world;
  CHECK(world.talk("HASH five") == "213");
  CHECK(world.text() == "SHA-256 0-4 " + sha_of_five + " five");
  world.octets("TYPE A\r\nMODE B\r\n");
  CHECK(world.talk("hash /pub/../five") == "213");
  CHECK(world.text() == "SHA-256 0-4 " + sha_of_five + " /pub/../five");
  world.add_file("/empty", 0);
  CHECK(world.talk("HASH empty") == "213");
  CHECK(world.text() == "SHA-256 0-0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 empty");
}

TEST_CASE("FEAT lists the algorithms and OPTS HASH selects one until REIN", "[pi][contents][HA-03][HA-04]") {
  World world;
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32"));
  CHECK(world.talk("OPTS HASH") == "200");
  CHECK(world.text() == "SHA-256");
  CHECK(world.talk("OPTS HASH md5") == "200");
  CHECK(world.text() == "MD5");
  CHECK(world.talk("OPTS HASH CRC-37") == "501");
  CHECK(world.talk("OPTS HASH") == "200");
  CHECK(world.text() == "MD5");
  CHECK(world.talk("HASH five") == "213");
  CHECK(world.text() == "MD5 0-4 fb0e22c79ac75679e9881e6ba183b354 five");
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32"));
  world.talk("REIN");
  CHECK(world.talk("OPTS HASH") == "200");
  CHECK(world.text() == "SHA-256");
}

TEST_CASE("HASH has a code for each reason", "[pi][contents][HA-05]") {
  const auto [error, code] = GENERATE(table<int, std::string>({
      {EBUSY, "450"},
      {EUSERS, "450"},
      {ENOBUFS, "450"},
      {EMFILE, "450"},
      {ENOENT, "550"},
      {ENXIO, "551"},
      {EACCES, "552"},
      {EISDIR, "553"},
      {EFBIG, "556"},
      {EIO, "451"},
      {EXDEV, "550"},
      {ERANGE, "551"},
  }));
  World world;
  world.fail_next(error);
  CHECK(world.talk("HASH five") == code);
  CHECK(world.talk("HASH pub") == "553");
  CHECK(world.talk("HASH absent") == "550");
  CHECK(world.talk("HASH") == "501");
  CHECK(world.talk("HASH five") == "213");
}

TEST_CASE("HASH, RANG and XCRC need the right to read", "[pi][contents][HA-05][HA-06][HA-10]") {
  core::Config config = tests::world_config();
  config.accounts = {};
  core::Account account{.name = "demo", .password_hash = "hash of secret", .account = {}, .root = "srv", .rights = {}};
  account.rights.set(core::Right::list);
  config.accounts.add(account);
  World world(config);
  CHECK(world.talk("HASH five") == "552");
  CHECK(world.talk("XMD5 five") == "550");
  CHECK(world.talk("RANG 0 1") == "552");
  CHECK(world.actions().empty());
  PiWorld stranger;
  for (const std::string_view line : {"HASH readme.txt", "XCRC readme.txt", "RANG 0 1"})
    CHECK(stranger.talk(line) == "530");
}

TEST_CASE("while a digest is made STAT tells how far it is, ABOR ends it, and all else waits",
          "[pi][contents][AB-01]") {
  World world;
  world.works_wait();
  CHECK(world.talk("HASH five") == "");
  world.pi().set_progress({.octets = 2, .total = 5});
  CHECK(world.talk("STAT") == "211");
  CHECK(holds(world.last().lines, " HASH in progress: 2 of 5 octets done"));
  CHECK(world.talk("NOOP") == "");
  CHECK(world.end_work() == "213 200");
  CHECK(world.talk("HASH five") == "");
  CHECK(world.talk("ABOR") == "451 226");
  CHECK(world.talk("XCRC five") == "");
  CHECK(world.octets("QUIT\r\n") == "");
  CHECK(world.end_work() == "250 221");
}

TEST_CASE("ABOR ends work from behind what waits, and all is answered in its order", "[pi][contents][AB-01]") {
  World world;
  world.works_wait();
  const std::string waits = GENERATE("NOOP", "noop x", "PWD", "XYZZY");
  const std::string code = world.talk(waits);
  CHECK(world.octets("HASH five\r\n" + waits + "\r\nABOR\r\n") == "451 " + code + " 226");
  CHECK(world.talk("XCRC five") == "");
  CHECK(world.talk(waits) == "");
  CHECK(world.octets("abor") == "");
  CHECK(world.octets("\r\n") == "451 " + code + " 226");
  CHECK(world.octets("HASH five\r\nHASH pub\r\nABOR\r\n") == "451 451 226");
  CHECK(world.octets("DSIZ\r\n" + waits + "\r\nABOR\r\n") == "426 " + code + " 226");
}

TEST_CASE("ABOR from behind what waits is asked for once, and no other line is one", "[pi][contents][AB-01]") {
  World world;
  world.works_wait();
  world.aborts_wait();
  CHECK(world.octets("HASH five\r\nNOOP\r\nABOR now\r\nCWD ABOR\r\nABORT\r\n") == "");
  CHECK(world.actions() == Actions{"Digest SHA-256 /five"});
  CHECK(world.talk("ABOR") == "");
  CHECK(world.talk("ABOR") == "");
  CHECK(world.actions() == Actions{"Abort"});
  CHECK(world.end_work() == "213 200 501 550 500 226 226");  // it was nearly over
  world.actions();
  CHECK(world.talk("XCRC five") == "");
  CHECK(world.octets("NOOP\r\nABOR\r\n") == "");
  CHECK(world.actions() == Actions{"Digest CRC32 /five inside", "Abort"});
  CHECK(world.end_work() == "250 200 226");
}

TEST_CASE("a STAT of a path waits for the digest", "[pi][contents]") {
  World world;
  world.works_wait();
  CHECK(world.talk("HASH five") == "");
  CHECK(world.talk("STAT pub") == "");
  CHECK(world.end_work() == "213 212");
}

// ---- RANG ----

TEST_CASE("RANG selects octets for the next transfer or HASH, once", "[pi][contents][HA-07]") {
  World world;
  world.talk("TYPE I");
  CHECK(world.talk("RANG 1 3") == "350");
  CHECK(world.text() == "Restarting at 1. End octet range at 3.");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five offset=1 end=4");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five");
  CHECK(world.talk("RANG 0 1") == "350");
  CHECK(world.talk("HASH five") == "213");
  CHECK(world.text() == "SHA-256 0-1 5dde896887f6754c9b15bfe3a441ae4806df2fde94001311e08bf110622e0bbe five");
  CHECK(first_action(world, "HASH five") == "Digest SHA-256 /five");
  CHECK(world.talk("RANG 3 100") == "350");
  CHECK(world.talk("HASH five") == "213");
  CHECK(world.text().starts_with("SHA-256 3-4 "));
}

TEST_CASE("RANG 1 0 resets, and so does a range that ends before it begins", "[pi][contents][HA-07]") {
  World world;
  world.talk("TYPE I");
  const auto [line, code] = GENERATE(table<std::string, std::string>({
      {"RANG 1 0", "350"},
      {"RANG 3 2", "501"},
      {"RANG 5", "501"},
      {"RANG x y", "501"},
      {"RANG 1 2 3", "501"},
      {"RANG -1 2", "501"},
      {"RANG 0 9223372036854775807", "501"},
  }));
  CHECK(world.talk("RANG 1 3") == "350");
  CHECK(world.talk(line) == code);
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five");
}

TEST_CASE("RANG is for TYPE I, STRU F and MODE S, whenever these are said", "[pi][contents][HA-10]") {
  World world;
  CHECK(world.talk("RANG 0 1") == "551");
  CHECK(world.talk("RANG 1 0") == "350");
  world.talk("TYPE I");
  for (const std::string_view other : {"MODE B", "MODE Z", "MODE S\r\nSTRU R"}) {
    world.octets(std::string(other) + "\r\n");
    CHECK(world.talk("RANG 0 1") == "551");
  }
  world.octets("STRU F\r\nRANG 0 1\r\nTYPE A\r\n");
  CHECK(world.talk("RETR five") == "554");
  CHECK(world.talk("RETR five") == "150 226");
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " RANG STREAM"));
}

TEST_CASE("of RANG and REST the last one holds", "[pi][contents][HA-07]") {
  World world;
  world.octets("TYPE I\r\nREST 2\r\nRANG 1 3\r\n");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five offset=1 end=4");
  world.octets("RANG 1 3\r\nREST 2\r\n");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five offset=2");
}

TEST_CASE("RANG and STOR or APPE say where to write, STOU and listings know no range", "[pi][contents][HA-08]") {
  World world;
  world.octets("TYPE I\r\nALLO 5000\r\nRANG 1 3\r\n");
  CHECK(first_action(world, "STOR five") == "StartTransfer store /five offset=1 end=4");
  world.octets("RANG 1 3\r\n");
  CHECK(first_action(world, "APPE five") == "StartTransfer store /five offset=1 end=4");
  world.octets("RANG 0 3\r\n");
  CHECK(first_action(world, "STOU") == "StartTransfer store_unique /stou");
  world.octets("RANG 0 3\r\n");
  CHECK(world.talk("NLST") == "150 226");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five");
  world.octets("RANG 6 9\r\n");
  CHECK(world.talk("STOR five") == "554");
}

// ---- XCRC and its kin ----

TEST_CASE("XCRC and its kin answer 250 and the digest alone", "[pi][contents][HA-02]") {
  const auto [verb, name, hex] = GENERATE(table<std::string, std::string, std::string>({
      {"XCRC", "CRC32", "42d1e778"},
      {"XMD5", "MD5", "fb0e22c79ac75679e9881e6ba183b354"},
      {"XSHA", "SHA-1", "9addbf544119efa4a64223b649750a510f0d463f"},
      {"XSHA1", "SHA-1", "9addbf544119efa4a64223b649750a510f0d463f"},
      {"XSHA256", "SHA-256", sha_of_five},
  }));
  World world;
  CHECK(world.talk(verb + " five") == "250");
  CHECK(world.text() == hex);
  CHECK(world.actions() == Actions{"Digest " + name + " /five inside"});
  CHECK(world.talk(verb + " absent") == "550");
  CHECK(world.talk(verb + " pub") == "550");
  CHECK(world.talk("XSHA512 five") == "250");
  CHECK(world.text().size() == 128);
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " " + verb));
}

TEST_CASE("their names may be quoted, with where to begin and where to stop behind them", "[pi][contents]") {
  const auto [argument, action] = GENERATE(table<std::string, std::string>({
      {"a b", "/a b"},
      {"\"a b\"", "/a b"},
      {"\"a \"\"b\"\"\"", "/a \"b\""},
      {"\"a b\" 3", "/a b end=3"},
      {"\"a b\" 1 3", "/a b begin=1 end=3"},
      {"a b 1 3", "/a b begin=1 end=3"},
      {"report 2024", "/report 2024"},
      {"7 8", "/7 8"},
      {"a x 3", "/a x 3"},
  }));
  World world;
  CAPTURE(argument);
  CHECK(first_action(world, "XCRC " + argument) == "Digest CRC32 " + action + " inside");
}

TEST_CASE("what is no such argument gets 501, and no such range 550", "[pi][contents]") {
  World world;
  for (const std::string_view wrong : {"\"five", "\"five\"x", "\"five\" x", "\"five\" 1 2 3", "\"\"", "\"five\" -1"})
    CHECK(world.talk("XCRC " + std::string(wrong)) == "501");
  CHECK(world.talk("XCRC") == "501");
  CHECK(world.talk("XCRC \"five\" 0 6") == "550");
  CHECK(world.talk("XCRC \"five\" 6 7") == "550");
  CHECK(world.talk("XCRC \"five\" 0 2") == "250");
  CHECK(world.text() == "f8e1180f");
}

// ---- MODE Z ----

TEST_CASE("MODE Z gets 200 and holds until another MODE", "[pi][contents][MZ-01][MZ-06]") {
  World world;
  world.octets("TYPE I\r\n");
  CHECK(world.talk("MODE z") == "200");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=6");
  CHECK(first_action(world, "NLST pub") == "StartTransfer list /pub names prefix=pub A N/F/Z level=6");
  CHECK(first_action(world, "MLSD pub") == "StartTransfer list /pub machine hidden directory_only A N/F/Z level=6");
  world.talk("MODE S");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five");
  world.talk("FEAT");
  CHECK(holds(world.last().lines, " MODE Z"));
}

TEST_CASE("no MODE Z changes a transfer that moves: it is not taken before its end", "[pi][contents][MZ-06]") {
  World world;
  world.transfers_wait();
  CHECK(world.talk("RETR five") == "150");
  CHECK(world.talk("MODE Z") == "");
  CHECK(world.talk("STAT") == "");
  CHECK(world.end_transfer() == "226 200 211");
}

TEST_CASE("OPTS MODE Z takes the options there are, and names those that are not", "[pi][contents][MZ-05]") {
  World world;
  world.octets("TYPE I\r\nMODE Z\r\n");
  CHECK(world.talk("OPTS MODE Z LEVEL 9") == "200");
  CHECK(world.text() == "MODE Z LEVEL set to 9.");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=9");
  CHECK(world.talk("opts mode z engine zlib level 1 method 8 extra on") == "200");
  CHECK(world.text() == "MODE Z ENGINE set to ZLIB, LEVEL set to 1, METHOD set to 8, EXTRA set to ON.");
  const auto [options, named] = GENERATE(table<std::string, std::string>({
      {"BLOCKSIZE 8192", "BLOCKSIZE"},
      {"METHOD 9", "METHOD 9"},
      {"LEVEL 10", "LEVEL 10"},
      {"LEVEL", "LEVEL"},
      {"ENGINE BZIP2", "ENGINE BZIP2"},
      {"LEVEL 9 METHOD 15", "METHOD 15"},
      {"EXTRA OFF", "EXTRA OFF"},
  }));
  CHECK(world.talk("OPTS MODE Z " + options) == "501");
  CHECK(world.text().find(named) != std::string_view::npos);
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=1");
  CHECK(world.talk("OPTS MODE Z") == "200");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=6");
  CHECK(world.talk("OPTS MODE B") == "501");
  CHECK(world.talk("OPTS MODE") == "501");
}

TEST_CASE("the highest level is the administrator's, and without one there is no MODE Z", "[pi][contents][MZ-07]") {
  core::Config config = tests::world_config();
  config.limits.deflate_level = 3;
  World world(config);
  world.octets("TYPE I\r\nMODE Z\r\n");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=3");
  CHECK(world.talk("OPTS MODE Z LEVEL 4") == "501");
  config.limits.deflate_level = 0;
  World without(config);
  CHECK(without.talk("MODE Z") == "504");
  CHECK(without.talk("OPTS MODE Z LEVEL 1") == "501");
  without.talk("FEAT");
  CHECK_FALSE(holds(without.last().lines, " MODE Z"));
}

TEST_CASE("in MODE Z REST and SIZE count octets before they are compressed", "[pi][contents][MZ-04]") {
  World world;
  world.octets("MODE Z\r\nTYPE I\r\n");
  CHECK(world.talk("SIZE five") == "213");
  CHECK(world.text() == "5");
  CHECK(world.talk("REST 2") == "350");
  CHECK(first_action(world, "RETR five") == "StartTransfer retrieve /five I/F/Z level=6 offset=2");
  CHECK(world.talk("REST 2+r") == "501");  // a marker is MODE B's
  world.talk("TYPE A");
  CHECK(world.talk("SIZE readme.txt") == "213");
  CHECK(world.text() == "14");
  CHECK(world.talk("REST 3") == "350");  // between CR and LF
  CHECK(world.talk("RETR readme.txt") == "150 226");
  CHECK(world.actions().back() == "Proceed");
  CHECK(world.talk("REST 3") == "350");
  CHECK(world.talk("STOR readme.txt") == "150 226");
  CHECK(holds(world.actions(), "StartTransfer store /readme.txt A N/F/Z level=6 offset=1 state=r"));
}
