// Cases on what uploads need of files: names compared before they are removed, appends, locks, files without a name.
// Knows io/ only; must not know which backend it meets.
#pragma once

#include "tests/backend_lab.hpp"

namespace backend_cases {

inline void a_name_is_removed_if_it_is_the_file_s(World& world) {
  Lab lab(world);
  const int file = lab.create("file"), other = lab.create("other");
  const auto remove = [&](const char* name, int only) {
    return lab.run([&](io::Op& op) { op.remove(lab.root, name, 0, only); });
  };
  CHECK(remove("file", other) == -ESTALE);
  CHECK(remove("absent", file) == -ENOENT);
  CHECK(lab.run([&](io::Op& op) { op.rename(lab.root, "other", lab.root, "file", 0); }) == 0);
  CHECK(remove("file", file) == -ESTALE);  // its name is another's by now
  CHECK(remove("file", other) == 0);
  CHECK(remove("file", other) == -ENOENT);
  lab.close(file);
  lab.close(other);
}

inline void what_is_appended_goes_to_the_end(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  const int appending = lab.open("file", O_WRONLY | O_APPEND);
  REQUIRE(appending >= 0);
  lab.write(file, "begin.");
  lab.write(appending, "one.", 0);
  Pair pair(lab);
  const auto receive = [&](std::string_view octets) {
    CHECK(lab.send(pair.client, octets) == std::ssize(octets));
    std::int32_t sum = 0;
    while (sum < std::ssize(octets)) {
      const auto got = lab.run([&](io::Op& op) { op.recv_file(pair.server, appending, 0, 1 << 20, true); });
      REQUIRE(got > 0);
      sum += got;
    }
  };
  receive("two.");
  lab.write(file, "another's.", 14);
  receive("three.");
  CHECK(lab.read(file) == "begin.one.two.another's.three.");
  lab.close(appending);
  lab.close(file);
  lab.remove("file");
}

inline void a_lock_has_one_holder(World& world) {
  Lab lab(world);
  const int first = lab.create("file");
  const int second = lab.open("file", O_RDONLY);
  const auto lock = [&](int file) { return lab.run([&](io::Op& op) { op.lock(file); }); };
  CHECK(lock(first) == 0);
  CHECK(lock(first) == 0);
  CHECK(lock(second) == -EBUSY);
  lab.close(first);
  CHECK(lock(second) == 0);
  lab.close(second);
  lab.remove("file");
}

inline void a_file_without_a_name_gets_one(World& world) {
  Lab lab(world);
  open_how how{};
  how.flags = O_WRONLY | O_TMPFILE | O_CLOEXEC;
  how.mode = 0600;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const int file = lab.run([&](io::Op& op) { op.open(lab.root, ".", how); });
  if (file == -EOPNOTSUPP) return;  // not on this file system
  REQUIRE(file >= 0);
  lab.write(file, "octets");
  CHECK(lab.run([&](io::Op& op) { op.sync(file); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.flush(file); }) == 0);
  const auto link = [&](const char* name) {
    return lab.run([&](io::Op& op) { op.link(file, "", lab.root, name, AT_EMPTY_PATH); });
  };
  CHECK(link("file") == 0);
  CHECK(link("file") == -EEXIST);
  CHECK(lab.run([&](io::Op& op) { op.sync(file, true); }) == 0);
  lab.close(file);
  CHECK(lab.facts_of("file").stx_size == 6);
  CHECK((lab.facts_of("file").stx_mode & 0777) == 0600);
  lab.remove("file");
}

inline void a_flushed_file_stays_open(World& world) {
  Lab lab(world);
  const int file = lab.create("file");
  for (int i = 0; i < 2; ++i) {
    lab.write(file, "octets");
    CHECK(lab.run([&](io::Op& op) { op.flush(file); }) == 0);
  }
  CHECK(lab.read(file) == "octets");
  lab.close(file);
  CHECK(lab.run([&](io::Op& op) { op.symlink("file", lab.root, "link"); }) == 0);
  std::array<char, 16> text{};
  CHECK(lab.run([&](io::Op& op) { op.read_link(lab.root, "link", text); }) == 4);
  CHECK(std::string_view(text.data(), 4) == "file");
  CHECK(lab.run([&](io::Op& op) { op.read_link(lab.root, "file", text); }) == -EINVAL);
  lab.remove("link");
  lab.remove("file");
}

}  // namespace backend_cases
