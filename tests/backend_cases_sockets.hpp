// Cases on sockets: accept, connect, recv, send, poll, urgent data, and cancelling them.
// Knows io/ only; must not know which backend it meets.
#pragma once

#include "tests/backend_lab.hpp"

namespace backend_cases {

inline void accept_tells_the_peer(World& world) {
  Lab lab(world);
  const auto listener = lab.backend.open_listener(loopback(), 8);
  REQUIRE(listener);
  const auto client = lab.backend.open_socket(loopback());
  REQUIRE(client);
  const io::Address at = lab.backend.local_address(*listener);
  CHECK(at.port() != 0);
  CHECK(at.v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK));

  Task accepting;
  accepting.op.accept(*listener);
  lab.start(accepting);
  lab.linger();
  CHECK(accepting.calls == 0);

  CHECK(lab.run([&](io::Op& op) { op.connect(*client, at); }) == 0);
  const int server = lab.finish(accepting);
  REQUIRE(server >= 0);
  CHECK(accepting.op.address.any.sa_family == AF_INET);
  CHECK(accepting.op.address.port() == lab.backend.local_address(*client).port());
  CHECK(lab.backend.local_address(server).port() == at.port());
  for (const int fd : {*client, server, *listener}) lab.close(fd);
}

inline void connect_is_refused(World& world) {
  Lab lab(world);
  const auto listener = lab.backend.open_listener(loopback(), 8);
  REQUIRE(listener);
  const io::Address gone = lab.backend.local_address(*listener);
  lab.close(*listener);
  const auto client = lab.backend.open_socket(loopback());
  REQUIRE(client);
  CHECK(lab.run([&](io::Op& op) { op.connect(*client, gone); }) == -ECONNREFUSED);
  lab.close(*client);
}

inline void a_port_listens_once(World& world) {
  Lab lab(world);
  const auto first = lab.backend.open_listener(loopback(), 8);
  REQUIRE(first);
  const auto second = lab.backend.open_listener(lab.backend.local_address(*first), 8);
  REQUIRE_FALSE(second);
  CHECK(second.error() == EADDRINUSE);
  lab.close(*first);
}

inline void a_closed_listener_leaves_its_port_at_once(World& world) {
  Lab lab(world);
  const auto first = lab.backend.open_listener(loopback(), 8);
  REQUIRE(first);
  const io::Address at = lab.backend.local_address(*first);
  Task waiting;
  waiting.op.accept(*first);
  lab.start(waiting);
  lab.linger();
  expect_cancel(lab, waiting);
  lab.backend.close_listener(*first);
  const auto client = lab.backend.open_socket(loopback());
  REQUIRE(client);
  CHECK(lab.run([&](io::Op& op) { op.connect(*client, at); }) == -ECONNREFUSED);
  const auto second = lab.backend.open_listener(at, 8);  // it may have the same number
  REQUIRE(second);
  Task accepting;
  accepting.op.accept(*second);
  lab.start(accepting);
  const auto other = lab.backend.open_socket(loopback());
  REQUIRE(other);
  CHECK(lab.run([&](io::Op& op) { op.connect(*other, at); }) == 0);
  const int accepted = lab.finish(accepting);
  CHECK(accepted >= 0);
  for (const int fd : {*client, *second, *other, accepted}) lab.close(fd);
}

inline void a_listener_rests_and_listens_again(World& world) {
  Lab lab(world);
  const auto any = lab.backend.open_listener(loopback(), 8);
  REQUIRE(any);
  const io::Address at = lab.backend.local_address(*any);
  lab.backend.close_listener(*any);
  const auto listener = lab.backend.open_listener(at, 8);
  REQUIRE(listener);
  const auto early = lab.backend.open_socket(loopback());
  const auto late = lab.backend.open_socket(loopback());
  REQUIRE((early && late));
  CHECK(lab.run([&](io::Op& op) { op.connect(*early, at); }) == 0);
  lab.backend.stop_listening(*listener);
  std::array<char, 1> octet{};
  CHECK(lab.run([&](io::Op& op) { op.recv(*early, octet); }) == -ECONNRESET);
  const auto meanwhile = lab.backend.open_socket(loopback());
  REQUIRE(meanwhile);
  CHECK(lab.run([&](io::Op& op) { op.connect(*meanwhile, at); }) == -ECONNREFUSED);
  CHECK(lab.backend.listen_again(*listener, 8) == 0);
  CHECK(lab.backend.local_address(*listener).port() == at.port());
  CHECK(lab.run([&](io::Op& op) { op.connect(*late, at); }) == 0);
  const int accepted = lab.run([&](io::Op& op) { op.accept(*listener); });
  CHECK(accepted >= 0);
  for (const int fd : {*early, *meanwhile, *late, *listener, accepted}) lab.close(fd);
}

inline void octets_both_ways_until_the_end(World& world) {
  Lab lab(world);
  Pair pair(lab);
  io::SocketOptions options;
  options.no_delay = options.keepalive = true;
  options.congestion_control = "no such algorithm";
  lab.backend.set_options(pair.client, options);

  CHECK(lab.send(pair.client, "hello") == 5);
  CHECK(lab.recv(pair.server, 2) == "he");  // short: the rest waits
  CHECK(lab.recv(pair.server) == "llo");
  CHECK(lab.send(pair.server, "back") == 4);
  CHECK(lab.recv(pair.client) == "back");

  lab.backend.shutdown_send(pair.client);
  CHECK(lab.recv(pair.server).empty());  // the end of the stream, as often as asked
  CHECK(lab.recv(pair.server).empty());
  CHECK(lab.send(pair.server, "still") == 5);
  CHECK(lab.recv(pair.client) == "still");
}

inline void recv_waits_for_octets(World& world) {
  Lab lab(world);
  Pair pair(lab);
  Task receiving;
  std::array<char, 16> into{};
  receiving.op.recv(pair.server, into);
  lab.start(receiving);
  lab.linger();
  CHECK(receiving.calls == 0);
  CHECK(lab.send(pair.client, "now") == 3);
  const std::int32_t octets = lab.finish(receiving);
  CHECK(octets > 0);
  CHECK(std::string_view("now").starts_with(std::string_view(into.data(), static_cast<std::size_t>(octets))));
  CHECK(receiving.calls == 1);
}

inline void one_socket_reads_writes_and_polls_at_once(World& world) {
  Lab lab(world);
  Pair pair(lab);
  Task receiving;
  Task urgent;
  Task sending;
  std::array<char, 16> into{};
  receiving.op.recv(pair.server, into);
  urgent.op.poll(pair.server, POLLPRI);
  lab.start(receiving);
  lab.start(urgent);
  const std::size_t sent = send_until_it_waits(lab, sending, pair.server);
  CHECK(sent > 0);
  CHECK(receiving.calls == 0);
  CHECK(urgent.calls == 0);

  CHECK(lab.send(pair.client, "x") == 1);
  CHECK(lab.finish(receiving) == 1);
  CHECK_FALSE(sending.op.idle());
  while (!sending.op.idle()) REQUIRE_FALSE(lab.recv(pair.client, 1 << 20).empty());
  CHECK(sending.result > 0);
  expect_cancel(lab, urgent);
}

inline void a_slow_reader_gets_all_octets(World& world) {
  Lab lab(world);
  Pair pair(lab);
  const std::string octets = pattern(8 << 20);
  std::size_t sent = 0;
  Task sending;
  const auto send_more = [&] {
    if (sending.calls > 0) {
      REQUIRE(sending.result > 0);
      sent += static_cast<std::size_t>(sending.result);
    }
    if (sent == octets.size()) return lab.backend.shutdown_send(pair.client);
    sending.op.send(pair.client, {octets.data() + sent, octets.size() - sent});
    lab.start(sending);
  };
  sending.then = send_more;
  send_more();
  std::string got;
  for (;;) {
    const std::string part = lab.recv(pair.server, 100'000);
    if (part.empty()) break;
    got += part;
  }
  CHECK(got == octets);
}

inline void a_reset_peer_is_an_error_and_no_signal(World& world) {
  Lab lab(world);
  Pair pair(lab);
  CHECK(lab.send(pair.client, "never read") == 10);
  lab.linger(5 * io::millisecond);
  pair.close_server();  // unread octets make it a reset
  lab.linger(5 * io::millisecond);
  std::set<int> seen;
  for (int i = 0; i < 4; ++i) seen.insert(std::min(lab.send(pair.client, "x"), 0));
  seen.erase(0);  // the network may need a moment to tell
  CHECK_FALSE(seen.empty());
  for (const int error : seen) CHECK((error == -ECONNRESET || error == -EPIPE));
}

inline void inbound_tells_what_there_is_to_read(World& world) {
  Lab lab(world);
  Pair pair(lab);
  CHECK(lab.backend.inbound(pair.server) == io::Inbound::nothing);
  CHECK(lab.send(pair.client, "x") == 1);
  lab.backend.shutdown_send(pair.client);
  lab.linger(5 * io::millisecond);
  CHECK(lab.backend.inbound(pair.server) == io::Inbound::octets);
  CHECK(lab.recv(pair.server) == "x");
  CHECK(lab.backend.inbound(pair.server) == io::Inbound::ended);
}

inline void what_can_be_moved_now_is(World& world) {
  Lab lab(world);
  Pair pair(lab);
  std::array<char, 8> into{};
  const std::string_view octets = "now";
  CHECK(lab.backend.receive_now(pair.server, into) == -EAGAIN);
  CHECK(lab.backend.send_now(pair.client, octets) == 3);
  lab.linger(5 * io::millisecond);
  CHECK(lab.backend.receive_now(pair.server, into) == 3);
  CHECK(std::string_view(into.data(), 3) == octets);
  pair.close_client();
  lab.linger(5 * io::millisecond);
  CHECK(lab.backend.receive_now(pair.server, into) == 0);
}

/// Ends sends by itself as if each took one octet, and passes the rest on.
struct OneOctetLayer final : io::Layer {
  explicit OneOctetLayer(io::Reactor& at) : reactor(at) {}
  void submit(io::Op& op) override {
    if (op.kind != io::OpKind::send) return reactor.pass_on(op);
    reactor.finish(op, 1);
  }
  void cancel(io::Op& op) override { reactor.cancel_passed(op); }
  io::Reactor& reactor;
};

inline void a_layer_is_handed_its_ops(World& world) {
  Lab lab(world);
  Pair pair(lab);
  OneOctetLayer layer(lab.reactor);
  Task sending, receiving;
  sending.op.via = receiving.op.via = &layer;
  sending.op.send(pair.server, std::string_view("never sent"));
  lab.start(sending);
  CHECK(sending.calls == 0);  // never inside submit
  CHECK(lab.finish(sending) == 1);
  std::array<char, 8> into{};
  receiving.op.recv(pair.server, into);
  lab.start(receiving);
  CHECK(lab.send(pair.client, "passed") == 6);
  CHECK(lab.finish(receiving) == 6);
  receiving.op.recv(pair.server, into);
  lab.start(receiving);
  lab.linger(5 * io::millisecond);
  lab.reactor.cancel(receiving.op);
  CHECK(lab.finish(receiving) == -ECANCELED);
}

inline void poll_tells_what_holds(World& world) {
  Lab lab(world);
  Pair pair(lab);
  CHECK(lab.run([&](io::Op& op) { op.poll(pair.server, POLLOUT); }) == POLLOUT);
  Task reading;
  reading.op.poll(pair.server, POLLIN);
  lab.start(reading);
  lab.linger();
  CHECK(reading.calls == 0);
  CHECK(lab.send(pair.client, "x") == 1);
  CHECK(lab.finish(reading) == POLLIN);
  CHECK(lab.run([&](io::Op& op) { op.poll(pair.server, POLLIN | POLLOUT); }) == (POLLIN | POLLOUT));
  CHECK(lab.recv(pair.server) == "x");
}

inline void urgent_data_is_seen(World& world) {
  Lab lab(world);
  Pair pair(lab);
  io::SocketOptions options;
  options.urgent_inline = true;
  lab.backend.set_options(pair.server, options);
  CHECK_FALSE(lab.backend.urgent_pending(pair.server));
  Task urgent;
  urgent.op.poll(pair.server, POLLPRI);
  lab.start(urgent);
  CHECK(lab.send(pair.client, "ab") == 2);
  if (!world.send_urgent(pair.client, '!')) {
    expect_cancel(lab, urgent);
    return;
  }
  CHECK((lab.finish(urgent) & POLLPRI) != 0);
  CHECK(lab.backend.urgent_pending(pair.server));
  std::string got;
  while (got.size() < 3) got += lab.recv(pair.server, 1);
  CHECK(got == "ab!");
  CHECK(lab.send(pair.client, "c") == 1);
  CHECK(lab.recv(pair.server) == "c");
  CHECK_FALSE(lab.backend.urgent_pending(pair.server));
}

inline void recv_lent_borrows_late(World& world) {
  Lab lab(world);
  Pair pair(lab);
  io::BufferPool pool(64, 1);
  Task receiving;
  receiving.op.recv_lent(pair.server, pool);
  lab.start(receiving);
  lab.linger();
  CHECK(receiving.calls == 0);
  CHECK(pool.lent() == 0);

  CHECK(lab.send(pair.client, "first") == 5);
  REQUIRE(lab.finish(receiving) == 5);
  REQUIRE(receiving.op.data != nullptr);
  CHECK(std::string_view(receiving.op.data, 5) == "first");
  CHECK(pool.lent() == 1);
  char* first = receiving.op.data;

  receiving.op.recv_lent(pair.server, pool);
  lab.start(receiving);
  lab.linger();
  CHECK(receiving.calls == 1);  // an empty pool is no error while there is nothing to put into it
  CHECK(lab.send(pair.client, "second") == 6);
  CHECK(lab.finish(receiving) == -ENOBUFS);
  CHECK(receiving.op.data == nullptr);

  pool.give_back(first);
  receiving.op.recv_lent(pair.server, pool);
  REQUIRE(lab.run(receiving) == 6);
  CHECK(std::string_view(receiving.op.data, 6) == "second");

  lab.backend.shutdown_send(pair.client);  // the end needs no buffer
  receiving.op.recv_lent(pair.server, pool);
  char* second = pool.borrow();
  CHECK(second == nullptr);
  CHECK(lab.run(receiving) == 0);
  CHECK(pool.lent() == 1);
}

inline void cancel_ends_what_waits(World& world) {
  Lab lab(world);
  Pair pair(lab);
  const auto listener = lab.backend.open_listener(loopback(), 8);
  REQUIRE(listener);
  const int file = lab.create("file");
  lab.write(file, pattern(1 << 20));
  io::BufferPool pool(64, 1);
  std::array<char, 16> into{};

  Task idle;
  lab.reactor.cancel(idle.op);
  CHECK(idle.calls == 0);

  const std::vector<std::function<void(io::Op&)>> waiting = {
      [&](io::Op& op) { op.accept(*listener); },
      [&](io::Op& op) { op.recv(pair.server, into); },
      [&](io::Op& op) { op.recv_lent(pair.server, pool); },
      [&](io::Op& op) { op.recv_file(pair.server, file, 0, 100); },
      [&](io::Op& op) { op.poll(pair.server, POLLIN); },
      [&](io::Op& op) { op.poll(pair.server, POLLPRI); },
  };
  for (const bool let_it_start : {false, true}) {
    for (const auto& prepare : waiting) {
      Task task;
      prepare(task.op);
      lab.start(task);
      if (let_it_start) lab.linger(2 * io::millisecond);
      expect_cancel(lab, task);
    }
  }
  CHECK(pool.lent() == 0);

  Task sending;
  send_until_it_waits(lab, sending, pair.server);
  expect_cancel(lab, sending);
  send_until_it_waits(lab, sending, [&](io::Op& op) { op.send_file(pair.server, file, 0, 1 << 20); });
  expect_cancel(lab, sending);
  lab.close(file);
  lab.close(*listener);
  lab.remove("file");
}

// A listener that accepts nobody: its queue fills, and further connects wait for room.
inline void cancel_ends_a_connect(World& world) {
  Lab lab(world);
  const auto listener = lab.backend.open_listener(loopback(), 0);
  REQUIRE(listener);
  std::array<Task, 6> tasks;
  std::vector<int> sockets;
  for (Task& task : tasks) {
    const auto socket = lab.backend.open_socket(loopback());
    REQUIRE(socket);
    sockets.push_back(*socket);
    task.op.connect(*socket, lab.backend.local_address(*listener));
    lab.start(task);
    lab.linger(2 * io::millisecond);
  }
  for (Task& task : tasks) {
    if (!task.op.idle()) expect_cancel(lab, task);
    CHECK(task.calls == 1);
  }
  for (const int socket : sockets) lab.close(socket);
  lab.close(*listener);
}

inline void cancel_races_with_success(World& world) {
  Lab lab(world);
  Pair pair(lab);
  std::array<char, 16> into{};
  Task receiving;
  int cancelled = 0;
  for (int round = 0; round < 50; ++round) {
    const int calls = receiving.calls;
    receiving.op.recv(pair.server, into);
    lab.start(receiving);
    if (round % 3 == 1) lab.reactor.turn(lab.backend.now());
    CHECK(lab.send(pair.client, "x") == 1);
    if (round % 3 == 2) lab.linger(io::millisecond);
    lab.reactor.cancel(receiving.op);
    lab.finish(receiving);
    CHECK(receiving.calls == calls + 1);
    if (receiving.result == -ECANCELED) {  // then the octet must still be there
      ++cancelled;
      CHECK(lab.recv(pair.server) == "x");
    } else {
      CHECK(receiving.result == 1);
    }
  }
  CHECK(cancelled <= 50);
}

inline void callbacks_never_run_inside_submit(World& world) {
  Lab lab(world);
  Pair pair(lab);
  const int file = lab.create("file");
  CHECK(lab.send(pair.client, "ready") == 5);
  lab.linger(5 * io::millisecond);

  std::array<char, 1> octet{};
  bool inside = false;
  std::array<Task, 4> tasks;
  for (Task& task : tasks) task.then = [&] { CHECK_FALSE(inside); };
  tasks[0].op.recv(pair.server, octet);
  tasks[1].op.send(pair.server, octet);
  tasks[2].op.write(file, octet, 0);
  tasks[3].op.poll(pair.server, POLLOUT);
  for (Task& task : tasks) {
    inside = true;
    lab.start(task);
    inside = false;
    CHECK(task.calls == 0);
    CHECK_FALSE(task.op.idle());
  }
  CHECK(lab.reactor.in_flight() == tasks.size());
  for (Task& task : tasks) lab.finish(task);

  // A callback that submits its own op anew does not recurse either.
  int rounds = 0;
  Task again;
  again.then = [&] {
    CHECK_FALSE(inside);
    if (++rounds == 100) return;
    inside = true;
    again.op.poll(pair.server, POLLOUT);
    lab.start(again);
    inside = false;
  };
  again.op.poll(pair.server, POLLOUT);
  lab.start(again);
  lab.until([&] { return rounds == 100; });
  lab.close(file);
  lab.remove("file");
}

inline void a_descriptor_number_is_used_again(World& world) {
  Lab lab(world);
  std::set<int> numbers;
  for (int round = 0; round < 5; ++round) {
    Pair pair(lab);
    numbers.insert({pair.client, pair.server});
    std::array<char, 16> into{};
    Task receiving;
    receiving.op.recv(pair.server, into);
    lab.start(receiving);
    lab.linger(2 * io::millisecond);
    CHECK(lab.send(pair.client, "again") == 5);
    CHECK(lab.finish(receiving) == 5);
    Task sending;
    send_until_it_waits(lab, sending, pair.server);
    expect_cancel(lab, sending);
    pair.close_client();
    pair.close_server();
    lab.until([&] { return lab.reactor.in_flight() == 0; });
  }
  CHECK(numbers.size() < 10);
}

inline void a_thousand_ops_in_flight(World& world) {
  Lab lab(world);
  constexpr std::size_t pairs_count = 10;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < pairs_count; ++i) pairs.push_back(std::make_unique<Pair>(lab));

  std::vector<Task> polls(1000);
  const auto poll_all = [&] {
    for (std::size_t i = 0; i < polls.size(); ++i) {
      polls[i].op.poll(pairs[i % pairs_count]->server, POLLIN);
      lab.start(polls[i]);
    }
    lab.linger(5 * io::millisecond);
  };
  const auto all_done = [&] { return std::ranges::all_of(polls, [](const Task& task) { return task.op.idle(); }); };
  poll_all();
  for (Task& task : polls) CHECK(task.calls == 0);
  for (Task& task : polls) lab.reactor.cancel(task.op);
  lab.until(all_done);
  for (Task& task : polls) CHECK((task.calls == 1 && task.result == -ECANCELED));
  poll_all();
  for (const auto& pair : pairs) CHECK(lab.send(pair->client, "x") == 1);
  lab.until(all_done);
  for (Task& task : polls) CHECK((task.calls == 2 && task.result == POLLIN));

  const int file = lab.create("file");
  const std::string octets = pattern(1000);
  lab.write(file, octets);
  std::string got(octets.size(), '\0');
  for (std::size_t i = 0; i < polls.size(); ++i) {
    polls[i].op.read(file, {&got[i], 1}, static_cast<std::int64_t>(i));
    lab.start(polls[i]);
  }
  lab.until(all_done);
  CHECK(got == octets);
  lab.close(file);
  lab.remove("file");
}

}  // namespace backend_cases
