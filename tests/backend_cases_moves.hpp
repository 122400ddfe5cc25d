// Cases on send_file and recv_file: exact octets, whose error it is, more at once than there are pipes.
// Knows io/ only; must not know which backend it meets.
#pragma once

#include "tests/backend_lab.hpp"

namespace backend_cases {

/// Sends a file from `offset` until its end or `count` octets, in ops of at most `step`.
struct FileSender {
  FileSender(Lab& in, int to, int from, std::int64_t at, std::size_t octets, std::size_t in_steps)
      : lab(in), socket(to), file(from), offset(at), left(octets), step(in_steps) {
    task.then = [this] { on_sent(); };
    next();
  }
  void next() {
    task.op.send_file(socket, file, offset, std::min(left, step));
    lab.start(task);
  }
  void on_sent() {
    REQUIRE(task.result >= 0);
    REQUIRE(task.result <= static_cast<std::int32_t>(std::min(left, step)));
    left -= static_cast<std::size_t>(task.result);
    offset += task.result;
    if (task.result > 0 && left > 0) return next();
    lab.backend.shutdown_send(socket);
  }
  Lab& lab;
  int socket, file;
  std::int64_t offset;
  std::size_t left, step;
  Task task;
};

inline void send_file_is_exact(World& world) {
  Lab lab(world);
  const std::string octets = pattern(5 * 1024 * 1024 + 123);
  const int file = lab.create("file");
  lab.write(file, octets);
  for (const std::size_t step : {std::size_t{777'777}, std::size_t{64} << 20}) {
    Pair pair(lab);
    const FileSender sender(lab, pair.server, file, 1000, octets.size(), step);  // asks for more than there is
    std::string got;
    for (;;) {
      const std::string part = lab.recv(pair.client, 65'536);
      if (part.empty()) break;
      got += part;
      if (got.size() % 7 == 0) lab.linger(io::millisecond / 2);
    }
    CHECK(got == octets.substr(1000));
    CHECK(sender.task.result == 0);  // the end of the file
  }
  Pair pair(lab);
  CHECK(lab.run([&](io::Op& op) { op.send_file(pair.server, file, 10, 3); }) == 3);
  CHECK(lab.recv(pair.client) == octets.substr(10, 3));
  CHECK(lab.run([&](io::Op& op) { op.send_file(pair.server, file, 1 << 30, 3); }) == 0);
  lab.close(file);
  lab.remove("file");
}

inline void send_file_to_a_reset_peer(World& world) {
  Lab lab(world);
  Pair pair(lab);
  const int file = lab.create("file");
  lab.write(file, pattern(1000));
  CHECK(lab.send(pair.client, "never read") == 10);
  lab.linger(5 * io::millisecond);
  pair.close_server();
  lab.linger(5 * io::millisecond);
  Task sending;
  do {
    sending.op.send_file(pair.client, file, 0, 1000);
  } while (lab.run(sending) > 0);
  CHECK((sending.result == -ECONNRESET || sending.result == -EPIPE));
  lab.close(file);
  lab.remove("file");
}

/// Receives a stream into a file until its end or an error, in ops of at most `step`.
struct FileReceiver {
  FileReceiver(Lab& in, int from, int to, std::size_t in_steps) : lab(in), socket(from), file(to), step(in_steps) {
    task.then = [this] { on_received(); };
    next();
  }
  void next() {
    task.op.recv_file(socket, file, offset, step);
    lab.start(task);
  }
  void on_received() {
    if (task.result <= 0) return;
    REQUIRE(task.result <= static_cast<std::int32_t>(step));
    REQUIRE_FALSE(task.op.file_failed);
    offset += task.result;
    next();
  }
  Lab& lab;
  int socket, file;
  std::size_t step;
  std::int64_t offset = 0;
  Task task;
};

/// Sends all octets and the end, a little slower than possible.
inline void send_all(Lab& lab, int socket, std::string_view octets, std::size_t step = 300'000) {
  while (!octets.empty()) {
    const int sent = lab.send(socket, octets.substr(0, step));
    REQUIRE(sent > 0);
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  lab.backend.shutdown_send(socket);
}

inline void recv_file_is_exact(World& world) {
  Lab lab(world);
  const std::string octets = pattern(5 * 1024 * 1024 + 321);
  for (const std::size_t step : {std::size_t{100'001}, std::size_t{64} << 20}) {
    Pair pair(lab);
    const int file = lab.create("file");
    FileReceiver receiver(lab, pair.server, file, step);
    send_all(lab, pair.client, octets);
    CHECK(lab.finish(receiver.task) == 0);
    CHECK(receiver.offset == static_cast<std::int64_t>(octets.size()));
    CHECK(lab.read(file) == octets);
    lab.close(file);
    lab.remove("file");
  }
}

// A peer's urgent octet must not stop an upload, nor make the loop spin.
inline void recv_file_passes_urgent_data(World& world) {
  Lab lab(world);
  Pair pair(lab);
  const int file = lab.create("file");
  FileReceiver receiver(lab, pair.server, file, 1 << 20);
  CHECK(lab.send(pair.client, "a") == 1);
  const bool urgent = world.send_urgent(pair.client, '!') && lab.send(pair.client, "b") == 1;
  lab.until([&] { return receiver.offset == (urgent ? 2 : 1); });
  expect_cancel(lab, receiver.task);
  if (urgent) {  // and with the end of the stream behind it
    CHECK(lab.send(pair.client, "c") == 1);
    CHECK(world.send_urgent(pair.client, '!'));
    CHECK(lab.send(pair.client, "d") == 1);
    lab.backend.shutdown_send(pair.client);
    lab.linger(5 * io::millisecond);
    receiver.next();
    CHECK(lab.finish(receiver.task) == 0);
    CHECK(lab.read(file) == "abcd");
  }
  lab.close(file);
  lab.remove("file");
}

inline void recv_file_tells_whose_error(World& world) {
  Lab lab(world);
  lab.close(lab.create("file"));
  const int file = lab.open("file", O_RDONLY);
  REQUIRE(file >= 0);
  {
    Pair pair(lab);
    Task receiving;
    CHECK(lab.send(pair.client, "octets") == 6);
    receiving.op.recv_file(pair.server, file, 0, 100);
    CHECK(lab.run(receiving) == -EBADF);  // not open for writing
    CHECK(receiving.op.file_failed);
  }
  lab.close(file);
  const int writable = lab.open("file", O_RDWR);
  {
    Pair pair(lab);
    Task receiving;
    CHECK(lab.send(pair.server, "never read") == 10);
    lab.linger(5 * io::millisecond);
    pair.close_client();
    receiving.op.recv_file(pair.server, writable, 0, 100);
    CHECK(lab.run(receiving) == -ECONNRESET);
    CHECK_FALSE(receiving.op.file_failed);
  }
  lab.close(writable);
  lab.remove("file");
}

inline void recv_file_to_a_full_disk(World& world) {
  const int small = world.small_root();
  if (small < 0) return;
  Lab lab(world);
  Pair pair(lab);
  const int file = lab.open(small, "file", O_RDWR | O_CREAT);
  REQUIRE(file >= 0);
  const std::string octets = pattern(4 << 20);
  Task sending;
  std::size_t sent = 0;
  const auto send_more = [&] {
    sent += static_cast<std::size_t>(std::max(sending.result, 0));
    if (sending.result < 0 || sent == octets.size()) return;
    sending.op.send(pair.client, {octets.data() + sent, octets.size() - sent});
    lab.start(sending);
  };
  sending.then = send_more;
  send_more();
  FileReceiver receiver(lab, pair.server, file, 1 << 20);
  CHECK(lab.finish(receiver.task) == -ENOSPC);
  CHECK(receiver.task.op.file_failed);
  pair.close_server();
  lab.until([&] { return sending.op.idle(); });
  lab.close(file);

  // What carried the lost octets must not carry them into the next file.
  Pair next(lab);
  const int other = lab.create("other");
  FileReceiver clean(lab, next.server, other, 1 << 20);
  send_all(lab, next.client, "clean");
  CHECK(lab.finish(clean.task) == 0);
  CHECK(lab.read(other) == "clean");
  lab.close(other);
  lab.remove("other");
}

inline void many_uploads_at_once(World& world) {
  Lab lab(world);
  constexpr std::size_t count = 60;  // more than there are pipes and buffers
  const std::string octets = pattern(100'000);
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<int> files;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<Pair>(lab));
    files.push_back(lab.create(("file" + std::to_string(i)).c_str()));
    send_all(lab, pairs.back()->client, octets);
  }
  std::vector<std::unique_ptr<FileReceiver>> receivers;
  for (std::size_t i = 0; i < count; ++i) {
    receivers.push_back(std::make_unique<FileReceiver>(lab, pairs[i]->server, files[i], 50'000));
  }
  for (const auto& receiver : receivers) CHECK(lab.finish(receiver->task) == 0);
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(lab.read(files[i]) == octets);
    lab.close(files[i]);
    lab.remove(("file" + std::to_string(i)).c_str());
  }
}

inline void many_uploads_cancelled(World& world) {
  Lab lab(world);
  constexpr std::size_t count = 60;
  std::vector<std::unique_ptr<Pair>> pairs;
  const int file = lab.create("file");
  std::vector<Task> tasks(count);
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<Pair>(lab));
    CHECK(lab.send(pairs.back()->client, "octets") == 6);
  }
  lab.linger(2 * io::millisecond);
  for (std::size_t i = 0; i < count; ++i) {
    tasks[i].op.recv_file(pairs[i]->server, file, static_cast<std::int64_t>(i * 6), 6);
    lab.start(tasks[i]);
  }
  for (Task& task : tasks) lab.reactor.cancel(task.op);
  for (std::size_t i = 0; i < count; ++i) {
    const int result = lab.finish(tasks[i]);
    CHECK((result == 6 || result == -ECANCELED));
    if (result == -ECANCELED) CHECK(lab.recv(pairs[i]->server) == "octets");  // nothing may be lost
  }
  lab.close(file);
  lab.remove("file");
}

}  // namespace backend_cases
