// Cases on files, directories, calls and time.
// Knows io/ only; must not know which backend it meets.
#pragma once

#include <map>

#include "tests/backend_lab.hpp"

namespace backend_cases {

inline void files_open_read_and_write(World& world) {
  Lab lab(world);
  CHECK(lab.open("file", O_RDONLY) == -ENOENT);
  CHECK(lab.open("file/below", O_RDONLY) == -ENOENT);
  const int file = lab.open("file", O_RDWR | O_CREAT | O_EXCL);
  REQUIRE(file >= 0);
  CHECK(lab.open("file", O_RDWR | O_CREAT | O_EXCL) == -EEXIST);
  CHECK(lab.open("file/below", O_RDONLY) == -ENOTDIR);
  CHECK(lab.open("file", O_RDONLY | O_DIRECTORY) == -ENOTDIR);
  CHECK(lab.open(".", O_RDWR) == -EISDIR);

  lab.write(file, "0123456789");
  lab.write(file, "abc", 8);
  CHECK(lab.read(file) == "01234567abc");
  std::array<char, 8> into{};
  CHECK(lab.run([&](io::Op& op) { op.read(file, into, 8); }) == 3);  // short: the end is near
  CHECK(lab.run([&](io::Op& op) { op.read(file, into, 11); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.truncate(file, 4); }) == 0);
  CHECK(lab.read(file) == "0123");
  CHECK(lab.run([&](io::Op& op) { op.sync(file); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.allocate(file, 0, 0, 8192); }) == 0);
  CHECK(lab.facts_of("file").stx_size == 8192);
  lab.close(file);

  const int reading = lab.open("file", O_RDONLY);
  CHECK(lab.run([&](io::Op& op) { op.write(reading, into, 0); }) == -EBADF);
  lab.close(reading);
  lab.remove("file");
}

inline void find_data_knows_the_holes(World& world) {
  constexpr std::int64_t far = 64 * 4096;
  Lab lab(world);
  const int file = lab.open("holey", O_RDWR | O_CREAT | O_EXCL);
  REQUIRE(file >= 0);
  lab.write(file, "begin");
  lab.write(file, "end", far);
  CHECK(lab.run([&](io::Op& op) { op.truncate(file, 2 * far); }) == 0);

  std::int64_t offset = 0, length = 0;
  const auto find = [&](std::int64_t from) {
    Task task;
    task.op.find_data(file, from);
    CHECK(lab.run(task) == 0);
    offset = task.op.offset;
    length = task.op.length;
  };
  find(0);
  CHECK(offset == 0);
  CHECK(length == 4096);  // up to the next block
  find(4096);
  CHECK(offset == far);
  CHECK(length == 4096);
  find(far + 2);
  CHECK(offset == far + 2);
  find(far + 4096);
  CHECK(length == 0);
  lab.close(file);
  lab.remove("holey");
}

inline void nothing_escapes_the_root(World& world) {
  Lab lab(world);
  CHECK(lab.run([&](io::Op& op) { op.make_dir(lab.root, "inner", 0755); }) == 0);
  const int inner = lab.open("inner", O_PATH | O_DIRECTORY);
  REQUIRE(inner >= 0);
  CHECK(lab.open("..", O_RDONLY) == -EXDEV);
  CHECK(lab.open(inner, "../file", O_RDWR | O_CREAT) == -EXDEV);
  CHECK(lab.open("/etc", O_RDONLY) == -EXDEV);
  CHECK(lab.open("inner/../../x", O_RDONLY) == -EXDEV);
  const int file = lab.open("inner/../file", O_RDWR | O_CREAT);
  CHECK(file >= 0);
  lab.close(file);
  if (world.make_symlink("/etc", "out") && world.make_symlink("file", "in")) {
    CHECK(lab.open("out", O_RDONLY) == -EXDEV);
    CHECK(lab.open("out/passwd", O_RDONLY) == -EXDEV);
    const int through = lab.open("in", O_RDONLY);
    CHECK(through >= 0);
    lab.close(through);
    lab.remove("out");
    lab.remove("in");
  }
  lab.close(inner);
  lab.remove("file");
  lab.remove("inner", AT_REMOVEDIR);
}

inline void stat_tells_facts(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, "12345");
  struct statx facts{};
  CHECK(lab.run([&](io::Op& op) { op.stat(lab.root, "file", 0, facts); }) == 0);
  CHECK(S_ISREG(facts.stx_mode));
  CHECK(facts.stx_size == 5);
  CHECK(facts.stx_nlink == 1);
  struct statx same{};
  CHECK(lab.run([&](io::Op& op) { op.stat(file, "", AT_EMPTY_PATH, same); }) == 0);
  CHECK(same.stx_ino == facts.stx_ino);
  CHECK(lab.run([&](io::Op& op) { op.stat(lab.root, "none", 0, facts); }) == -ENOENT);
  CHECK(lab.run([&](io::Op& op) { op.stat(lab.root, "", AT_EMPTY_PATH, facts); }) == 0);
  CHECK(S_ISDIR(facts.stx_mode));
  lab.close(file);
  lab.remove("file");
}

inline void times_and_modes_are_set(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  constexpr timespec then{1'234'567'890, 987}, later{1'234'567'890, 992};
  CHECK(lab.run([&](io::Op& op) { op.set_times(lab.root, "file", then); }) == 0);
  CHECK(lab.facts_of("file").stx_mtime.tv_sec == 1'234'567'890);
  CHECK(lab.facts_of("file").stx_mtime.tv_nsec == 987);
  CHECK(lab.run([&](io::Op& op) { op.set_times(file, "", later); }) == 0);
  CHECK(lab.facts_of("file").stx_mtime.tv_nsec == 992);
  CHECK(lab.run([&](io::Op& op) { op.set_times(lab.root, "none", then); }) == -ENOENT);

  CHECK(lab.run([&](io::Op& op) { op.set_mode(lab.root, "file", 0640); }) == 0);
  CHECK((lab.facts_of("file").stx_mode & 07777) == 0640);
  CHECK(lab.run([&](io::Op& op) { op.set_mode(file, "", 0600); }) == 0);
  CHECK((lab.facts_of("file").stx_mode & 07777) == 0600);
  const int path_only = lab.open("file", O_PATH);
  CHECK(lab.run([&](io::Op& op) { op.set_mode(path_only, "", 0644); }) == 0);
  CHECK((lab.facts_of("file").stx_mode & 07777) == 0644);
  CHECK(lab.run([&](io::Op& op) { op.set_times(path_only, "", then); }) == 0);
  CHECK(lab.facts_of("file").stx_mtime.tv_nsec == 987);
  CHECK(lab.run([&](io::Op& op) { op.set_mode(lab.root, "none", 0600); }) == -ENOENT);
  lab.close(path_only);
  lab.close(file);
  lab.remove("file");
}

inline void space_is_told(World& world) {
  Lab lab(world);
  Task space;
  space.op.space(lab.root);
  CHECK(lab.run(space) == 0);
  CHECK(space.op.length > 1'000'000);
  const int held = lab.open(".", O_PATH | O_DIRECTORY);
  space.op.space(held);
  CHECK(lab.run(space) == 0);
  CHECK(space.op.length > 1'000'000);
  lab.close(held);
}

inline void octets_are_copied(World& world) {
  Lab lab(world);
  const int from = lab.create("from"), to = lab.create("to");
  std::string content(300'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i % 251);
  lab.write(from, content);
  lab.write(to, "ahead ");
  std::int64_t copied = 0;
  for (int result = 1; result > 0; copied += result) {
    result = lab.run([&](io::Op& op) { op.copy(from, copied, to, 6 + copied, std::size_t{1} << 20); });
    REQUIRE(result >= 0);
  }
  CHECK(copied == static_cast<std::int64_t>(content.size()));
  CHECK(lab.facts_of("to").stx_size == content.size() + 6);
  std::string read(content.size(), '\0');
  for (std::size_t at = 0; at < read.size();) {
    const std::span<char> rest = std::span(read).subspan(at);
    const int result = lab.run([&](io::Op& op) { op.read(to, rest, 6 + static_cast<std::int64_t>(at)); });
    REQUIRE(result > 0);
    at += static_cast<std::size_t>(result);
  }
  CHECK(read == content);
  const int read_only = lab.open("to", O_RDONLY);
  CHECK(lab.run([&](io::Op& op) { op.copy(from, 0, read_only, 0, 10); }) == -EBADF);
  for (const int file : {from, to, read_only}) lab.close(file);
  for (const char* name : {"from", "to"}) lab.remove(name);
}

inline void links_are_made(World& world) {
  Lab lab(world);
  lab.close(lab.create("file"));
  CHECK(lab.run([&](io::Op& op) { op.symlink("file", lab.root, "link"); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.symlink("file", lab.root, "link"); }) == -EEXIST);
  CHECK(lab.run([&](io::Op& op) { op.symlink("file", lab.root, "none/link"); }) == -ENOENT);
  struct statx facts{};
  CHECK(lab.run([&](io::Op& op) { op.stat(lab.root, "link", AT_SYMLINK_NOFOLLOW, facts); }) == 0);
  CHECK(S_ISLNK(facts.stx_mode));
  const int through = lab.open("link", O_RDONLY);
  CHECK(through >= 0);
  lab.close(through);
  for (const char* name : {"file", "link"}) lab.remove(name);
}

inline void names_are_made_moved_and_removed(World& world) {
  Lab lab(world);
  const int root = lab.root;
  const auto make_dir = [&](const char* path) { return lab.run([&](io::Op& op) { op.make_dir(root, path, 0755); }); };
  const auto remove = [&](const char* path, int flags) {
    return lab.run([&](io::Op& op) { op.remove(root, path, flags); });
  };
  const auto rename = [&](const char* from, const char* to, unsigned flags) {
    return lab.run([&](io::Op& op) { op.rename(root, from, root, to, flags); });
  };
  const auto link = [&](const char* from, const char* to) {
    return lab.run([&](io::Op& op) { op.link(root, from, root, to, 0); });
  };
  CHECK(make_dir("dir") == 0);
  CHECK(make_dir("dir") == -EEXIST);
  CHECK(make_dir("none/dir") == -ENOENT);
  const int file = lab.create("dir/file");
  lab.write(file, "octets");
  lab.close(file);
  CHECK(remove("dir", 0) == -EISDIR);
  CHECK(remove("dir", AT_REMOVEDIR) == -ENOTEMPTY);
  CHECK(remove("dir/file", AT_REMOVEDIR) == -ENOTDIR);
  CHECK(remove("none", 0) == -ENOENT);

  CHECK(rename("dir/file", "moved", 0) == 0);
  CHECK(rename("dir/file", "moved", 0) == -ENOENT);
  CHECK(link("moved", "second") == 0);
  CHECK(link("moved", "second") == -EEXIST);
  CHECK(lab.facts_of("moved").stx_nlink == 2);
  CHECK(rename("second", "dir", 0) == -EISDIR);
  lab.close(lab.create("third"));
  CHECK(rename("third", "second", RENAME_NOREPLACE) == -EEXIST);
  CHECK(rename("third", "second", 0) == 0);  // replaces
  CHECK(lab.facts_of("second").stx_size == 0);
  CHECK(lab.facts_of("moved").stx_nlink == 1);
  for (const char* name : {"moved", "second"}) CHECK(remove(name, 0) == 0);
  CHECK(remove("dir", AT_REMOVEDIR) == 0);
}

/// All entries of the root, by repeated read_dir.
template <typename Visit>
void list(Lab& lab, io::DirBatch& batch, Visit visit) {
  const int directory = lab.open(".", O_RDONLY | O_DIRECTORY);
  REQUIRE(directory >= 0);
  for (;;) {
    const int count = lab.run([&](io::Op& op) { op.read_dir(directory, batch); });
    REQUIRE(count >= 0);
    CHECK(static_cast<std::size_t>(count) == batch.entries.size());
    if (count == 0) break;
    for (const io::DirEntry& entry : batch.entries) visit(entry);
  }
  lab.close(directory);
}

inline void read_dir_gives_each_entry_once(World& world) {
  Lab lab(world);
  io::DirBatch batch;
  batch.root = lab.root;
  batch.below_root = ".";
  list(lab, batch, [](const io::DirEntry&) { FAIL("an empty directory has no entries"); });

  constexpr int count = 1500;  // several batches
  std::set<std::string> expected;
  for (int i = 0; i < count; ++i) {
    const std::string name = "a rather long name, number " + std::to_string(i);
    lab.close(lab.create(name.c_str()));
    expected.insert(name);
  }
  CHECK(lab.run([&](io::Op& op) { op.make_dir(lab.root, "dir", 0755); }) == 0);
  expected.insert("dir");
  for (const io::DirFacts wanted : {io::DirFacts::all, io::DirFacts::kind, io::DirFacts::none}) {
    batch.wanted = wanted;
    const bool facts = wanted != io::DirFacts::none;
    std::set<std::string> seen;
    list(lab, batch, [&](const io::DirEntry& entry) {
      CHECK(seen.emplace(entry.name).second);
      CHECK(entry.has_facts == facts);
      CHECK_FALSE(entry.is_link);
      if (facts) CHECK(S_ISDIR(entry.facts.stx_mode) == (entry.name == "dir"));
    });
    CHECK(seen == expected);
  }
  for (const std::string& name : expected) lab.remove(name.c_str(), name == "dir" ? AT_REMOVEDIR : 0);
  const int file = lab.create("file");
  CHECK(lab.run([&](io::Op& op) { op.read_dir(file, batch); }) == -ENOTDIR);
  lab.close(file);
  lab.remove("file");
}

inline void read_dir_does_not_look_outside(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  lab.write(file, "12345");
  lab.close(file);
  const bool has_links = world.make_symlink("file", "inside") && world.make_symlink("/etc/passwd", "outside") &&
                         world.make_symlink("../..", "parent") && world.make_symlink("nowhere", "dangling");
  if (has_links) {
    io::DirBatch batch;
    batch.root = lab.root;
    batch.below_root = ".";
    for (const io::DirFacts wanted : {io::DirFacts::all, io::DirFacts::kind}) {
      batch.wanted = wanted;
      std::map<std::string, std::string> links;
      list(lab, batch, [&](const io::DirEntry& entry) {
        CHECK(entry.has_facts);
        CHECK(entry.is_link == (entry.name != "file"));
        CHECK(S_ISLNK(entry.facts.stx_mode) == entry.is_link);
        REQUIRE((entry.link != nullptr) == entry.is_link);
        if (!entry.is_link) return;
        links.emplace(entry.name, entry.link->text);
        CHECK(entry.link->reached == (entry.name == "inside"));
        CHECK(entry.link->leads_out == (entry.name == "outside" || entry.name == "parent"));
        if (entry.link->reached) CHECK((S_ISREG(entry.link->target.stx_mode) && entry.link->target.stx_size == 5));
      });
      CHECK(links == std::map<std::string, std::string>{
                         {"inside", "file"}, {"outside", "/etc/passwd"}, {"parent", "../.."}, {"dangling", "nowhere"}});
    }
    std::array<char, 64> text{};
    CHECK(lab.run([&](io::Op& op) { op.read_link(lab.root, "inside", text); }) == 4);
    CHECK(std::string_view(text.data(), 4) == "file");
    CHECK(lab.run([&](io::Op& op) { op.read_link(lab.root, "file", text); }) == -EINVAL);
    for (const char* name : {"inside", "outside", "parent", "dangling"}) lab.remove(name);
  }
  lab.remove("file");
}

inline int add_one(void* number) { return ++*static_cast<int*>(number); }

inline void call_runs_a_function(World& world) {
  Lab lab(world);
  int number = 41;
  Task calling;
  calling.op.call(add_one, &number);
  lab.start(calling);
  CHECK(calling.calls == 0);
  CHECK(lab.finish(calling) == 42);
  CHECK(number == 42);
}

inline void cancel_of_file_ops_completes_once(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  std::vector<char> octets(100'000, 'x');
  std::vector<Task> tasks(100);
  for (Task& task : tasks) {
    task.op.write(file, octets, 0);
    lab.start(task);
  }
  lab.reactor.turn(lab.backend.now());
  for (Task& task : tasks) lab.reactor.cancel(task.op);
  for (Task& task : tasks) {
    const int result = lab.finish(task);
    CHECK((result == -ECANCELED || result > 0));
    CHECK(task.calls == 1);
  }
  Task closing;  // a cancelled close closes all the same
  closing.op.close(file);
  lab.start(closing);
  lab.reactor.cancel(closing.op);
  CHECK(lab.finish(closing) == 0);
  lab.remove("file");
}

struct Alarm {
  Alarm() { timer.bind<&Alarm::on_due>(*this); }
  void on_due() {
    if (due) due();
  }
  io::Timer timer;
  std::function<void()> due;
};

inline void timers_fire_in_order_and_never_early(World& world) {
  Lab lab(world);
  constexpr int count = 20;
  std::array<Alarm, count> alarms;
  std::vector<int> fired;
  const io::Time begin = lab.backend.now();
  for (int i = 0; i < count; ++i) {
    const int which = i * 7 % count;  // armed out of order
    const io::Time deadline = begin + which * 12 * io::millisecond;
    alarms[static_cast<std::size_t>(which)].due = [&fired, &lab, which, deadline] {
      CHECK(lab.backend.now() >= deadline);
      fired.push_back(which);
    };
    lab.reactor.arm(alarms[static_cast<std::size_t>(which)].timer, deadline);
  }
  lab.reactor.disarm(alarms[5].timer);
  lab.until([&] { return fired.size() == count - 1; });
  CHECK(std::ranges::is_sorted(fired));
  CHECK(std::ranges::find(fired, 5) == fired.end());
}

inline void wait_ends_at_its_deadline(World& world) {
  Lab lab(world);
  Pair pair(lab);
  std::array<Task, 3> tasks;
  io::OpList ready;
  std::size_t next = 0;
  for (const io::Time how_long : {0 * io::millisecond, 3 * io::millisecond, 50 * io::millisecond}) {
    Task& waiting = tasks[next++];
    waiting.op.poll(pair.server, POLLIN);
    lab.start(waiting);
    const io::Time begin = lab.backend.now();
    lab.backend.wait(begin + how_long, ready);
    const io::Time took = lab.backend.now() - begin;
    CHECK(took >= how_long);
    CHECK(took < how_long + 40 * io::millisecond);
    CHECK(ready.empty());
  }
  for (Task& waiting : tasks) expect_cancel(lab, waiting);
}

inline void run_ends_with_stop(World& world) {
  Lab lab(world);
  Alarm alarm;
  for (int round = 0; round < 2; ++round) {
    alarm.due = [&] { lab.reactor.stop(); };
    lab.reactor.arm(alarm.timer, lab.backend.now() + 5 * io::millisecond);
    lab.reactor.run();
  }
  lab.reactor.close(-1);
  CHECK(lab.reactor.in_flight() == 0);
}

}  // namespace backend_cases
