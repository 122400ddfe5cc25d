// MFMT, MFF, MDTM with a time, AVBL, DSIZ, RMDA, CSID, CLNT, COMB, PRET on the PI alone: which actions they ask for and
// how they answer, and what may be sent while something lasts.
#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "core/pi.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::LoggedIn;
using tests::PiWorld;
using Actions = std::vector<std::string>;

struct AsReader : PiWorld {
  AsReader() {
    log_in("reader");
    actions();
  }
};

bool features_hold(PiWorld& world, std::string_view line) {
  world.talk("FEAT");
  return std::ranges::find(world.last().lines, line) != world.last().lines.end();
}

// A tree of 4096 octets a directory and 100 a file.
void add_tree(PiWorld& world) {
  world.add_directory("/tree");
  world.add_directory("/tree/sub");
  world.add_file("/tree/a", 100);
  world.add_file("/tree/sub/b", 100);
  world.add_file("/tree2", 7);
}

}  // namespace

// ---- MFMT, MFF ----

TEST_CASE("MFMT sets the time and answers with the one that is set", "[pi][MF-01]") {
  LoggedIn world;
  CHECK(world.talk("MFMT 20020717210715 readme.txt") == "213");
  CHECK(world.text() == "Modify=20020717210715; readme.txt");
  CHECK(world.actions() == Actions{"SetFacts /readme.txt modified=20020717210715"});
  world.talk("MDTM readme.txt");
  CHECK(world.text() == "20020717210715");
  // This file system knows whole seconds.
  CHECK(world.talk("mfmt 20020717210716.75 pub/image.bin") == "213");
  CHECK(world.text() == "Modify=20020717210716; pub/image.bin");
  CHECK(features_hold(world, " MFMT"));
}

TEST_CASE("MFMT of an impossible date gets 501, of what is not there 550", "[pi][MF-02]") {
  LoggedIn world;
  for (const std::string_view line : {"MFMT 20020229000000 readme.txt", "MFMT 20020717 readme.txt", "MFMT readme.txt",
                                      "MFMT 20020717210715", "MFMT 20020717210715 ", "MFMT"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "501");
  }
  CHECK(world.actions().empty());
  CHECK(world.talk("MFMT 20020717210715 nowhere") == "550");
  CHECK(world.talk("MFMT 20020717210715 " + std::string(300, 'x')) == "550");
}

TEST_CASE("MFF answers 213 with every fact that is set", "[pi][MF-03]") {
  LoggedIn world;
  CHECK(world.talk("MFF Modify=20020717210715;unix.mode=600; readme.txt") == "213");
  CHECK(world.text() == "Modify=20020717210715;UNIX.mode=0600; readme.txt");
  CHECK(world.entry("/readme.txt").mode == 0600);
  CHECK(world.talk("MFF UNIX.mode=0755; pub") == "213");
  CHECK(world.text() == "UNIX.mode=0755; pub");
  world.fail_next(EPERM);
  CHECK(world.talk("MFF UNIX.mode=0700; pub") == "550");
  CHECK(world.talk("MFF UNIX.mode=0700; nowhere") == "550");
}

TEST_CASE("MFF names the facts that cannot be set, and sets none", "[pi][MF-03]") {
  LoggedIn world;
  CHECK(world.talk("MFF UNIX.mode=777;Create=20020718012845;UNIX.owner=0; readme.txt") == "504");
  CHECK(world.text().find("Create;UNIX.owner;") != std::string_view::npos);
  for (const std::string_view line :
       {"MFF readme.txt", "MFF  readme.txt", "MFF Modify=20020229000000; readme.txt", "MFF UNIX.mode=4755; readme.txt",
        "MFF UNIX.mode=644 readme.txt", "MFF", "MFF UNIX.mode=644;", "MFF UNIX.mode=644; "}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "501");
  }
  CHECK(world.actions().empty());
}

TEST_CASE("no creation time can be set: MFCT is not there, and FEAT says which facts can", "[pi][MF-04]") {
  LoggedIn world;
  CHECK(world.talk("MFCT 20020717210715 readme.txt") == "502");
  CHECK(features_hold(world, " MFF Modify;UNIX.mode;"));
  for (const std::string& line : world.last().lines) CHECK(line.find("MFCT") == std::string::npos);
}

TEST_CASE("facts are set by those who may write, modes by those with site", "[pi][MF-01][MF-03]") {
  AsReader reader;
  CHECK(reader.talk("MFMT 20020717210715 readme.txt") == "550");
  CHECK(reader.talk("MFF Modify=20020717210715; readme.txt") == "550");
  CHECK(reader.talk("MDTM 20020717210715 readme.txt") == "550");
  for (const std::string& action : reader.actions()) CHECK_FALSE(action.starts_with("SetFacts"));
  PiWorld world;
  world.log_in("archivist");  // writes, and has no site
  CHECK(world.talk("MFF Modify=20020717210715; readme.txt") == "213");
  CHECK(world.talk("MFF UNIX.mode=777; readme.txt") == "550");
}

TEST_CASE("MDTM with a time sets it, as old clients send it", "[pi][MF-01]") {
  LoggedIn world;
  CHECK(world.talk("MDTM 20200102030405 readme.txt") == "213");
  CHECK(world.text() == "Modify=20200102030405; readme.txt");
  CHECK(world.actions() == Actions{"Look /20200102030405 readme.txt", "SetFacts /readme.txt modified=20200102030405"});
  CHECK(world.talk("MDTM 20200102030405 nowhere") == "550");
}

TEST_CASE("a file whose name begins with digits is asked for, not changed", "[pi][MF-01]") {
  LoggedIn world;
  world.add_file("/20200102030405 readme.txt", 3);
  CHECK(world.talk("MDTM 20200102030405 readme.txt") == "213");
  CHECK(world.text() == "20010909014640");
  CHECK(world.actions() == Actions{"Look /20200102030405 readme.txt"});
  world.add_file("/20200102030405", 3);
  CHECK(world.talk("MDTM 20200102030405") == "213");
  CHECK(world.talk("MDTM 20200102030405 ") == "550");  // that name has a blank
  CHECK(world.talk("MDTM 2020010203040 readme.txt") == "550");
}

TEST_CASE("a time and a name may together be more than one name can have", "[pi][MF-01]") {
  LoggedIn world;
  const std::string name(250, 'x');
  world.add_file("/" + name, 1);
  CHECK(world.talk("MDTM 20200102030405 " + name) == "213");
  CHECK(world.text() == "Modify=20200102030405; " + name);
  CHECK(world.actions() == Actions{"SetFacts /" + name + " modified=20200102030405"});
  CHECK(world.talk("MDTM 20200102030405 " + std::string(256, 'x')) == "550");
  CHECK(world.talk("MDTM " + std::string(256, 'x')) == "550");
  world.actions();
  world.fail_next(ENAMETOOLONG);  // a file system with shorter names
  CHECK(world.talk("MDTM 20200102030405 readme.txt") == "213");
  AsReader reader;
  CHECK(reader.talk("MDTM 20200102030405 " + name) == "550");
  CHECK(reader.actions().empty());
}

// ---- AVBL, DSIZ, RMDA ----

TEST_CASE("AVBL tells the octets that can be stored", "[pi][SL-01]") {
  LoggedIn world;
  CHECK(world.talk("AVBL") == "213");
  CHECK(world.text() == "123456789012");
  world.talk("CWD pub");
  world.actions();
  CHECK(world.talk("AVBL") == "213");
  CHECK(world.talk("AVBL /") == "213");
  CHECK(world.actions() == Actions{"LookForSpace /pub", "LookForSpace /"});
  CHECK(world.talk("AVBL image.bin") == "550");
  CHECK(world.talk("AVBL nowhere") == "550");
  world.fill_disk();
  CHECK(world.talk("AVBL") == "213");
  CHECK(world.text() == "0");
  CHECK(features_hold(world, " AVBL"));
  AsReader reader;
  CHECK(reader.talk("AVBL") == "550");
}

TEST_CASE("DSIZ tells what a tree occupies, whatever the TYPE", "[pi][SL-02]") {
  LoggedIn world;
  add_tree(world);
  for (const std::string_view type : {"TYPE I", "TYPE A"}) {
    world.talk(type);
    CHECK(world.talk("DSIZ tree") == "213");
    CHECK(world.text() == std::to_string(2 * 4096 + 200));
  }
  CHECK(world.talk("DSIZ readme.txt") == "550");
  CHECK(world.talk("DSIZ nowhere") == "550");
  world.actions();
  world.talk("CWD tree");
  CHECK(world.talk("DSIZ") == "213");
  CHECK(world.actions().back() == "BeginWork measure /tree");
  CHECK(features_hold(world, " DSIZ"));
}

TEST_CASE("RMDA removes a tree, and never the root", "[pi][SL-03]") {
  LoggedIn world;
  add_tree(world);
  CHECK(world.talk("RMDA tree") == "250");
  CHECK_FALSE(world.has("/tree/sub/b"));
  CHECK_FALSE(world.has("/tree"));
  CHECK(world.has("/tree2"));
  CHECK(world.talk("RMDA readme.txt") == "550");
  CHECK(world.talk("RMDA /") == "550");
  CHECK(world.talk("RMDA pub/..") == "550");
  CHECK(world.talk("RMDA") == "501");
  world.fail_next(EACCES);
  CHECK(world.talk("RMDA pub") == "550");
  CHECK(features_hold(world, " RMDA"));
  AsReader reader;
  CHECK(reader.talk("RMDA pub") == "550");
  CHECK(reader.actions().empty());
}

// ---- While something lasts ----

TEST_CASE("replies keep their order while something lasts that no 1yz told of", "[pi][SL-04][CC-06]") {
  LoggedIn world;
  world.works_wait();
  CHECK(world.octets("RMDA pub\r\nNOOP\r\nSTAT pub\r\nXYZZY\r\nQUIT\r\n") == "");
  CHECK(world.end_work() == "250 200 550 500 221");
}

TEST_CASE("STAT alone tells how far it is", "[pi][SL-04]") {
  LoggedIn world;
  world.works_wait();
  world.talk("RMDA pub");
  world.pi().set_progress({.octets = 0, .objects = 17});
  CHECK(world.talk("STAT") == "211");
  std::string all;
  for (const std::string& line : world.last().lines) all += line;
  CHECK(all.find("RMDA in progress: 0 octets, 17 objects done") != std::string::npos);
  CHECK(world.end_work() == "250");
  world.talk("STAT");
  CHECK(std::ranges::find(world.last().lines, " No transfer in progress") != world.last().lines.end());
}

TEST_CASE("ABOR ends it: 426, then 226", "[pi][SL-04]") {
  LoggedIn world;
  world.works_wait();
  for (const std::string_view line : {"RMDA pub", "DSIZ pub", "COMB a readme.txt", "SITE MKDIR a/b"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "");
    CHECK(world.talk("ABOR") == "426 226");
    CHECK(world.actions().back() == "Abort");
  }
}

TEST_CASE("what was nearly over when ABOR came ends well", "[pi][SL-04]") {
  LoggedIn world;
  world.works_wait();
  world.aborts_wait();
  world.talk("RMDA pub");
  CHECK(world.talk("ABOR") == "");
  CHECK(world.end_work() == "250 226");
}

TEST_CASE("nobody is idle who waits for something that lasts", "[pi][SL-04]") {
  LoggedIn world;
  world.works_wait();
  world.talk("DSIZ");
  CHECK(world.wait(400'000) == "");
  CHECK(world.end_work() == "213");
  CHECK(world.wait(400'000) == "421");
}

TEST_CASE("a server that drains lets it end", "[pi][SL-04]") {
  LoggedIn world;
  world.works_wait();
  world.talk("RMDA pub");
  CHECK(world.shut_down() == "");
  CHECK(world.end_work() == "250 421");
}

// ---- CSID, CLNT ----

TEST_CASE("CSID works when logged in, and ignores what it does not know", "[pi][SL-05]") {
  PiWorld world;
  CHECK(world.talk("CSID Name=Client;Version=1;") == "530");
  world.log_in();
  for (const std::string_view line : {"CSID Name=Client; Version=1.0.0.1;", "csid version=1;NAME=x;",
                                      "CSID Frogs=green;;=;", "CSID nonsense", "CSID", "CSID Name=Client", "CSID ;"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "200");
    CHECK(world.text() == "Name=Millrace; CaseSensitive=1;");
  }
  CHECK(features_hold(world, " CSID"));
}

TEST_CASE("what a client calls itself is seen by the administrator", "[pi][SL-05]") {
  LoggedIn world;
  world.talk("CSID Version=2.1; Name=Client;");
  CHECK(world.pi().sight(0).client == "Client 2.1");
  world.talk("CLNT Another 3");
  CHECK(world.pi().sight(0).client == "Another 3");
  world.talk("CLNT " + std::string(4000, 'x'));
  CHECK(world.pi().sight(0).client.size() == 64);
  CHECK(world.talk("REIN") == "220");
  CHECK(world.pi().sight(0).client.empty());
  PiWorld before;
  CHECK(before.talk("CLNT x") == "200");
  CHECK(before.talk("CLNT") == "501");
}

TEST_CASE("what a client calls itself cannot break an administrator's reply", "[pi][SL-05]") {
  using namespace std::string_view_literals;
  LoggedIn world;
  CHECK(world.talk("CLNT \x1b[2JA\t200 B\x07\r\0 C\x7f"sv) == "200");
  CHECK(world.pi().sight(0).client == "[2JA200 B C");
  CHECK(world.talk("CSID Name=\x01"
                   "Client\t;Version=\x1b[1m;") == "200");
  CHECK(world.pi().sight(0).client == "Client [1m");
  CHECK(world.talk("CLNT gr\xc3\xbcn") == "200");
  CHECK(world.pi().sight(0).client == "gr\xc3\xbcn");
}

TEST_CASE("a server's name cannot break CSID's facts", "[pi][SL-05]") {
  core::Config config = tests::world_config();
  config.server.name = "a;b=c";
  LoggedIn world(config);
  world.talk("CSID");
  CHECK(world.text() == "Name=abc; CaseSensitive=1;");
}

// ---- COMB, PRET ----

TEST_CASE("COMB puts parts together behind what the target holds", "[pi]") {
  LoggedIn world;
  world.add_file("/part 1", 10);
  world.add_file("/part 2", 20);
  CHECK(world.talk("COMB \"pub/whole\" \"part 1\" \"part 2\"") == "250");
  CHECK(world.actions() == Actions{"BeginWork combine /pub/whole /part 1 /part 2 mode=644"});
  CHECK(world.size("/pub/whole") == 30);
  CHECK_FALSE(world.has("/part 1"));
  world.add_file("/more", 5);
  CHECK(world.talk("COMB pub/whole more") == "250");
  CHECK(world.size("/pub/whole") == 35);
  CHECK(features_hold(world, " COMB"));
}

TEST_CASE("COMB refuses what makes no sense", "[pi]") {
  LoggedIn world;
  for (const std::string_view line :
       {"COMB", "COMB a", "COMB \"a\"", "COMB \"a b", "COMB a \"b", "COMB a b b", "COMB a a", "COMB a ./b b"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "501");
  }
  CHECK(world.actions().empty());
  CHECK(world.talk("COMB a nowhere") == "550");
  world.fill_disk();
  CHECK(world.talk("COMB a readme.txt") == "452");
  AsReader reader;
  CHECK(reader.talk("COMB a readme.txt") == "550");
  PiWorld archivist;
  archivist.log_in("archivist");  // may not delete
  CHECK(archivist.talk("COMB a readme.txt") == "550");
  PiWorld clerk;
  clerk.log_in("clerk");
  CHECK(clerk.talk("COMB a readme.txt") == "550");  // the right to delete is asked for first
}

TEST_CASE("PRET checks the transfer command that it announces", "[pi]") {
  LoggedIn world;
  for (const std::string_view line : {"PRET RETR readme.txt", "PRET STOR new", "pret list", "PRET MLSD pub",
                                      "PRET NLST", "PRET STOU", "PRET APPE a b"}) {
    CAPTURE(line);
    CHECK(world.talk(line) == "200");
  }
  CHECK(world.actions() == Actions{"Look /readme.txt"});
  CHECK(world.talk("PRET RETR nowhere") == "550");
  CHECK(world.talk("PRET RETR pub") == "550");
  CHECK(world.talk("PRET RETR") == "501");
  CHECK(world.talk("PRET") == "501");
  for (const std::string_view line : {"PRET NOOP", "PRET REIN", "PRET XYZZY", "PRET SITE x"})
    CHECK(world.talk(line) == "504");
  AsReader reader;
  CHECK(reader.talk("PRET STOR x") == "550");
  PiWorld before;
  CHECK(before.talk("PRET RETR readme.txt") == "530");
}

TEST_CASE("PRET tells what its command would be told of accounts and protection", "[pi]") {
  PiWorld clerk;  // ACCT for storing alone
  clerk.log_in("clerk");
  for (const std::string_view line : {"PRET RETR readme.txt", "PRET LIST"}) CHECK(clerk.talk(line) == "200");
  CHECK(clerk.talk("PRET STOR x") == "532");
  CHECK(clerk.talk("ACCT vault") == "230");
  CHECK(clerk.talk("PRET STOR x") == "200");
  core::Config config = tests::secure_world_config();
  config.tls.require = "data";
  PiWorld world(config);
  CHECK(world.talk("AUTH TLS") == "234");
  world.log_in();
  for (const std::string_view line : {"PRET RETR readme.txt", "PRET STOR x", "PRET LIST"})
    CHECK(world.talk(line) == "521");
  CHECK(world.talk("PRET NOOP") == "504");
  world.talk("PBSZ 0");
  CHECK(world.talk("PROT P") == "200");
  CHECK(world.talk("PRET RETR readme.txt") == "200");
}

TEST_CASE("where too much goes on already it is 450, and the same for all that is heavy", "[pi]") {
  LoggedIn world;
  for (const std::string_view line : {"COMB a readme.txt", "HASH readme.txt", "XCRC readme.txt", "SITE CPTO a"}) {
    CAPTURE(line);
    if (line.starts_with("SITE")) world.talk("SITE CPFR readme.txt");
    world.fail_next(EUSERS);
    CHECK(world.talk(line) == "450");
    CHECK(world.text() == "Too much of this kind is going on; try again.");
  }
}
