// Which listings are kept, and until when: on this system's own directories, for the kernel is who tells of changes.
#include "net/listings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "io/fd.hpp"
#include "tests/catch.hpp"

using net::Listings;
using std::string;

namespace {

constexpr std::int64_t now_s = 1'000'000;
constexpr std::size_t room = 1024 * 1024;

struct Site {
  Site() {
    string name = "/tmp/millrace-listings-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    std::filesystem::create_directory(path / "listed");
    std::filesystem::create_directory(path / "beside");
    write("listed/file", "one");
    directory = io::Fd(::open((path / "listed").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(io::changes_are_told(directory.get()));
    listings.learn(key.device, true);
  }
  ~Site() { std::filesystem::remove_all(path); }
  void write(const string& name, const string& content) const { std::ofstream(path / name) << content; }
  bool keep(const Listings::Key& of, const string& text) {
    auto listing = listings.begin(of, itself, directory.get(), now_s);
    if (!listing || !listing->append(text)) return false;
    listings.keep(std::move(listing));
    return true;
  }
  bool kept() { return listings.find(key, itself, now_s) != nullptr; }

  std::filesystem::path path;
  io::Fd directory;
  Listings::Key key{.device = 1, .inode = 2};
  core::Entry itself;
  Listings listings{room};
};

}  // namespace

TEST_CASE("a listing is kept for who asks for the same", "[listings]") {
  Site site;
  CHECK_FALSE(site.kept());
  REQUIRE(site.keep(site.key, "text"));
  const auto found = site.listings.find(site.key, site.itself, now_s);
  REQUIRE(found);
  CHECK(found->text() == "text");
  const auto differs = [&](const std::function<void(Listings::Key&)>& change) {
    Listings::Key other = site.key;
    change(other);
    return site.listings.find(other, site.itself, now_s) == nullptr;
  };
  CHECK(differs([](Listings::Key& key) { ++key.device; }));
  CHECK(differs([](Listings::Key& key) { ++key.inode; }));
  CHECK(differs([](Listings::Key& key) { ++key.mount; }));
  CHECK(differs([](Listings::Key& key) { key.format = core::ListFormat::machine; }));
  CHECK(differs([](Listings::Key& key) { key.facts.set(core::Fact::size); }));
  CHECK(differs([](Listings::Key& key) { key.rights.set(core::Right::read); }));
  CHECK(differs([](Listings::Key& key) { key.hidden = true; }));
  CHECK(differs([](Listings::Key& key) { key.reverse = true; }));
  CHECK(differs([](Listings::Key& key) { key.order = core::ListOrder::time; }));
  CHECK(differs([](Listings::Key& key) { key.prefix = "pub"; }));
}

TEST_CASE("what changes in a directory ends what was kept of it", "[listings]") {
  Site site;
  const auto ends = [&](const std::function<void()>& change) {
    if (!site.keep(site.key, "text") || !site.kept()) return false;
    change();
    return !site.kept();
  };
  const auto file = site.path / "listed/file", outside = site.path / "beside/other";
  CHECK(ends([&] { site.write("listed/new", ""); }));
  CHECK(ends([&] { site.write("listed/new", "longer"); }));
  CHECK(ends([&] { std::ofstream(file, std::ios::app) << "more"; }));
  CHECK(ends([&] { CHECK(::truncate(file.c_str(), 1) == 0); }));
  CHECK(ends([&] { CHECK(::chmod(file.c_str(), 0600) == 0); }));
  CHECK(ends([&] { std::filesystem::last_write_time(file, std::filesystem::file_time_type()); }));
  CHECK(ends([&] { std::filesystem::rename(file, site.path / "listed/moved"); }));
  CHECK(ends([&] { std::filesystem::rename(site.path / "listed/moved", outside); }));
  CHECK(ends([&] { std::filesystem::rename(outside, file); }));
  CHECK(ends([&] { std::filesystem::create_symlink("file", site.path / "listed/link"); }));
  CHECK(ends([&] { std::filesystem::create_directory(site.path / "listed/below"); }));
  CHECK(ends([&] { CHECK(::chmod((site.path / "listed/below").c_str(), 0700) == 0); }));
  CHECK(ends([&] { std::filesystem::remove(site.path / "listed/below"); }));
  CHECK(ends([&] { std::filesystem::remove(file); }));
  CHECK(ends([&] { CHECK(::chmod((site.path / "listed").c_str(), 0700) == 0); }));
  CHECK(ends([&] { site.itself.links = 7; }));
  CHECK_FALSE(ends([&] { site.write("beside/new", ""); }));
  CHECK_FALSE(ends([&] { std::ifstream(site.path / "listed/new").get(); }));
}

TEST_CASE("what changes while a listing is made keeps it from being kept", "[listings]") {
  Site site;
  auto early = site.listings.begin(site.key, site.itself, site.directory.get(), now_s);
  REQUIRE(early);
  SECTION("and is told at its end") { site.write("listed/new", ""); }
  SECTION("or when somebody asks meanwhile") {
    Listings::Key other = site.key;
    other.prefix = "other";
    REQUIRE(site.keep(other, "text"));
    site.write("listed/new", "");
    CHECK(site.listings.find(other, site.itself, now_s) == nullptr);
    REQUIRE(site.keep(other, "text"));
  }
  site.listings.keep(std::move(early));
  CHECK_FALSE(site.kept());
}

TEST_CASE("a listing with times in it is good for a time", "[listings]") {
  Site site;
  auto listing = site.listings.begin(site.key, site.itself, site.directory.get(), now_s);
  std::int64_t until_s = now_s + 10;  // what is done to a file by a name elsewhere is not told: so late is it seen
  SECTION("of ten seconds") {}
  SECTION("or less, where a line changes") {
    listing->limit(now_s + 5);
    listing->limit(now_s + 7);
    until_s = now_s + 5;
  }
  site.listings.keep(std::move(listing));
  CHECK(site.listings.find(site.key, site.itself, until_s - 1) != nullptr);
  CHECK(site.listings.find(site.key, site.itself, until_s) == nullptr);
}

TEST_CASE("a clock that is set back ends what was kept", "[listings]") {
  Site site;
  REQUIRE(site.keep(site.key, "text"));
  CHECK(site.listings.find(site.key, site.itself, now_s - 1) == nullptr);
}

TEST_CASE("a line's time reads the same until it is said", "[listing]") {
  const auto line = [](std::int64_t modified_s, std::int64_t at_s) {
    string text;
    core::append_list_line(text, {.modified = modified_s * 1'000'000'000}, "name", at_s);
    return text;
  };
  for (const std::int64_t modified_s : {now_s - 5, now_s + 30, now_s + 100'000, now_s - 100'000'000}) {
    const std::int64_t until_s = core::list_line_holds_until({.modified = modified_s * 1'000'000'000}, now_s);
    CHECK(until_s > now_s);
    if (until_s == INT64_MAX) continue;
    CHECK(line(modified_s, until_s - 1) == line(modified_s, now_s));
    CHECK(line(modified_s, until_s) != line(modified_s, now_s));
  }
}

TEST_CASE("listings take the room they may and no more", "[listings]") {
  Site site;
  const string large(room / 4, 'x'), fifth(room / 5, 'x');
  CHECK_FALSE(site.keep(site.key, large));  // with what it takes besides
  CHECK(site.listings.held() == 0);
  Listings::Key key = site.key;
  for (key.inode = 10; key.inode < 20; ++key.inode) {
    REQUIRE(site.keep(key, fifth));
    CHECK(site.listings.held() <= room);
    CHECK(site.listings.find({.device = 1, .inode = 10}, site.itself, now_s) !=
          nullptr);  // asked for, so the last to go
  }
  CHECK(site.listings.find({.device = 1, .inode = 11}, site.itself, now_s) == nullptr);
  // What is being sent is not free: with all of it on the way nothing is made.
  std::vector<std::shared_ptr<const Listings::Listing>> sent;
  for (key.inode = 10; key.inode < 20; ++key.inode)
    if (auto listing = site.listings.find(key, site.itself, now_s)) sent.push_back(std::move(listing));
  CHECK(sent.size() == 4);
  key.inode = 30;
  CHECK_FALSE(site.keep(key, fifth));
  sent.clear();
  CHECK(site.keep(key, fifth));
  site.listings.resize(room);
  CHECK(site.listings.held() == 0);
}

TEST_CASE("with many entries to be looked at again a listing is not kept", "[listings]") {
  Site site;
  auto listing = site.listings.begin(site.key, site.itself, site.directory.get(), now_s);
  int count = 0;
  while (listing->append("below", core::Entry())) ++count;
  CHECK(count == 64);
}

TEST_CASE("nothing is kept where changes are not told, of a very large directory, or where nothing may be",
          "[listings]") {
  Site site;
  site.listings.learn(site.key.device, false);
  CHECK(site.listings.begin(site.key, site.itself, site.directory.get(), now_s) == nullptr);
  const io::Fd proc(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_FALSE(io::changes_are_told(proc.get()));
  site.listings.learn(site.key.device, true);
  site.itself.size = 2'000'000;
  CHECK(site.listings.begin(site.key, site.itself, site.directory.get(), now_s) == nullptr);
  Listings none(0);
  CHECK_FALSE(none.enabled());
  CHECK(none.begin(site.key, site.itself, site.directory.get(), now_s) == nullptr);
  CHECK(none.find(site.key, site.itself, now_s) == nullptr);
}
