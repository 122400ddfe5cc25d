// A path opened name by name leads where openat2(2) leads, to the errno; and nowhere outside, whoever renames
// meanwhile.
#include "io/beneath.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "io/fd.hpp"
#include "tests/catch.hpp"

namespace {

using std::string;

struct Tree {
  Tree() {
    char made[] = "/tmp/millrace-beneath-XXXXXX";
    top = ::mkdtemp(made);
    std::filesystem::create_directories(top / "root");
    root = io::Fd(::open((top / "root").c_str(), O_PATH | O_DIRECTORY));
  }
  ~Tree() { std::filesystem::remove_all(top); }

  std::filesystem::path top;
  io::Fd root;
};

/// Device and inode of what was opened, or the error's name.
string outcome(int opened) {
  const io::Fd fd(opened);
  if (opened < 0) return strerrorname_np(-opened);
  struct stat facts{};
  return ::fstat(opened, &facts) == 0 ? fmt::format("{}:{}", facts.st_dev, facts.st_ino) : "fstat";
}

}  // namespace

TEST_CASE("a walk by names ends where openat2 ends", "[io][beneath][SE-11]") {
  Tree tree;
  REQUIRE(io::why_no_openat2().empty());
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto pick = [&](const auto& from) { return string(from[random() % std::size(from)]); };
  constexpr const char* names[] = {"a", "b", "c", "d", "..", ".", "a/", "..", "/etc", "", "a/b", "missing", "//a"};
  constexpr const char* made[] = {"a", "b", "c", "d"};
  const auto path = [&] {
    string all = pick(names);
    for (unsigned i = random() % 5; i > 0; --i) all += "/" + pick(names);
    return all;
  };
  for (int round = 0; round < 60; ++round) {
    std::filesystem::remove_all(tree.top / "root" / "a");
    for (int i = 0; i < 12; ++i) {
      string at = (tree.top / "root").string();
      for (unsigned depth = 1 + random() % 3; depth > 0; --depth) at += "/" + pick(made);
      std::error_code ignored;
      switch (random() % 4) {
        case 0: std::filesystem::create_directories(at, ignored); break;
        case 1: io::Fd(::open(at.c_str(), O_CREAT | O_WRONLY, 0644)); break;
        default: std::filesystem::create_symlink(path(), at, ignored);
      }
    }
    constexpr std::uint64_t flags[] = {O_PATH,
                                       O_PATH | O_NOFOLLOW,
                                       O_PATH | O_DIRECTORY,
                                       O_RDONLY | O_NONBLOCK,
                                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                       O_RDONLY | O_NOFOLLOW,
                                       O_WRONLY | O_NONBLOCK};
    for (int i = 0; i < 60; ++i) {
      const string wanted = path();
      for (const std::uint64_t flag : flags)
        for (const std::uint64_t more : {std::uint64_t{0}, std::uint64_t{RESOLVE_NO_SYMLINKS}}) {
          const open_how how{
              .flags = flag | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | more};
          INFO(wanted << " flags " << std::oct << flag << " resolve " << more);
          CHECK(outcome(io::open_by_names(tree.root.get(), wanted.c_str(), how)) ==
                outcome(io::open_beneath(tree.root.get(), wanted.c_str(), how)));
        }
    }
  }
}

TEST_CASE("a walk by names makes files where openat2 makes them", "[io][beneath]") {
  Tree tree;
  const auto at = tree.top / "root";
  std::filesystem::create_directory(at / "dir");
  std::filesystem::create_symlink("dir/new", at / "dangling");
  std::filesystem::create_symlink("../out", at / "leak");
  const auto make = [&](const char* path, std::uint64_t more) {
    return outcome(
        io::open_by_names(tree.root.get(), path,
                          {.flags = O_WRONLY | O_CREAT | O_CLOEXEC | more, .mode = 0640, .resolve = RESOLVE_BENEATH}));
  };
  CHECK(make("dangling", O_EXCL) == "EEXIST");
  make("dangling", 0);
  CHECK(std::filesystem::exists(at / "dir/new"));
  CHECK(make("leak", 0) == "EXDEV");
  CHECK(make("dir", 0) == "EISDIR");
  CHECK_FALSE(std::filesystem::exists(tree.top / "out"));
}

TEST_CASE("nobody who renames and links meanwhile leads a walk out", "[io][beneath][SE-11]") {
  Tree tree;
  const auto at = tree.top / "root";
  std::filesystem::create_directories(at / "a/b/c");
  std::filesystem::create_directories(tree.top / "outside");
  io::Fd(::open((tree.top / "outside/secret").c_str(), O_CREAT | O_WRONLY, 0644));
  struct stat secret{};
  REQUIRE(::stat((tree.top / "outside/secret").c_str(), &secret) == 0);
  std::filesystem::create_symlink("../../../../outside", at / "a/b/c/up");
  std::filesystem::create_symlink("c/../../b/c/../../../outside", at / "a/b/round");
  std::atomic<bool> over = false;
  std::thread other([&] {
    const string in = (at / "a/b").string(), out = (tree.top / "moved").string(), link = (at / "a/b2").string();
    while (!over) {
      ::rename(in.c_str(), out.c_str());
      ::symlink("../../outside", in.c_str());
      ::unlink(in.c_str());
      ::rename(out.c_str(), in.c_str());
    }
  });
  for (int i = 0; i < 20'000; ++i) {
    for (const char* path : {"a/b/c/up/secret", "a/b/round/secret", "a/b/secret", "a/b/c/../../../outside/secret"}) {
      const io::Fd opened(io::open_by_names(tree.root.get(), path,
                                            {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH}));
      if (opened.get() < 0) continue;
      struct stat facts{};
      REQUIRE(::fstat(opened.get(), &facts) == 0);
      REQUIRE(facts.st_ino != secret.st_ino);
    }
  }
  over = true;
  other.join();
}
