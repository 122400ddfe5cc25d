// Listings as a whole: which lines, in which order, from a directory or a tree that may change meanwhile.
#include "net/listing_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "core/limits.hpp"
#include "tests/catch.hpp"
#include "tests/open_root.hpp"
#include "tests/sim/sim_world.hpp"

namespace {

using core::ListFormat;
using core::ListOrder;
using std::string;

struct Lister {
  explicit Lister(std::uint64_t seed = 1) : world(seed), task(world.reactor()) {
    task.bind<&Lister::on_open>(*this);
    world.files().make_directory("/srv");
    root = tests::open_root(world.reactor(), roots, "/srv");
  }
  ~Lister() {
    source.reset();
    task.release();
    root.reset();
    CHECK(world.run_until([&] { return world.reactor().in_flight() == 0; }));
    CHECK(world.backend().open_descriptors() == 0);
  }
  void on_open() { opened = true; }
  static void on_pulled(void* to, std::int32_t result) {
    static_cast<Lister*>(to)->result = result;
    static_cast<Lister*>(to)->told = true;
  }

  void open(const core::TransferSpec& spec) {
    opened = false;
    task.open_directory(root, spec.path);
    REQUIRE(world.run_until([&] { return opened; }));
    source = std::make_unique<net::ListingSource>(world.reactor(), listings, root, task, spec, core::Rights{},
                                                  world.backend().wall_clock());
  }
  /// The next piece of at most `size` octets: 0 at the end, or a negative errno.
  std::int32_t pull(string& text, std::size_t size) {
    std::vector<char> piece(size);
    told = false;
    source->pull(piece, &Lister::on_pulled, this);
    REQUIRE(world.run_until([&] { return told && !source->busy(); }));
    if (result > 0) text.append(piece.data(), static_cast<std::size_t>(result));
    return result;
  }
  /// All of it, or the error.
  string list(const core::TransferSpec& spec, std::size_t size = 64) {
    open(spec);
    string text;
    while (pull(text, size) > 0) {
    }
    source.reset();
    task.release();
    return result < 0 ? std::to_string(result) : text;
  }

  sim::SimWorld world;
  net::Roots roots;
  std::shared_ptr<net::Root> root;
  net::Listings listings{1 << 20};
  net::FileTask task;
  std::unique_ptr<net::ListingSource> source;
  bool opened = false, told = false;
  std::int32_t result = 0;
};

core::TransferSpec names(ListOrder order, bool reverse = false, bool recursive = false) {
  return {.kind = core::TransferSpec::Kind::list,
          .path = "/",
          .format = ListFormat::names,
          .recursive = recursive,
          .order = order,
          .reverse = reverse};
}

std::vector<string> lines_of(const string& text) {
  std::vector<string> lines;
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != string::npos; at = end + 1)
    lines.push_back(text.substr(at, end - at));
  std::ranges::sort(lines);
  return lines;
}

}  // namespace

TEST_CASE("lines come by name, time or size, and the other way round", "[sim][listing]") {
  Lister lister;
  sim::SimFiles& files = lister.world.files();
  constexpr std::int64_t second = 1'000'000'000;
  files.make_file("/srv/b", "12345");
  files.make_file("/srv/a", "1");
  files.make_file("/srv/c", "123");
  files.set_modified("/srv/a", 10 * second);
  files.set_modified("/srv/b", 30 * second);
  files.set_modified("/srv/c", 20 * second);
  CHECK(lister.list(names(ListOrder::name)) == "a\r\nb\r\nc\r\n");
  CHECK(lister.list(names(ListOrder::name, true)) == "c\r\nb\r\na\r\n");
  CHECK(lister.list(names(ListOrder::time)) == "b\r\nc\r\na\r\n");
  CHECK(lister.list(names(ListOrder::size)) == "b\r\nc\r\na\r\n");
  CHECK(lister.list(names(ListOrder::size, true)) == "a\r\nc\r\nb\r\n");
}

TEST_CASE("of a large directory a block at a time is in order", "[sim][listing]") {
  Lister lister;
  const string filler(200, 'x');
  constexpr int count = 4000;
  for (int i = 0; i < count; ++i) lister.world.files().make_file("/srv/" + std::to_string(i) + filler, "");
  const string text = lister.list(names(ListOrder::name, true), 64 * 1024);
  CHECK(std::ranges::count(text, '\n') == count);
  CHECK(text.size() > 2 * core::limits::ordered_text_max);
  std::size_t turns = 0;
  for (std::size_t at = 0, next = 0; (next = text.find('\n', at) + 1) < text.size(); at = next)
    turns += text.compare(at, 8, text, next, 8) < 0 ? 1 : 0;
  CHECK(turns > 0);
  CHECK(turns < 5);
}

TEST_CASE("a tree is listed depth first, links are not entered", "[sim][listing]") {
  Lister lister;
  sim::SimFiles& files = lister.world.files();
  for (const char* path : {"/srv/a/inner/deep", "/srv/a/two", "/srv/b/three", "/srv/top"}) files.make_file(path, "x");
  files.make_symlink("/srv/loop", "a");
  const string in_order = lister.list(names(ListOrder::name, false, true));
  CHECK(in_order == "a\r\nb\r\nloop\r\ntop\r\na/inner\r\na/two\r\na/inner/deep\r\nb/three\r\n");
  CHECK(lines_of(lister.list(names(ListOrder::none, false, true))) == lines_of(in_order));
  core::TransferSpec lines = names(ListOrder::name, false, true);
  lines.format = ListFormat::list;
  const string text = lister.list(lines, 1000);
  CHECK(text.starts_with(".:\r\n"));
  std::size_t at = 0;
  for (const char* heading : {"\r\n\r\n./a:\r\n", "\r\n\r\n./a/inner:\r\n", "\r\n\r\n./b:\r\n"}) {
    at = text.find(heading, at);
    CHECK(at != string::npos);
  }
  core::TransferSpec machines = names(ListOrder::name, false, true);
  machines.format = ListFormat::machine;
  machines.facts.set(core::Fact::type);
  CHECK(lister.list(machines) ==
        "type=cdir; .\r\ntype=dir; a\r\ntype=dir; b\r\ntype=OS.unix=slink:a; loop\r\ntype=file; top\r\n"
        "type=dir; a/inner\r\ntype=file; a/two\r\ntype=file; a/inner/deep\r\ntype=file; b/three\r\n");
}

TEST_CASE("a directory that vanishes or is closed to the server has no lines in a tree", "[sim][listing]") {
  Lister lister;
  sim::SimFiles& files = lister.world.files();
  files.make_file("/srv/a/one", "x");
  files.make_file("/srv/b/two", "x");
  lister.open(names(ListOrder::name, false, true));
  string text;
  CHECK(lister.pull(text, 64) > 0);
  CHECK(text == "a\r\nb\r\n");
  files.remove("/srv/a/one");
  files.remove("/srv/a");
  while (lister.pull(text, 64) > 0) {
  }
  CHECK(lister.result == 0);
  CHECK(text == "a\r\nb\r\nb/two\r\n");
}

TEST_CASE("a tree that is too deep ends with an error", "[sim][listing]") {
  Lister lister;
  string path = "/srv";
  for (std::size_t i = 0; i < core::limits::tree_depth_max + 2; ++i) path += "/d";
  lister.world.files().make_directory(path);
  CHECK(lister.list(names(ListOrder::name, false, true)) == std::to_string(-E2BIG));
}

TEST_CASE("a listing that is cancelled says so once", "[sim][listing]") {
  Lister lister;
  lister.world.files().make_file("/srv/a/b/c", "x");
  lister.open(names(ListOrder::name, false, true));
  string text;
  for (int pulls = GENERATE(0, 1, 2); pulls > 0; --pulls) lister.pull(text, 64);
  std::array<char, 64> piece{};
  lister.told = false;
  lister.source->pull(piece, &Lister::on_pulled, &lister);
  lister.source->cancel();
  REQUIRE(lister.world.run_until([&] { return lister.told && !lister.source->busy(); }));
  CHECK((lister.result == -ECANCELED || lister.result > 0));
}
