// The simulated file system by itself, and against the kernel's: random calls on a small tree must
// have the same results on both.
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/dir_batch.hpp"
#include "tests/catch.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/sim_files.hpp"

namespace {

using sim::OpenFile;
using sim::SimFiles;

open_how how(int flags, unsigned mode = 0, std::uint64_t resolve = RESOLVE_BENEATH) {
  open_how result{};
  result.flags = static_cast<unsigned>(flags);
  result.mode = mode;
  result.resolve = resolve;
  return result;
}

struct Fixture {
  sim::Timeline timeline;
  SimFiles files{timeline};
  OpenFile root = directory("/");

  OpenFile directory(const char* path) { return files.open(nullptr, path, how(O_PATH | O_DIRECTORY, 0, 0)).value(); }
  int error_of(const char* path, int flags, unsigned mode = 0, std::uint64_t resolve = RESOLVE_BENEATH) {
    const auto opened = files.open(&root, path, how(flags, mode, resolve));
    return opened ? 0 : opened.error();
  }
  struct statx stat_of(const char* path, int flags = 0) {
    struct statx facts{};
    REQUIRE(files.stat(nullptr, path, flags, facts) == 0);
    return facts;
  }
};

}  // namespace

TEST_CASE("a sparse file takes no more room than what was written", "[sim]") {
  Fixture f;
  auto file = f.files.open(&f.root, "big", how(O_CREAT | O_RDWR, 0644)).value();
  constexpr std::int64_t far = std::int64_t{5} << 30;
  CHECK(f.files.write(file, std::string_view{"end"}, far) == 3);
  CHECK(f.files.space().used == 4096);
  CHECK(f.stat_of("/big").stx_size == static_cast<std::uint64_t>(far + 3));
  CHECK(f.stat_of("/big").stx_blocks == 8);
  std::string back(8, 'x');
  CHECK(f.files.read(file, back, far - 5) == 8);
  CHECK(back == std::string("\0\0\0\0\0end", 8));
  CHECK(f.files.read(file, back, far + 3) == 0);

  CHECK(f.files.allocate(file, FALLOC_FL_KEEP_SIZE, 0, far) == 0);
  CHECK(f.files.space().used == far + 4096);
  CHECK(f.files.truncate(file, 10) == 0);
  CHECK(f.files.space().used == 4096);
  CHECK(f.files.truncate(file, 4096 + 3) == 0);
  CHECK(f.files.read(file, back, 4094) == 5);
}

TEST_CASE("a full disk takes what fits and then gives ENOSPC", "[sim]") {
  Fixture f;
  f.files.space().capacity = 2 * 4096;
  auto file = f.files.open(&f.root, "f", how(O_CREAT | O_RDWR, 0644)).value();
  const std::string three_pages(3 * 4096, 'p');
  CHECK(f.files.write(file, three_pages, 0) == 2 * 4096);
  CHECK(f.files.write(file, three_pages, 2 * 4096) == -ENOSPC);
  CHECK(f.files.write(file, std::string_view{"rewritten"}, 0) == 9);
  CHECK(f.files.allocate(file, 0, 0, 3 * 4096) == -ENOSPC);
  CHECK(f.files.unlink(&f.root, "f", 0) == 0);
  CHECK(f.files.space().used == 2 * 4096);  // still open
  file = OpenFile{};
  CHECK(f.files.space().used == 0);
}

TEST_CASE("paths do not lead out of the root", "[sim]") {
  Fixture f;
  f.files.make_file("/secret", "s");
  f.files.make_file("/srv/in", "i");
  f.files.make_symlink("/srv/up", "../secret");
  f.files.make_symlink("/srv/absolute", "/srv/in");
  f.files.make_symlink("/srv/good", "./in");
  f.files.make_symlink("/srv/loop", "loop");
  f.root = f.directory("/srv");
  CHECK(f.error_of("in", O_RDONLY) == 0);
  CHECK(f.error_of("good", O_RDONLY) == 0);
  CHECK(f.error_of("../secret", O_RDONLY) == EXDEV);
  CHECK(f.error_of("/srv/in", O_RDONLY) == EXDEV);
  CHECK(f.error_of("up", O_RDONLY) == EXDEV);
  CHECK(f.error_of("absolute", O_RDONLY) == EXDEV);
  CHECK(f.error_of("up", O_RDONLY, 0, 0) == 0);
  CHECK(f.error_of("absolute", O_RDONLY, 0, RESOLVE_IN_ROOT) == ENOENT);
  CHECK(f.error_of("loop", O_RDONLY) == ELOOP);
  CHECK(f.error_of("good", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) == ELOOP);
  CHECK(f.error_of("good", O_RDONLY | O_NOFOLLOW) == ELOOP);
  CHECK(f.error_of("good", O_PATH | O_NOFOLLOW) == 0);
  CHECK(f.error_of(std::string(256, 'n').c_str(), O_RDONLY) == ENAMETOOLONG);
}

TEST_CASE("an unnamed file gets a name by linking", "[sim]") {
  Fixture f;
  auto file = f.files.open(&f.root, ".", how(O_TMPFILE | O_RDWR, 0644)).value();
  CHECK(f.files.write(file, std::string_view{"new"}, 0) == 3);
  CHECK(f.files.names("/").empty());
  f.files.make_file("/taken", "old");
  CHECK(f.files.link(&file, "", &f.root, "taken", AT_EMPTY_PATH) == -EEXIST);
  CHECK(f.files.link(&file, "", &f.root, "free", AT_EMPTY_PATH) == 0);
  CHECK(f.files.content("/free") == "new");
  CHECK(f.files.content("/taken") == "old");
}

TEST_CASE("opening a FIFO without its other end blocks, or gives ENXIO", "[sim]") {
  Fixture f;
  f.files.make_fifo("/fifo");
  CHECK(f.error_of("fifo", O_RDONLY) == SimFiles::blocks);
  CHECK(f.error_of("fifo", O_RDONLY | O_NONBLOCK) == 0);
  CHECK(f.error_of("fifo", O_WRONLY | O_NONBLOCK) == ENXIO);
}

TEST_CASE("modes hinder the owner", "[sim]") {
  Fixture f;
  f.files.make_file("/locked/file", "x", 0200);
  CHECK(f.error_of("locked/file", O_RDONLY) == EACCES);
  CHECK(f.error_of("locked/file", O_WRONLY) == 0);
  f.files.set_mode("/locked", 0500);
  CHECK(f.error_of("locked/new", O_WRONLY | O_CREAT, 0644) == EACCES);
  CHECK(f.files.unlink(&f.root, "locked/file", 0) == -EACCES);
  f.files.set_mode("/locked", 0600);
  CHECK(f.error_of("locked/file", O_WRONLY) == EACCES);
}

TEST_CASE("a directory is read in batches, whatever changes meanwhile", "[sim]") {
  Fixture f;
  constexpr int count = 3000;
  for (int i = 0; i < count; ++i) f.files.make_file("/srv/file" + std::to_string(i), "x");
  f.files.make_symlink("/srv/link", "file7");
  f.files.make_symlink("/srv/out", "../../etc");
  auto root = f.directory("/srv");
  auto directory = f.files.open(&root, ".", how(O_RDONLY | O_DIRECTORY)).value();
  io::DirBatch batch;
  batch.below_root = ".";
  std::map<std::string, bool> seen;
  int batches = 0;
  while (f.files.read_dir(directory, &root, batch) > 0) {
    ++batches;
    for (const io::DirEntry& entry : batch.entries) {
      CHECK(seen.emplace(entry.name, entry.is_link).second);
      REQUIRE(entry.has_facts);
      CHECK(S_ISLNK(entry.facts.stx_mode) == entry.is_link);
      CHECK((entry.link != nullptr) == entry.is_link);
      if (entry.is_link) CHECK(entry.link->leads_out == (entry.name == "out"));
    }
    f.files.remove("/srv/" + std::string{batch.entries.front().name});
  }
  CHECK(batches > 2);
  CHECK(seen.size() == count + 2);
  CHECK(seen.at("link"));
}

// ---- Against the kernel. ----

namespace {

/// The same calls on both, below one directory each.
struct Twins {
  /// Deep enough that no path of a test leads above what is the same on both.
  static constexpr const char* depth = "/1/2/3/4/5/6/7/8/9/10/11/12";

  explicit Twins(const std::string& below) {
    std::filesystem::create_directories(below + depth);
    kernel = ::open((below + depth).c_str(), O_PATH | O_DIRECTORY);
    simulated.umask = 022;  // as the kernel's, below
    simulated.make_directory(depth);
    root = simulated.open(nullptr, depth, how(O_PATH | O_DIRECTORY, 0, 0)).value();
  }
  ~Twins() { ::close(kernel); }

  static int result(long from) { return from < 0 ? -errno : static_cast<int>(from); }

  std::pair<int, int> open(const char* path, const open_how& as) {
    open_how copy = as;
    const int theirs = result(::syscall(SYS_openat2, kernel, path, &copy, sizeof copy));
    const auto ours = simulated.open(&root, path, as);
    if (theirs >= 0 && ours && (as.flags & O_ACCMODE) != O_RDONLY && (as.flags & O_PATH) == 0) write(theirs, *ours);
    if (theirs >= 0) ::close(theirs);
    return {theirs >= 0 ? 0 : theirs, ours ? 0 : -ours.error()};
  }
  void write(int theirs, OpenFile ours) {
    const std::string text = "text " + std::to_string(++written);
    CHECK(::pwrite(theirs, text.data(), text.size(), written % 7) == simulated.write(ours, text, written % 7));
  }
  std::pair<int, int> stat(const char* path, int flags) {
    struct statx theirs{};
    struct statx ours{};
    const int their_result = result(::statx(kernel, path, flags, STATX_BASIC_STATS, &theirs));
    const int our_result = simulated.stat(&root, path, flags, ours);
    if (their_result == 0 && our_result == 0) {
      CHECK(theirs.stx_mode == ours.stx_mode);
      if (!S_ISDIR(ours.stx_mode)) CHECK(theirs.stx_size == ours.stx_size);
      if (!S_ISDIR(ours.stx_mode)) CHECK(theirs.stx_nlink == ours.stx_nlink);
    }
    return {their_result, our_result};
  }
  std::pair<int, int> symlink(const std::string& name, const char* target) {
    const int theirs = result(::symlinkat(target, kernel, name.c_str()));
    if (theirs == 0) simulated.make_symlink(depth + ("/" + name), target);
    return {theirs, theirs};
  }
  std::pair<int, int> make_dir(const char* path) {
    return {result(::mkdirat(kernel, path, 0777)), simulated.make_dir(&root, path, 0777)};
  }
  std::pair<int, int> unlink(const char* path, int flags) {
    return {result(::unlinkat(kernel, path, flags)), simulated.unlink(&root, path, flags)};
  }
  std::pair<int, int> rename(const char* from, const char* to, unsigned flags) {
    return {result(::renameat2(kernel, from, kernel, to, flags)), simulated.rename(&root, from, &root, to, flags)};
  }
  std::pair<int, int> link(const char* from, const char* to, int flags) {
    return {result(::linkat(kernel, from, kernel, to, flags)), simulated.link(&root, from, &root, to, flags)};
  }
  std::pair<int, int> set_mode(const char* path, unsigned mode) {
    return {result(::fchmodat(kernel, path, mode, 0)), result_of_followed_set_mode(path, mode)};
  }
  int result_of_followed_set_mode(const char* path, unsigned mode) {
    const auto opened = simulated.open(&root, path, how(O_PATH, 0, 0));
    if (!opened) return -opened.error();
    return simulated.set_mode(&*opened, "", mode);
  }

  sim::Timeline timeline;
  SimFiles simulated{timeline};
  OpenFile root;
  int kernel = -1;
  int written = 0;
};

/// Few names, so that they collide; each way to write them that has rules of its own.
std::string random_path(sim::Random& random) {
  static const std::vector<std::string> parts = {"a", "b", "c", "a", "b", "c", ".", "..", "link"};
  std::string path = random.pick(parts);
  for (std::uint64_t more = random.below(3); more > 0; --more) path += "/" + random.pick(parts);
  if (random.chance(0.1)) path += "/";
  return path;
}

open_how random_how(sim::Random& random) {
  static const std::vector<int> access = {O_RDONLY, O_WRONLY, O_RDWR};
  static const std::vector<int> extra = {0,
                                         0,
                                         O_CREAT,
                                         O_CREAT,
                                         O_CREAT | O_EXCL,
                                         O_TRUNC,
                                         O_DIRECTORY,
                                         O_NOFOLLOW,
                                         O_PATH,
                                         O_PATH | O_NOFOLLOW,
                                         O_CREAT | O_NOFOLLOW,
                                         O_CREAT | O_TRUNC};
  static const std::vector<std::uint64_t> resolve = {RESOLVE_BENEATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
                                                     RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, RESOLVE_IN_ROOT};
  const int flags = random.pick(extra);
  const int all = (flags & O_PATH) != 0 ? flags : flags | random.pick(access);
  return how(all | O_CLOEXEC, (flags & O_CREAT) != 0 ? 0666 : 0, random.pick(resolve));
}

std::pair<int, int> random_call(Twins& twins, sim::Random& random, std::string& what) {
  const std::string one = random_path(random);
  const std::string two = random_path(random);
  const std::uint64_t choice = random.below(10);
  what = std::to_string(choice) + " " + one + " " + two;
  switch (choice) {
    case 0:
    case 1: return twins.make_dir(one.c_str());
    case 2: return twins.unlink(one.c_str(), random.chance(0.5) ? AT_REMOVEDIR : 0);
    case 3: return twins.rename(one.c_str(), two.c_str(), random.chance(0.3) ? RENAME_NOREPLACE : 0);
    case 4: return twins.link(one.c_str(), two.c_str(), random.chance(0.5) ? AT_SYMLINK_FOLLOW : 0);
    case 5: return twins.stat(one.c_str(), random.chance(0.5) ? AT_SYMLINK_NOFOLLOW : 0);
    case 6: {
      static const std::vector<std::string> targets = {"a", "b", "../c", "a/b", "link", "b/", "."};
      return twins.symlink("link", random.pick(targets).c_str());
    }
    case 7: return twins.set_mode(one.c_str(), random.chance(0.5) ? 0755 : 0700);
    default: {
      const open_how as = random_how(random);
      what += " flags " + std::to_string(as.flags) + " resolve " + std::to_string(as.resolve);
      return twins.open(one.c_str(), as);
    }
  }
}

}  // namespace

TEST_CASE("random calls have the kernel's results", "[sim]") {
  const auto parent = std::filesystem::temp_directory_path();
  const mode_t old_umask = ::umask(022);
  sim::for_each_seed(100, [&](std::uint64_t seed) {
    INFO("MILLRACE_SEED=" << seed);
    std::string path = (parent / "millrace-sim-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    ::chmod(path.c_str(), 0755);
    {
      sim::Random random{seed};
      Twins twins{path};
      for (int step = 0; step < 150; ++step) {
        std::string what;
        const auto [theirs, ours] = random_call(twins, random, what);
        INFO("step " << step << ": " << what);
        CHECK(theirs == ours);
        if (theirs != ours) break;
      }
    }
    std::filesystem::remove_all(path);
  });
  ::umask(old_umask);
}
