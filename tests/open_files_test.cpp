// Files that are kept open: found again only while the path leads to them.
#include "net/open_files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string>

#include "net/storage.hpp"
#include "tests/catch.hpp"
#include "tests/open_root.hpp"
#include "tests/sim/sim_world.hpp"

namespace {

using std::string;

struct Shelf {
  explicit Shelf(std::size_t limit = 10, int descriptors = std::numeric_limits<int>::max())
      : files(world.reactor(), limit, descriptors), task(world.reactor(), &files) {
    task.bind<&Shelf::on_done>(*this);
    world.files().make_file("/srv/a/b/file", "old");
    world.files().make_file("/srv/a/b/other", "other");
    world.files().make_directory("/elsewhere");
    root = tests::open_root(world.reactor(), roots, "/srv");
    world.run_for(io::second);  // nothing has changed lately
  }
  ~Shelf() {
    task.release();
    files.close();
    root.reset();
    CHECK(world.run_until([&] { return world.reactor().in_flight() == 0; }));
    CHECK(world.backend().open_descriptors() == 0);
  }
  void on_done() { done = true; }

  /// What RETR would send, or the error.
  string read(const string& path) {
    done = false;
    files.doubt();
    task.open_for_reading(root, path);
    REQUIRE(world.run_until([&] { return done; }));
    if (task.error() != 0) return std::to_string(task.error());
    std::array<char, 16> octets{};
    string text;
    reading.bind<&Shelf::on_read>(*this);
    reading.read(task.file(), octets, 0);
    world.reactor().submit(reading);
    REQUIRE(world.run_until([&] { return reading.idle(); }));
    text.assign(octets.data(), static_cast<std::size_t>(reading.result));
    task.release();
    return text;
  }
  void on_read(io::Op&) {}

  /// Reads until the file is kept: its directories are learnt one after another.
  void warm(const string& path) {
    const std::size_t before = files.size();
    for (int i = 0; i < 10 && files.size() == before; ++i) {
      read(path);
      world.run_for(2 * io::millisecond);
    }
    REQUIRE(files.size() == before + 1);
  }
  int of(const string& path) {
    files.doubt();
    return files.find(root, path) != nullptr ? 1 : 0;
  }

  sim::SimWorld world{1};
  net::Roots roots;
  std::shared_ptr<net::Root> root;
  net::OpenFiles files;
  net::FileTask task;
  io::Op reading;
  bool done = false;
};

}  // namespace

TEST_CASE("a file that is read again is found open", "[open_files]") {
  Shelf shelf;
  CHECK(shelf.read("/a/b/file") == "old");
  CHECK(shelf.files.size() == 0);  // of its directories nothing is known yet
  shelf.warm("/a/b/file");
  const std::size_t before = shelf.world.backend().open_descriptors();
  CHECK(shelf.of("/a/b/file") == 1);
  CHECK(shelf.read("/a/b/file") == "old");
  CHECK(shelf.world.backend().open_descriptors() == before);
  shelf.warm("/a/b/other");  // in a directory that is known
  CHECK(shelf.read("/a/b/other") == "other");
}

TEST_CASE("a kept file is not found where its path no longer leads to it", "[open_files]") {
  Shelf shelf;
  shelf.warm("/a/b/file");
  sim::SimFiles& on_disk = shelf.world.files();
  string expected = "new";
  SECTION("another file under its name") { on_disk.make_file("/srv/a/b/file", "new"); }
  SECTION("written in place") {
    auto file = on_disk.open(nullptr, "/srv/a/b/file", {.flags = O_WRONLY, .mode = 0, .resolve = 0});
    REQUIRE(file);
    REQUIRE(on_disk.write(*file, {"new", 3}, 0) == 3);
  }
  SECTION("removed") {
    on_disk.remove("/srv/a/b/file");
    expected = std::to_string(ENOENT);
  }
  SECTION("another directory under the name of its own") {
    on_disk.remove("/srv/a/b");
    on_disk.make_file("/srv/a/b/file", "new");
  }
  SECTION("another directory further up") {
    on_disk.remove("/srv/a");
    on_disk.make_file("/srv/a/b/file", "new");
  }
  SECTION("a link in place of a directory") {
    on_disk.remove("/srv/a");
    on_disk.make_file("/srv/c/b/file", "new");
    on_disk.make_symlink("/srv/a", "c");
  }
  SECTION("a link that leads out, in place of a directory") {
    on_disk.remove("/srv/a");
    on_disk.make_file("/elsewhere/b/file", "secret");
    on_disk.make_symlink("/srv/a", "../elsewhere");
    expected = std::to_string(EXDEV);
  }
  shelf.world.run_for(io::millisecond);
  CHECK(shelf.read("/a/b/file") == expected);
}

TEST_CASE("what may change unnoticed is not kept", "[open_files]") {
  Shelf shelf;
  sim::SimFiles& on_disk = shelf.world.files();
  const auto never_kept = [&](const string& path) {
    for (int i = 0; i < 10; ++i) {
      shelf.read(path);
      shelf.world.run_for(2 * io::millisecond);
      if (shelf.files.size() != 0) return false;
    }
    return true;
  };
  SECTION("a link to a file") {
    on_disk.make_symlink("/srv/a/b/link", "file");
    shelf.world.run_for(io::second);
    CHECK(shelf.read("/a/b/link") == "old");
    CHECK(never_kept("/a/b/link"));
  }
  SECTION("a file behind a link to a directory") {
    on_disk.make_symlink("/srv/link", "a");
    shelf.world.run_for(io::second);
    CHECK(never_kept("/link/b/file"));
  }
  SECTION("a file in a directory that has just changed") {
    const auto changing = [&] { on_disk.make_file("/srv/a/b/more", "more"); };
    for (int i = 0; i < 30; ++i) {
      changing();
      CHECK(shelf.read("/a/b/file") == "old");
      shelf.world.run_for(2 * io::millisecond);
    }
    CHECK(shelf.files.size() == 0);
  }
  SECTION("a large file: what it takes on the disk would not be free when it is removed") {
    on_disk.make_file("/srv/a/b/large", string((1 << 20) + 1, 'x'));
    shelf.world.run_for(io::second);
    CHECK(never_kept("/a/b/large"));
  }
}

TEST_CASE("few files are kept open, and not for long", "[open_files]") {
  Shelf shelf(2);
  for (const char* name : {"1", "2", "3", "4"}) shelf.world.files().make_file(string("/srv/") + name, name);
  shelf.world.run_for(io::second);
  shelf.warm("/1");
  shelf.read("/2");
  shelf.read("/3");
  CHECK(shelf.files.size() == 2);
  CHECK(shelf.of("/1") == 0);
  CHECK(shelf.of("/3") == 1);
  shelf.world.run_for(5 * io::second);
  CHECK(shelf.files.size() == 0);
  CHECK(shelf.world.backend().open_descriptors() == 1);  // the root
}

TEST_CASE("files that are kept leave descriptors to others", "[open_files]") {
  constexpr int kept_below = 20;
  Shelf shelf(1000, (sim::SimBackend::first_descriptor + kept_below) / 7 * 8);
  shelf.world.backend().reuse_numbers = true;
  for (int i = 0; i < 60; ++i) shelf.world.files().make_file("/srv/" + std::to_string(i), "x");
  shelf.world.run_for(io::second);
  shelf.warm("/0");
  std::size_t most = 0;
  for (int i = 0; i < 60; ++i) {
    CHECK(shelf.read("/" + std::to_string(i)) == "x");
    most = std::max(most, shelf.world.backend().open_descriptors());
  }
  CHECK(most > kept_below / 2);
  CHECK(most <= kept_below + 5);
}

TEST_CASE("a file that is being read stays open when it is kept no longer", "[open_files]") {
  Shelf shelf;
  shelf.warm("/a/b/file");
  shelf.task.open_for_reading(shelf.root, "/a/b/file");
  shelf.done = false;
  REQUIRE(shelf.world.run_until([&] { return shelf.done; }));
  shelf.files.close();
  std::array<char, 16> octets{};
  shelf.reading.bind<&Shelf::on_read>(shelf);
  shelf.reading.read(shelf.task.file(), octets, 0);
  shelf.world.reactor().submit(shelf.reading);
  REQUIRE(shelf.world.run_until([&] { return shelf.reading.idle(); }));
  CHECK(string(octets.data(), 3) == "old");
}
