// Cases on ops that are cancelled: for each kind, a result says exactly what was done, and -ECANCELED says what the
// table in io/op.hpp says. Knows io/ only; must not know which backend it meets.
#pragma once

#include <bitset>

#include "io/dir_batch.hpp"
#include "tests/backend_lab.hpp"

namespace backend_cases {

/// When an op is cancelled: at once, when the backend has looked at it, when it had some time.
inline constexpr int cancel_moments = 3;

inline std::int32_t start_and_cancel(Lab& lab, Task& task, int moment) {
  lab.start(task);
  if (moment == 1) lab.reactor.turn(lab.backend.now());
  if (moment == 2) lab.linger(io::millisecond);
  lab.reactor.cancel(task.op);
  return lab.finish(task);
}

/// One kind of op on files: how to ask for it, and whether it was done.
struct CancelTrial {
  std::function<void(io::Op&)> prepare;
  std::function<bool()> done{};  ///< empty: nothing that could be seen
  std::function<void()> undo{};
};

inline bool exists(Lab& lab, const char* path) {
  struct statx facts{};
  return lab.run([&](io::Op& op) { op.stat(lab.root, path, AT_SYMLINK_NOFOLLOW, facts); }) == 0;
}

inline open_how new_file() {
  open_how how{};
  how.flags = O_RDWR | O_CREAT | O_CLOEXEC;
  how.mode = 0600;
  how.resolve = RESOLVE_BENEATH;
  return how;
}

inline std::vector<CancelTrial> file_trials(Lab& lab, int file, int other, int directory) {
  static std::array<char, 6> into;
  static struct statx facts;
  static io::DirBatch batch;
  static int number;
  const auto call = [](void* to) { return ++*static_cast<int*>(to); };
  const auto made = [&lab](const char* path) { return [&lab, path] { return exists(lab, path); }; };
  const auto removed = [&lab](const char* path, int flags = 0) {
    return [&lab, path, flags] { lab.remove(path, flags); };
  };
  const auto holds = [&lab](int what, std::string_view octets) {
    return [&lab, what, octets] { return lab.read(what) == octets; };
  };
  const auto refill = [&lab, file, other] {
    CHECK(lab.run([&](io::Op& op) { op.truncate(file, 0); }) == 0);
    CHECK(lab.run([&](io::Op& op) { op.truncate(other, 0); }) == 0);
    lab.write(file, "octets");
  };
  return {
      {[&lab](io::Op& op) { op.open(lab.root, "made", new_file()); }, made("made"), removed("made")},
      {[file](io::Op& op) { op.stat(file, "", AT_EMPTY_PATH, facts); }},
      {[file](io::Op& op) { op.read(file, into, 0); }},
      {[file](io::Op& op) { op.write(file, std::string_view("OCTETS"), 0); }, holds(file, "OCTETS"), refill},
      {[file](io::Op& op) { op.allocate(file, 0, 0, 7); }, holds(file, std::string_view("octets\0", 7)), refill},
      {[file](io::Op& op) { op.sync(file); }},
      {[file](io::Op& op) { op.find_data(file, 0); }},
      {[directory](io::Op& op) { op.read_dir(directory, batch); }},
      {[&lab](io::Op& op) { op.make_dir(lab.root, "made", 0700); }, made("made"), removed("made", AT_REMOVEDIR)},
      {[&lab](io::Op& op) { op.remove(lab.root, "file", 0); }, [&lab] { return !exists(lab, "file"); },
       [&lab, file] { CHECK(lab.run([&](io::Op& op) { op.link(lab.root, "kept", lab.root, "file", 0); }) == 0); }},
      {[&lab](io::Op& op) { op.rename(lab.root, "other", lab.root, "made", 0); }, made("made"),
       [&lab] { CHECK(lab.run([&](io::Op& op) { op.rename(lab.root, "made", lab.root, "other", 0); }) == 0); }},
      {[&lab](io::Op& op) { op.link(lab.root, "file", lab.root, "made", 0); }, made("made"), removed("made")},
      {[file](io::Op& op) { op.truncate(file, 3); }, holds(file, "oct"), refill},
      {[&lab](io::Op& op) { op.set_times(lab.root, "file", {5, 0}); },
       [&lab] { return lab.facts_of("file").stx_mtime.tv_sec == 5; },
       [&lab] { CHECK(lab.run([&](io::Op& op) { op.set_times(lab.root, "file", {}); }) == 0); }},
      {[&lab](io::Op& op) { op.set_mode(lab.root, "file", 0640); },
       [&lab] { return (lab.facts_of("file").stx_mode & 0777) == 0640; },
       [&lab] { CHECK(lab.run([&](io::Op& op) { op.set_mode(lab.root, "file", 0600); }) == 0); }},
      {[file](io::Op& op) { op.space(file); }},
      {[&lab](io::Op& op) { op.symlink("file", lab.root, "made"); }, made("made"), removed("made")},
      {[file, other](io::Op& op) { op.copy(file, 0, other, 0, 6); }, holds(other, "octets"), refill},
      {[file](io::Op& op) { op.set_owner(file, static_cast<unsigned>(-1), static_cast<unsigned>(-1)); }},
      {[&lab](io::Op& op) { op.read_link(lab.root, "symbolic", into); }},
      {[file](io::Op& op) { op.lock(file); }},
      {[file](io::Op& op) { op.flush(file); }},
      {[call](io::Op& op) { op.call(call, &number); }, [] { return std::exchange(number, 0) > 0; }},
  };
}

inline void a_cancelled_file_op_says_what_it_did(World& world) {
  Lab lab(world);
  const int file = lab.create("file"), other = lab.create("other");
  lab.write(file, "octets");
  CHECK(lab.run([&](io::Op& op) { op.link(lab.root, "file", lab.root, "kept", 0); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.set_times(lab.root, "file", {}); }) == 0);
  CHECK(lab.run([&](io::Op& op) { op.symlink("file", lab.root, "symbolic"); }) == 0);
  const int directory = lab.open(".", O_RDONLY | O_DIRECTORY);
  std::bitset<io::op_kind_count> met;
  for (const CancelTrial& trial : file_trials(lab, file, other, directory)) {
    for (int moment = 0; moment < cancel_moments; ++moment) {
      Task task;
      trial.prepare(task.op);
      const io::OpKind kind = task.op.kind;
      met.set(static_cast<std::size_t>(kind));
      const std::int32_t result = start_and_cancel(lab, task, moment);
      INFO(to_string(kind) << ", cancelled at moment " << moment << ": " << result);
      CHECK((result >= 0 || result == -ECANCELED));
      CHECK(task.calls == 1);
      if (kind == io::OpKind::open && result >= 0) lab.close(result);
      const bool done = trial.done && trial.done();
      if (trial.done) CHECK(done == (result >= 0));
      if (done && trial.undo) trial.undo();
    }
  }
  for (std::size_t kind = static_cast<std::size_t>(io::OpKind::open); kind < io::op_kind_count; ++kind) {
    INFO(to_string(static_cast<io::OpKind>(kind)));
    CHECK((met.test(kind) || static_cast<io::OpKind>(kind) == io::OpKind::close));
  }
  for (const int fd : {file, other, directory}) {  // a cancelled close closes all the same
    Task closing;
    closing.op.close(fd);
    CHECK(start_and_cancel(lab, closing, 0) == 0);
  }
  for (const char* name : {"file", "other", "kept", "symbolic"}) lab.remove(name);
}

/// All that the client's end gets until the stream's end.
inline std::string drain(Lab& lab, Pair& pair) {
  lab.backend.shutdown_send(pair.server);
  std::string all;
  for (std::string part = lab.recv(pair.client, 1 << 20); !part.empty(); part = lab.recv(pair.client, 1 << 20))
    all += part;
  return all;
}

inline void a_cancelled_send_says_what_it_sent(World& world) {
  Lab lab(world);
  const std::string octets = pattern(3 << 20);
  const int file = lab.create("file");
  lab.write(file, octets);
  for (int moment = 0; moment < cancel_moments; ++moment) {
    for (const bool of_file : {false, true}) {
      Pair pair(lab);
      Task task;
      std::size_t sent = 0;
      for (int i = 0; i < 2 && sent < octets.size(); ++i) {  // the stream goes on behind the first
        const std::string_view left = std::string_view(octets).substr(sent);
        if (of_file) {
          task.op.send_file(pair.server, file, static_cast<std::int64_t>(sent), left.size());
        } else {
          task.op.send(pair.server, left);
        }
        const std::int32_t result = start_and_cancel(lab, task, moment);
        CHECK((result > 0 || result == -ECANCELED));
        CHECK_FALSE(task.op.file_failed);
        sent += static_cast<std::size_t>(std::max(result, 0));
      }
      CHECK(drain(lab, pair) == octets.substr(0, sent));
    }
  }
  lab.close(file);
  lab.remove("file");
}

inline void a_cancelled_recv_says_what_it_took(World& world) {
  Lab lab(world);
  io::BufferPool pool(64, 1);
  std::array<char, 64> into{};
  for (int moment = 0; moment < cancel_moments; ++moment) {
    for (int kind = 0; kind < 3; ++kind) {
      Pair pair(lab);
      const int file = lab.create("file");
      CHECK(lab.send(pair.client, "octets") == 6);
      lab.linger(io::millisecond);
      Task task;
      if (kind == 0) task.op.recv(pair.server, into);
      if (kind == 1) task.op.recv_lent(pair.server, pool);
      if (kind == 2) task.op.recv_file(pair.server, file, 0, 64);
      const std::int32_t result = start_and_cancel(lab, task, moment);
      CHECK((result == 6 || result == -ECANCELED));
      if (kind == 1 && result > 0) pool.give_back(task.op.data);
      CHECK(pool.lent() == 0);
      CHECK(lab.read(file) == (kind == 2 && result > 0 ? "octets" : ""));
      if (result < 0) CHECK(lab.recv(pair.server) == "octets");
      CHECK(lab.send(pair.client, "more") == 4);
      std::string more;
      while (more.size() < 4) more += lab.recv(pair.server);
      CHECK(more == "more");
      lab.close(file);
    }
  }
  lab.remove("file");
}

inline void a_cancelled_accept_takes_nobody(World& world) {
  Lab lab(world);
  for (int moment = 0; moment < cancel_moments; ++moment) {
    const auto listener = lab.backend.open_listener(loopback(), 8);
    const auto client = lab.backend.open_socket(loopback());
    REQUIRE((listener && client));
    Task connecting, accepting;
    connecting.op.connect(*client, lab.backend.local_address(*listener));
    CHECK(lab.run(connecting) == 0);
    accepting.op.accept(*listener);
    int server = start_and_cancel(lab, accepting, moment);
    CHECK((server >= 0 || server == -ECANCELED));
    if (server < 0) server = lab.run([&](io::Op& op) { op.accept(*listener); });
    CHECK(server >= 0);
    Task looking;
    looking.op.poll(server, POLLIN | POLLOUT);
    const std::int32_t events = start_and_cancel(lab, looking, moment);
    CHECK((events == POLLOUT || events == -ECANCELED));
    for (const int fd : {server, *client, *listener}) lab.close(fd);
  }
}

}  // namespace backend_cases
