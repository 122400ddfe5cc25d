// RNTO across file systems that are mounted below the root: moved by copying, and the source removed only when the copy
// is whole. RFC 959 4.1.3.
#include <string>

#include "tests/catch.hpp"
#include "tests/sim/site.hpp"

namespace {

using Site = sim::FileSite;
using Visitor = sim::FileVisitor;

const std::string content(300'000, 'm');
constexpr std::int64_t time_ns = 1'000'000'000'000'000'000;

void prepare(Site& site, std::int64_t capacity = 10'000'000) {
  site.files().mount("/srv/other", capacity);
  site.files().make_file("/srv/file", content, 0640);
  site.files().set_modified("/srv/file", time_ns);
}

std::string large() { return std::string(40'000'000, 'l'); }

/// A client whose move of a large file is under way on a slow disk.
Visitor& begin_long_move(Site& site) {
  prepare(site, 100'000'000);
  site.files().make_file("/srv/file", large(), 0640);
  site.files().set_modified("/srv/file", time_ns);
  Visitor& client = site.visitor();
  site.station.world.set_faults({.short_counts = 1, .slow_disk = 1});
  CHECK(client.ask("RNFR /file") == 350);
  client.send("RNTO /other/moved");
  REQUIRE(site.station.world.run_until([&] { return site.station.server->context().heavy_works == 1; }));
  return client;
}

}  // namespace

TEST_CASE("a file is moved to another file system with its time and mode", "[sim][move]") {
  const auto publish = GENERATE(core::Publish::direct, core::Publish::atomic, core::Publish::durable);
  Site site(publish);
  prepare(site);
  site.station.config->uploads.file_max_bytes = 1000;  // what is here already is not stored
  Visitor& client = site.visitor();
  CHECK(client.ask("RNFR /file") == 350);
  CHECK(client.ask("RNTO /other/moved") == 250);
  CHECK(site.content("/other/moved") == content);
  CHECK_FALSE(site.files().exists("/srv/file"));
  CHECK(site.files().find("/srv/other/moved")->modified == time_ns);
  CHECK(site.files().find("/srv/other/moved")->mode == 0640);
  CHECK(client.ask("RNFR /other/moved") == 350);
  CHECK(client.ask("RNTO /back") == 250);
  CHECK(site.content("/back") == content);
  CHECK(site.files().names("/srv/other").empty());
}

TEST_CASE("a path that leads out is still told from another file system", "[sim][move]") {
  Site site;
  prepare(site);
  site.files().make_symlink("/srv/out", "../elsewhere");
  site.files().make_directory("/elsewhere");
  Visitor& client = site.visitor();
  CHECK(client.ask("RNFR /file") == 350);
  CHECK(client.ask("RNTO /out/file") == 553);
  CHECK(client.text() == "The path leads out of your root.");
  CHECK(site.content("/file") == content);
}

TEST_CASE("directories and links are told that they cannot be moved there", "[sim][move]") {
  Site site;
  prepare(site);
  site.files().make_file("/srv/dir/file", "x");
  site.files().make_symlink("/srv/link", "file");
  Visitor& client = site.visitor();
  for (const char* name : {"/dir", "/link"}) {
    CHECK(client.ask(std::string("RNFR ") + name) == 350);
    CHECK(client.ask("RNTO /other/moved") == 553);
    CHECK(client.text() == "Only files can be moved to another file system.");
    CHECK(site.files().exists(std::string("/srv") + name));
  }
  CHECK(site.files().names("/srv/other").empty());
}

TEST_CASE("a move that cannot be finished leaves the source", "[sim][move]") {
  Site site;
  prepare(site, 100'000);
  Visitor& client = site.visitor();
  CHECK(client.ask("RNFR /file") == 350);
  CHECK(client.ask("RNTO /other/moved") == 452);
  CHECK(site.content("/file") == content);
  site.station.world.run_for(io::second);
  CHECK(site.files().names("/srv/other").empty());
}

TEST_CASE("a move tells how far it is, and ABOR ends it with the source in place", "[sim][move]") {
  Site site;
  Visitor& client = begin_long_move(site);
  client.send("STAT");
  CHECK(client.wait() == 211);
  client.send("ABOR");
  CHECK(client.wait() == 426);
  CHECK(client.wait() == 226);
  site.station.world.stop_faults();
  site.station.world.run_for(io::second);
  CHECK((site.content("/file") == large()));
  CHECK(site.files().names("/srv/other").empty());
  CHECK(site.station.server->context().heavy_works == 0);
}

TEST_CASE("a file that changes while it is moved stays, with what was written", "[sim][move]") {
  Site site;
  Visitor& client = begin_long_move(site);
  site.files().set_modified("/srv/file", time_ns + 1);
  CHECK(client.wait() == 450);
  site.station.world.stop_faults();
  site.station.world.run_for(io::second);
  CHECK((site.content("/file") == large()));
  CHECK(site.files().names("/srv/other").empty());
}

TEST_CASE("whichever operation of a move fails, the file is there whole", "[sim][move]") {
  std::uint64_t n = 1;
  for (bool met = true; met && n < 500; ++n) {
    INFO("operation " << n);
    Site site(core::Publish::durable);
    prepare(site);
    site.station.disk_is_sound = false;
    Visitor& client = site.visitor();
    REQUIRE(client.ask("RNFR /file") == 350);
    site.station.world.fault_plan().fail_operation(n, EIO);
    const int code = client.ask("RNTO /other/moved");
    met = site.station.world.fault_plan().fault_met();
    site.station.world.fault_plan().fail_none();
    if (!met) CHECK(code == 250);
    if (code == 250) CHECK(site.content("/other/moved") == content);
    if (code != 250) CHECK((site.content("/file") == content || site.content("/other/moved") == content));
  }
  CHECK(n > 8);
  CHECK(n < 500);
}
