// What may take long on files, in a simulated world: trees measured and removed, files copied and combined, facts set;
// with other sessions beside it, ended early at every step, and with each operation failing.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.hpp"
#include "core/path.hpp"
#include "tests/catch.hpp"
#include "tests/sim/site.hpp"

namespace {

using Site = sim::FileSite;
using Visitor = sim::FileVisitor;

// Two levels, links, and more entries than a batch holds. 1 + 3 * 41 + 600 directories and files.
void make_tree(sim::SimFiles& files, const std::string& top) {
  for (int i = 0; i < 600; ++i) files.make_file(fmt::format("{}/a rather long name, number {}", top, i), "x");
  for (const char* name : {"a", "b", "c"})
    for (int i = 0; i < 40; ++i) files.make_file(fmt::format("{}/{}/{}", top, name, i), "x");
}

}  // namespace

// ---- RMDA ----

TEST_CASE("RMDA removes a tree with all that is in it, and no more", "[sim][work][SL-03]") {
  Site site;
  make_tree(site.files(), "/srv/tree");
  site.files().make_file("/srv/tree/deep/d/e/e/p/file", "x");
  site.files().make_file("/srv/kept/file", "kept");
  site.files().make_symlink("/srv/tree/a/up", "../../kept");
  site.files().make_symlink("/srv/tree/out", "/etc");
  site.files().make_fifo("/srv/tree/b/fifo");
  Visitor& client = site.visitor();
  CHECK(client.ask("RMDA tree") == 250);
  CHECK_FALSE(site.files().exists("/srv/tree"));
  CHECK(site.content("/kept/file") == "kept");
  CHECK(client.ask("RMDA tree") == 550);
  CHECK(client.ask("RMDA kept/file") == 550);
}

TEST_CASE("RMDA removes no tree through a link to it", "[sim][work][SL-03]") {
  Site site;
  site.files().make_file("/srv/tree/file", "x");
  site.files().make_symlink("/srv/link", "tree");
  CHECK(site.visitor().ask("RMDA link") == 550);
  CHECK(site.files().exists("/srv/tree/file"));
}

TEST_CASE("what cannot be removed stays, with its parents, and 550 says so", "[sim][work][SL-03]") {
  Site site;
  make_tree(site.files(), "/srv/tree");
  site.files().make_file("/srv/tree/b/locked/file", "x");
  site.files().make_file("/srv/tree/b/other/file", "x");
  site.files().set_mode("/srv/tree/b/locked", 0555);
  CHECK(site.visitor().ask("RMDA tree") == 550);
  CHECK(site.files().names("/srv/tree") == std::vector<std::string>{"b"});
  CHECK(site.files().names("/srv/tree/b") == std::vector<std::string>{"locked"});
  CHECK(site.files().names("/srv/tree/b/locked") == std::vector<std::string>{"file"});
}

TEST_CASE("a directory that cannot be read is not removed either", "[sim][work][SL-03]") {
  Site site;
  site.files().make_file("/srv/tree/hidden/file", "x");
  site.files().make_file("/srv/tree/seen/file", "x");
  site.files().set_mode("/srv/tree/hidden", 0300);
  CHECK(site.visitor().ask("RMDA tree") == 550);
  CHECK(site.files().names("/srv/tree") == std::vector<std::string>{"hidden"});
}

// ---- DSIZ, AVBL ----

TEST_CASE("DSIZ counts what is occupied, each file once", "[sim][work][SL-02]") {
  Site site;
  site.files().make_directory("/srv/tree");
  Visitor& client = site.visitor();
  CHECK(client.ask("DSIZ tree") == 213);
  const auto empty = std::stoull(client.text());
  site.files().make_file("/srv/tree/small", "x");
  site.files().make_file("/srv/tree/sub/large", std::string(10'000, 'x'));
  site.files().make_symlink("/srv/tree/sub/up", "../..");
  CHECK(site.files().link(nullptr, "/srv/tree/small", nullptr, "/srv/tree/sub/second", 0) == 0);
  CHECK(client.ask("DSIZ tree") == 213);
  const auto full = std::stoull(client.text());
  CHECK(full == empty + 4096 + 3 * 4096);  // the simulated disk counts no blocks for directories and links
  CHECK(client.ask("CWD tree") == 250);
  CHECK(client.ask("DSIZ") == 213);
  CHECK(std::stoull(client.text()) == full);
  CHECK(client.ask("TYPE A") == 200);
  CHECK(client.ask("DSIZ .") == 213);
  CHECK(std::stoull(client.text()) == full);
  CHECK(client.ask("DSIZ small") == 550);
  CHECK(client.ask("DSIZ nowhere") == 550);
  site.files().set_mode("/srv/tree/sub", 0000);
  CHECK(client.ask("DSIZ") == 550);
  site.files().set_mode("/srv/tree/sub", 0755);
}

TEST_CASE("DSIZ of more than it can look through ends with 451", "[sim][work][SL-02]") {
  Site site;
  for (std::size_t i = 0; i <= core::limits::tree_links_max; ++i) {
    const std::string name = fmt::format("/srv/links/{}", i);
    site.files().make_file(name, "");
    site.files().find(name)->links = 2;
  }
  const std::string long_name(240, 'd');
  for (std::size_t i = 0; i <= core::limits::tree_pending_max / long_name.size(); ++i)
    site.files().make_directory(fmt::format("/srv/wide/{}{}", long_name, i));
  Visitor& client = site.visitor();
  for (const char* line : {"DSIZ links", "DSIZ wide"}) {
    CHECK(client.ask(line) == 451);
    CHECK(client.text() == "There is too much below it.");
  }
}

TEST_CASE("AVBL tells the space of the directory's own file system", "[sim][work][SL-01]") {
  Site site;
  sim::Space& space = site.files().mount("/srv/mounted", 1'000'000);
  site.files().make_file("/srv/mounted/file", std::string(4096, 'x'));
  Visitor& client = site.visitor();
  CHECK(client.ask("AVBL mounted") == 213);
  CHECK(client.text() == std::to_string(1'000'000 - space.used));
  CHECK(client.ask("AVBL") == 213);
  CHECK(std::stoull(client.text()) > 1'000'000);
  site.files().make_directory("/srv/mounted/drop", 0300);  // to be stored in, not to be read
  CHECK(client.ask("AVBL mounted/drop") == 213);
  CHECK(client.text() == std::to_string(1'000'000 - space.used));
  CHECK(client.ask("AVBL mounted/file") == 550);
  CHECK(client.ask("AVBL nowhere") == 550);
}

// ---- Beside others, and ended early ----

TEST_CASE("a huge tree holds up nobody", "[sim][work][SL-04]") {
  Site site;
  for (int i = 0; i < 3000; ++i) site.files().make_file(fmt::format("/srv/tree/{}/{}", i % 50, i), "x");
  Visitor& remover = site.visitor();
  Visitor& other = site.visitor();
  for (const char* line : {"DSIZ tree", "RMDA tree"}) {
    INFO(line);
    remover.send(line);
    int beside = 0;
    for (; !remover.answered() && beside < 20; ++beside) {
      const io::Time before = site.station.world.timeline().now();
      CHECK(other.ask("NOOP") == 200);
      CHECK(site.station.world.timeline().now() - before < 50 * io::millisecond);
    }
    CHECK(beside >= (line[0] == 'D' ? 1 : 3));
    CHECK(remover.wait() == (line[0] == 'D' ? 213 : 250));
  }
  CHECK_FALSE(site.files().exists("/srv/tree"));
}

TEST_CASE("STAT tells how far a removal is, and ABOR ends it", "[sim][work][SL-04]") {
  Site site;
  for (int i = 0; i < 3000; ++i) site.files().make_file(fmt::format("/srv/tree/{}/{}", i % 50, i), "x");
  Visitor& client = site.visitor();
  client.send("RMDA tree");
  site.station.world.run_for(20 * io::millisecond);
  REQUIRE_FALSE(client.answered());
  CHECK(client.ask("STAT") == 211);
  const auto line =
      std::ranges::find_if(client.lines(), [](const auto& l) { return l.starts_with(" RMDA in progress"); });
  REQUIRE(line != client.lines().end());
  CHECK(line->find(" 0 objects") == std::string::npos);
  client.send("ABOR");
  CHECK(client.wait() == 426);
  CHECK(client.wait() == 226);
  CHECK(site.files().exists("/srv/tree"));
  CHECK(client.ask("RMDA tree") == 250);
  CHECK_FALSE(site.files().exists("/srv/tree"));
}

namespace {

struct Job {
  const char* line;
  int done;
};
// What they need is made by prepare().
constexpr Job jobs[] = {
    {"RMDA /tree", 250},         {"DSIZ /tree", 213},     {"COMB /c0/whole /p1 /p2", 250}, {"COMB /old /p1 /p2", 250},
    {"SITE CPTO /c0/copy", 250}, {"SITE CPTO /old", 250}, {"SITE MKDIR -p /c0/a/b/c", 250}};

std::string part(char letter) { return std::string(700'000, letter); }

void prepare(Site& site) {
  for (const char* name : {"a", "b"})
    for (int i = 0; i < 4; ++i) site.files().make_file(fmt::format("/srv/tree/{}/{}", name, i), "x");
  site.files().make_file("/srv/p1", part('1'));
  site.files().make_file("/srv/p2", part('2'));
  site.files().make_file("/srv/old", "old");
}

int begin(Visitor& client, const Job& job) {
  if (std::string_view(job.line).starts_with("SITE CPTO") && client.ask("SITE CPFR /p1") != 350) return 0;
  client.send(job.line);
  return 1;
}

// Whatever happened: a target is what it was or what it should be, and parts go only when they are all in it.
void check_files(Site& site, const Job& job, int code) {
  const bool good = code == job.done;
  const std::string_view line = job.line;
  const auto both = part('1') + part('2');
  if (line.starts_with("SITE CPTO /c0")) CHECK(site.content("/c0/copy") == (good ? part('1') : "(none)"));
  if (line.starts_with("SITE CPTO /old")) CHECK(site.content("/old") == (good ? part('1') : "old"));
  if (line.starts_with("SITE")) CHECK(site.content("/p1") == part('1'));
  if (line.starts_with("COMB")) {
    const bool onto_old = line.starts_with("COMB /old");
    const std::string target = site.content(onto_old ? "/old" : "/c0/whole");
    const bool whole = target == (onto_old ? "old" + both : both);
    CHECK((whole || target == (onto_old ? "old" : "(none)")));
    CHECK((whole || (site.content("/p1") == part('1') && site.content("/p2") == part('2'))));
    if (good) CHECK((whole && !site.files().exists("/srv/p1") && !site.files().exists("/srv/p2")));
  }
  if (line.starts_with("RMDA") && good) CHECK_FALSE(site.files().exists("/srv/tree"));
  if (line.starts_with("SITE MKDIR") && good) CHECK(site.files().exists("/srv/c0/a/b/c"));
}

}  // namespace

TEST_CASE("ABOR at every step: 426 and 226, or the end and 226", "[sim][work][SL-04]") {
  for (const Job& job : jobs) {
    INFO(job.line);
    int aborted = 0;
    for (int steps = 0; steps < 400; ++steps) {
      Site site;
      prepare(site);
      Visitor& client = site.visitor();
      REQUIRE(begin(client, job) == 1);
      int step = 0;
      site.station.world.run_until([&] { return client.answered() || step++ == steps; });
      const bool over = client.answered();
      client.send("ABOR");
      const int code = client.wait();
      CHECK((code == job.done || code == 426));
      CHECK(client.wait() == 226);
      CHECK(client.ask("NOOP") == 200);
      check_files(site, job, code);
      for (const char* directory : {"", "/c0"}) CHECK_FALSE(site.leaves_temporary(directory));
      aborted += code == 426 ? 1 : 0;
      if (over) break;
      steps += steps / 8;
    }
    CHECK(aborted > 0);
  }
}

TEST_CASE("a control connection that is lost ends the work", "[sim][work][SL-04]") {
  for (const Job& job : jobs) {
    INFO(job.line);
    for (int steps = 0; steps < 60; steps += 3) {
      Site site;
      prepare(site);
      Visitor& client = site.visitor();
      REQUIRE(begin(client, job) == 1);
      int step = 0;
      site.station.world.run_until([&] { return client.answered() || step++ == steps; });
      client.connection().reset();
      CHECK(site.station.world.run_until([&] { return site.station.server->session_count() == 0; }));
      for (const char* directory : {"", "/c0"}) CHECK_FALSE(site.leaves_temporary(directory));
    }
  }
}

TEST_CASE("whichever operation fails, nothing is half done without a word", "[sim][work][SL-03]") {
  for (const Job& job : jobs) {
    INFO(job.line);
    std::uint64_t n = 1;
    for (bool met = true; met && n < 500; ++n) {
      INFO("operation " << n);
      Site site;
      prepare(site);
      site.station.disk_is_sound = false;
      Visitor& client = site.visitor();
      REQUIRE(begin(client, job) == 1);
      site.station.world.fault_plan().fail_operation(n, EIO);
      const int code = client.wait();
      met = site.station.world.fault_plan().fault_met();
      site.station.world.fault_plan().fail_none();
      if (!met) CHECK(code == job.done);
      if (code != 0) check_files(site, job, code);  // 0: it was the connection that broke
    }
    CHECK(n > 5);
    CHECK(n < 500);
  }
}

// ---- Copies ----

TEST_CASE("a copy is exact, whatever the disk does at a time", "[sim][work][site]") {
  for (const core::Publish publish : {core::Publish::direct, core::Publish::atomic, core::Publish::durable}) {
    Site site(publish);
    prepare(site);
    Visitor& client = site.visitor();
    site.station.world.set_faults({.short_counts = 0.9, .slow_disk = 0.1});
    CHECK(client.ask("SITE CPFR /p1") == 350);
    CHECK(client.ask("SITE CPTO /c0/copy") == 250);
    CHECK(site.content("/c0/copy") == part('1'));
    CHECK(client.ask("COMB \"/c0/copy\" \"/p2\" \"/old\"") == 250);
    CHECK(site.content("/c0/copy") == part('1') + part('2') + "old");
    CHECK(client.ask("SITE CPFR /c0/copy") == 350);
    CHECK(client.ask("SITE CPTO /c0/copy") == 550);
    CHECK(site.content("/c0/copy") == part('1') + part('2') + "old");
  }
}

TEST_CASE("what takes a file's place has its permissions", "[sim][work][site]") {
  Site site;
  prepare(site);
  site.files().make_file("/srv/p3", "3");
  site.files().make_file("/srv/own", "own", 04640);
  site.files().make_symlink("/srv/link", "own");
  Visitor& client = site.visitor();
  CHECK(client.ask("SITE CPFR /old") == 350);
  CHECK(client.ask("SITE CPTO /own") == 250);
  CHECK(site.content("/own") == "old");
  CHECK(site.files().find("/srv/own")->mode == 0640);
  CHECK(client.ask("COMB /own /p1") == 250);
  CHECK(site.content("/own") == "old" + part('1'));
  CHECK(site.files().find("/srv/own")->mode == 0640);
  CHECK(client.ask("COMB /link /p3") == 250);  // as an upload: the file that it leads to
  CHECK(site.files().find("/srv/link")->type == sim::Node::Type::symlink);
  CHECK(site.content("/own") == "old" + part('1') + "3");
  CHECK(site.files().find("/srv/own")->mode == 0640);
  CHECK(client.ask("COMB /c0/new /p2") == 250);
  CHECK(site.files().find("/srv/c0/new")->mode == 0644);
}

TEST_CASE("so many heavy works go on at a time; one more is told 450, and takes nothing", "[sim][work][site]") {
  Site site;
  prepare(site);
  site.files().make_file("/srv/long", std::string(40'000'000, 'l'));
  site.station.config->limits.heavy_works = 1;
  site.station.world.run_for(10 * io::second);  // digests of files that have just changed are not remembered
  Visitor& first = site.visitor();
  Visitor& second = site.visitor();
  const std::size_t& taken = site.station.server->context().heavy_works;
  CHECK(second.ask("HASH /old") == 213);
  CHECK(first.ask("SITE CPFR /long") == 350);
  site.station.world.set_faults({.short_counts = 1, .slow_disk = 1});
  first.send("SITE CPTO /c0/copy");
  REQUIRE(site.station.world.run_until([&] { return taken == 1; }));
  CHECK(second.ask("COMB /c0/whole /p1 /p2") == 450);
  CHECK(second.ask("HASH /p2") == 450);
  CHECK(second.ask("HASH /old") == 213);  // remembered
  CHECK(second.ask("SITE MKDIR /c0/a") == 250);
  REQUIRE_FALSE(first.answered());
  CHECK(site.content("/p1") == part('1'));
  CHECK(taken == 1);
  first.send("ABOR");
  CHECK(first.wait() == 426);
  CHECK(first.wait() == 226);
  CHECK(taken == 0);
  CHECK(second.ask("COMB /c0/whole /p1 /p2") == 250);
  CHECK(taken == 0);
}

TEST_CASE("an object under another name is the same object", "[sim][work][site]") {
  Site site;
  prepare(site);
  site.files().make_symlink("/srv/link", "p1");
  Visitor& client = site.visitor();
  CHECK(client.ask("SITE CPFR /link") == 350);
  CHECK(client.ask("SITE CPTO /p1") == 550);
  CHECK(client.ask("COMB /p1 /link") == 550);
  CHECK(site.content("/p1") == part('1'));
  CHECK(site.files().exists("/srv/link"));
}

TEST_CASE("a full disk and the largest file that may be end a copy", "[sim][work][site]") {
  Site site;
  prepare(site);
  site.station.config->uploads.file_max_bytes = 1'000'000;
  sim::Space& space = site.files().mount("/srv/small", 300'000);
  Visitor& client = site.visitor();
  CHECK(client.ask("SITE CPFR /p1") == 350);
  CHECK(client.ask("SITE CPTO /small/copy") == 452);
  site.station.world.run_for(io::second);  // what is closed is freed
  CHECK(site.files().names("/srv/small").empty());
  CHECK(space.used == 0);
  CHECK(client.ask("COMB /c0/whole /p1 /p2") == 552);
  CHECK(site.files().names("/srv/c0").empty());
  CHECK(client.ask("SITE CPFR /p1") == 350);
  CHECK(client.ask("SITE CPTO /tree") == 550);
  CHECK(client.ask("SITE CPFR /tree") == 550);
}

// ---- SITE MKDIR, SYMLINK, and facts ----

TEST_CASE("SITE MKDIR makes a way, through what is there", "[sim][work][site]") {
  Site site;
  site.files().make_directory("/srv/real/dir");
  site.files().make_symlink("/srv/link", "real/dir");
  site.files().make_file("/srv/file", "x");
  Visitor& client = site.visitor();
  CHECK(client.ask("SITE MKDIR -p link/a/b") == 250);
  CHECK(site.files().exists("/srv/real/dir/a/b"));
  CHECK(client.ask("SITE MKDIR link/a/b") == 250);
  CHECK(client.ask("SITE MKDIR /") == 250);
  CHECK(client.ask("SITE MKDIR file/a") == 550);
  CHECK(client.ask("SITE MKDIR file") == 550);
  site.files().make_symlink("/srv/out", "../..");
  CHECK(client.ask("SITE MKDIR out/a") == 550);
  CHECK(client.ask("SITE UMASK 077") == 200);
  CHECK(client.ask("SITE MKDIR own") == 250);
  CHECK(site.files().find("/srv/own")->mode == 0700);
  CHECK(client.ask("SITE UMASK 002") == 200);
  CHECK(client.ask("SITE MKDIR shared") == 250);
  CHECK(site.files().find("/srv/shared")->mode == 0775);
}

TEST_CASE("a link that SITE SYMLINK makes works, and cannot lead out", "[sim][work][site]") {
  Site site;
  site.files().make_file("/srv/dir/file", "12345");
  site.files().make_symlink("/srv/way", "dir");
  Visitor& client = site.visitor();
  CHECK(client.ask("SITE SYMLINK /dir/file c0/link") == 200);
  CHECK(site.files().find("/srv/c0/link")->target == "../dir/file");
  CHECK(client.ask("TYPE I") == 200);
  CHECK(client.ask("SIZE c0/link") == 213);
  CHECK(client.text() == "5");
  CHECK(client.ask("SITE SYMLINK ../../../../etc/passwd escape") == 200);
  CHECK(site.files().find("/srv/escape")->target == "etc/passwd");
  CHECK(client.ask("SIZE escape") == 550);
  CHECK(client.ask("SITE SYMLINK dir/file c0/link") == 550);    // it is there
  CHECK(client.ask("SITE SYMLINK /dir/file way/link") == 550);  // ".." would mean another place
  CHECK(client.ask("SITE SYMLINK dir/file none/link") == 550);
}

TEST_CASE("MFMT, MFF, CHMOD and UTIME set what they answer", "[sim][work][MF-01][MF-03]") {
  Site site;
  site.files().make_file("/srv/file", "x");
  Visitor& client = site.visitor();
  CHECK(client.ask("MFMT 20020717210715.5 file") == 213);
  CHECK(client.text() == "Modify=20020717210715.5; file");
  CHECK(site.files().find("/srv/file")->modified == 1'026'940'035'500'000'000);
  CHECK(client.ask("MFF UNIX.mode=0640;Modify=20200102030405; file") == 213);
  CHECK(client.text() == "Modify=20200102030405;UNIX.mode=0640; file");
  CHECK(site.files().find("/srv/file")->mode == 0640);
  CHECK(client.ask("SITE UTIME 200001020304 file") == 200);
  CHECK(client.ask("MDTM file") == 213);
  CHECK(client.text() == "20000102030400");
  CHECK(client.ask("MDTM 20110102030405 file") == 213);
  CHECK(client.ask("MDTM file") == 213);
  CHECK(client.text() == "20110102030405");
  CHECK(client.ask("SITE CHMOD 400 file") == 200);
  CHECK(site.files().find("/srv/file")->mode == 0400);
  CHECK(client.ask("SITE CHMOD 500 c0") == 200);
  CHECK(client.ask("MKD c0/x") == 550);
  CHECK(client.ask("SITE CHMOD 700 c0") == 200);
  CHECK(client.ask("MKD c0/x") == 257);
  site.files().make_symlink("/srv/out", "../etc");
  CHECK(client.ask("MFMT 20020717210715 out") == 213);  // of the link itself
  CHECK(client.ask("MFMT 20020717210715 out/passwd") == 550);
}

// ---- The administrator ----

TEST_CASE("SITE WHO shows the sessions of this server, and KICK ends one", "[sim][work][site]") {
  Site site;
  Visitor& warden = site.visitor();
  Visitor& guest = site.visitor();
  CHECK(guest.ask("CLNT Guest 1") == 200);
  CHECK(warden.ask("SITE WHO") == 200);
  REQUIRE(warden.lines().size() == 4);
  CHECK(warden.text() == "2 sessions; 2 are shown.");
  const auto line =
      std::ranges::find_if(warden.lines(), [](const auto& l) { return l.find("Guest 1") != std::string::npos; });
  REQUIRE(line != warden.lines().end());
  CHECK(line->find("10.0.1.2") != std::string::npos);
  const std::string number = std::to_string(std::stoi(*line));
  CHECK(warden.ask("SITE KICK 999") == 550);
  CHECK(warden.ask("SITE KICK " + number) == 200);
  CHECK(guest.wait() == 421);
  CHECK(guest.wait() == 0);
  guest.connection().close();
  site.station.world.run_for(io::second);
  CHECK(warden.ask("SITE KICK " + number) == 550);
  CHECK(warden.ask("SITE WHO") == 200);
  CHECK(warden.text() == "1 sessions; 1 are shown.");
}

TEST_CASE("who works on a tree is ended in the middle of it", "[sim][work][site]") {
  Site site;
  for (int i = 0; i < 3000; ++i) site.files().make_file(fmt::format("/srv/tree/{}", i), "x");
  Visitor& warden = site.visitor();
  Visitor& guest = site.visitor();
  guest.send("RMDA tree");
  site.station.world.run_for(20 * io::millisecond);
  CHECK(warden.ask("SITE WHO") == 200);
  const auto line =
      std::ranges::find_if(warden.lines(), [](const auto& l) { return l.find("RMDA") != std::string::npos; });
  REQUIRE(line != warden.lines().end());
  CHECK(warden.ask("SITE KICK " + std::to_string(std::stoi(*line))) == 200);
  CHECK(guest.wait() == 0);
  CHECK(site.files().exists("/srv/tree"));
  CHECK(warden.ask("SITE WHO") == 200);
  CHECK(warden.lines().size() == 3);
}

// ---- RNTO ----

TEST_CASE("the right to rename replaces nothing, whether the file system can see to that or not", "[sim][SV-08]") {
  for (const bool plain : {false, true}) {
    Site site;
    core::Account anonymous = site.station.config->accounts.all().front();
    anonymous.rights = {core::Right::list, core::Right::read, core::Right::rename};
    site.station.config->accounts = {};
    site.station.config->accounts.add(anonymous);
    sim::SimFiles& files = site.files();
    files.plain_renames = plain;
    files.make_file("/srv/file", "octets");
    files.make_file("/srv/other", "kept");
    files.make_file("/srv/tree/inside", "x");
    files.make_directory("/srv/empty");
    files.make_symlink("/srv/link", "other");
    Visitor& client = site.visitor();
    const auto rename = [&](std::string_view from, std::string_view to) {
      CHECK(client.ask(fmt::format("RNFR {}", from)) == 350);
      return client.ask(fmt::format("RNTO {}", to));
    };
    CHECK(rename("file", "other") == 553);
    CHECK(client.text() == "The name exists already.");
    CHECK(rename("file", "empty") == 553);
    CHECK(rename("file", "link") == 553);
    CHECK(rename("tree", "empty") == 553);
    CHECK(rename("empty", "tree") == 553);
    CHECK(rename("empty", "file") == 553);
    CHECK(rename("link", "file") == 553);
    CHECK(site.content("/file") == "octets");
    CHECK(site.content("/other") == "kept");
    CHECK(rename("file", "c0/moved") == 250);
    CHECK(rename("link", "c0/link") == 250);
    CHECK(rename("tree", "c0/tree") == 250);
    CHECK(site.content("/c0/moved") == "octets");
    CHECK(site.content("/c0/tree/inside") == "x");
    CHECK_FALSE(files.exists("/srv/file"));
    CHECK_FALSE(files.exists("/srv/tree"));
    CHECK_FALSE(files.exists("/srv/link"));
  }
}

// ---- What is promised to a client that does not come for it ----

TEST_CASE("a passive port that nobody comes to is another's in the end", "[sim][PP-07]") {
  Site site;
  site.station.config->data.passive_ports = {50000, 50000};
  site.station.config->data.connect_timeout_s = 30;
  Visitor& first = site.visitor();
  Visitor& second = site.visitor();
  CHECK(first.ask("EPSV") == 229);
  CHECK(second.ask("EPSV") == 425);
  site.station.world.run_for(29 * io::second);
  CHECK(second.ask("EPSV") == 425);
  CHECK(first.ask("NOOP") == 200);
  site.station.world.run_for(2 * io::second);
  CHECK(second.ask("EPSV") == 229);
  CHECK(first.ask("LIST") == 150);  // and nothing connects to where no client said
  CHECK(first.wait() == 425);
  CHECK(first.ask("EPSV") == 425);
  site.station.world.run_for(31 * io::second);
  CHECK(first.ask("EPSV") == 229);
  CHECK(first.ask("ABOR") == 226);
  CHECK(second.ask("PORT 10,0,1,2,200,10") == 200);
  CHECK(first.ask("EPSV") == 229);
}

TEST_CASE("ALLO keeps no room from others while its upload idles", "[sim][SV-07]") {
  Site site;
  site.files().mount("/srv/disk", 1'000'000);
  Visitor& first = site.visitor();
  Visitor& second = site.visitor();
  CHECK(first.ask("TYPE I") == 200);
  CHECK(first.ask("ALLO 900000") == 200);
  CHECK(first.ask("EPSV") == 229);
  first.send("STOR disk/large");
  CHECK(first.wait() == 150);
  CHECK(second.ask("AVBL disk") == 213);
  CHECK(std::stoll(second.text()) > 900'000);
  CHECK(second.ask("ALLO 2000000") == 200);
  CHECK(second.ask("STOR disk/larger") == 452);
  CHECK(second.ask("MKD disk/new") == 257);
}

TEST_CASE("octets that came for a full disk are counted", "[sim]") {
  Site site;
  site.files().mount("/srv/disk", 50'000);
  Visitor& client = site.visitor();
  CHECK(client.ask("TYPE I") == 200);
  CHECK(client.ask("EPSV") == 229);
  const std::size_t bar = client.text().find("|||") + 3;
  const auto port = static_cast<std::uint16_t>(std::stoi(client.text().substr(bar)));
  sim::SimConnection data = site.station.world.peer("10.0.1.1").connect(site.station.world.address(port));
  client.send("STOR disk/large");
  CHECK(client.wait() / 100 == 1);
  data.write(std::string(200'000, 'x'));
  CHECK(client.wait() == 452);
  CHECK(site.station.counts.totals().octets_in >= site.content("/disk/large").size());
  CHECK(site.station.counts.totals().octets_in > 50'000);
  data.close();
}
