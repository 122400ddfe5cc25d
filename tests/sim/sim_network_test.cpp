// The simulated network by itself: streams, windows, ends, resets, urgent data and refusals, with
// the errors that Linux 6.18 gives in the same situations.
#include <poll.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/sim_network.hpp"

namespace {

using sim::address_of;
using sim::Socket;

struct Fixture {
  sim::Timeline timeline;
  sim::SimNetwork network{timeline, 1};

  void run() {
    while (timeline.next_moment() != io::never) timeline.run_next();
  }
  /// A client's socket and the server's, connected.
  std::pair<Socket*, Socket*> connect(std::uint16_t port = 2121) {
    auto* listener = network.listen(address_of("0.0.0.0", port), 1).value();
    Socket* client = network.open(address_of("10.0.0.7")).value();
    REQUIRE(network.connect(*client, address_of("10.0.0.1", port)) == 0);
    run();
    REQUIRE(client->connect_result() == 0);
    Socket* server = network.accept(*listener);
    REQUIRE(server != nullptr);
    network.close(*listener);
    return {client, server};
  }
  static std::string receive(Socket& socket, std::size_t most = 100'000) {
    std::string into(most, '\0');
    const std::int64_t count = socket.receive(into);
    return count < 0 ? "errno " + std::to_string(-count) : into.substr(0, static_cast<std::size_t>(count));
  }
};

std::string error(int number) { return "errno " + std::to_string(number); }

}  // namespace

TEST_CASE("octets arrive in order, once, and after some time", "[sim]") {
  Fixture f;
  f.network.options.split_segments = 0.8;
  auto [client, server] = f.connect();
  std::string sent;
  for (int i = 0; i < 1000; ++i) sent += std::to_string(i) + ",";
  const io::Time begin = f.timeline.now();
  CHECK(client->send(sent) == static_cast<std::int64_t>(sent.size()));
  CHECK(Fixture::receive(*server) == error(EAGAIN));
  f.run();
  CHECK(f.timeline.now() - begin >= f.network.options.latency_min);
  CHECK(Fixture::receive(*server) == sent);
  CHECK(client->remote().port() == 2121);
  CHECK(sim::to_text(server->remote()) == sim::to_text(client->local()));
  CHECK(sim::to_text(server->local()) == "10.0.0.1:2121");
}

TEST_CASE("a reader that does not read stops the sender", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  const std::string block(10'000, 'b');
  std::size_t sent = 0;
  for (;;) {
    const std::int64_t count = client->send(block);
    f.run();
    if (count < 0) {
      CHECK(count == -EAGAIN);
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  CHECK(sent == f.network.options.send_capacity + f.network.options.receive_capacity);
  CHECK((client->events() & POLLOUT) == 0);
  std::size_t received = 0;
  while ((server->events() & POLLIN) != 0) {
    received += Fixture::receive(*server, 7'000).size();
    f.run();
  }
  CHECK(received == sent);
  CHECK((client->events() & POLLOUT) != 0);
}

TEST_CASE("a close after all was read is an end; octets sent afterwards bring a reset", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  CHECK(server->send(std::string_view{"last words"}) == 10);
  f.network.close(*server);
  f.run();
  CHECK(client->send(std::string_view{"x"}) == 1);  // nobody has told yet
  f.run();
  CHECK(client->send(std::string_view{"x"}) == -EPIPE);
  CHECK(Fixture::receive(*client) == "last words");
  CHECK(Fixture::receive(*client).empty());
  CHECK(client->at_end());
}

TEST_CASE("a close with unread octets is a reset, told once", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  CHECK(client->send(std::string_view{"never read"}) == 10);
  CHECK(server->send(std::string_view{"reply"}) == 5);
  f.run();
  f.network.close(*server);
  f.run();
  CHECK(Fixture::receive(*client) == "reply");
  CHECK((client->events() & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
  CHECK(Fixture::receive(*client) == error(ECONNRESET));
  CHECK(Fixture::receive(*client).empty());
  CHECK(client->send(std::string_view{"x"}) == -EPIPE);
}

TEST_CASE("after FIN one direction goes on", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  client->shutdown_send();
  f.run();
  CHECK(Fixture::receive(*server).empty());
  CHECK(client->send(std::string_view{"x"}) == -EPIPE);
  CHECK(server->send(std::string_view{"still"}) == 5);
  f.run();
  CHECK(Fixture::receive(*client) == "still");
}

TEST_CASE("a read stops at urgent data", "[sim]") {
  Fixture f;
  f.network.options.split_segments = 0;
  for (const bool in_line : {true, false}) {
    auto [client, server] = f.connect(in_line ? 2121 : 2122);
    server->urgent_inline = in_line;
    CHECK(client->send(std::string_view{"abc"}) == 3);
    client->send_urgent(std::string_view{"d!"});
    CHECK(client->send(std::string_view{"ef"}) == 2);
    f.run();
    CHECK(server->urgent_pending());
    CHECK((server->events() & POLLPRI) != 0);
    CHECK(Fixture::receive(*server) == "abcd");
    CHECK(server->urgent_pending());
    CHECK(Fixture::receive(*server) == (in_line ? "!ef" : "ef"));
    CHECK_FALSE(server->urgent_pending());
  }
}

TEST_CASE("connecting fails where Linux lets it fail", "[sim]") {
  Fixture f;
  Socket* client = f.network.open(address_of("10.0.0.7")).value();
  CHECK(client->send(std::string_view{"x"}) == -EPIPE);
  CHECK(Fixture::receive(*client) == error(ENOTCONN));
  CHECK(f.network.connect(*client, address_of("10.0.0.1", 9)) == 0);
  CHECK(client->connect_result() == -EAGAIN);
  CHECK(f.network.connect(*client, address_of("10.0.0.1", 9)) == -EALREADY);
  f.run();
  CHECK(client->connect_result() == -ECONNREFUSED);

  f.network.make_unreachable(address_of("10.0.0.99"));
  const io::Time begin = f.timeline.now();
  CHECK(f.network.connect(*client, address_of("10.0.0.99", 9)) == 0);
  f.run();
  CHECK(client->connect_result() == -ETIMEDOUT);
  CHECK(f.timeline.now() - begin > 60 * io::second);

  auto [connected, server] = f.connect();
  CHECK(f.network.connect(*connected, address_of("10.0.0.1", 2121)) == -EISCONN);
}

TEST_CASE("a port is taken once, and each pair of ends too", "[sim]") {
  Fixture f;
  const auto wild = f.network.listen(address_of("0.0.0.0", 21), 5);
  REQUIRE(wild);
  CHECK(f.network.listen(address_of("127.0.0.1", 21), 5).error() == EADDRINUSE);
  CHECK(f.network.open(address_of("10.0.0.1", 21)).error() == EADDRINUSE);
  CHECK(f.network.listen(address_of("::", 21), 5));        // IPv6 is a world of its own
  CHECK(f.network.listen(address_of("10.0.0.7", 21), 5));  // and so is another machine
  const auto any = f.network.listen(address_of("0.0.0.0"), 5);
  REQUIRE(any);
  CHECK((*any)->local().port() >= 32768);

  Socket* first = f.network.open(address_of("10.0.0.7", 4000)).value();
  Socket* second = f.network.open(address_of("10.0.0.7", 4000)).value();
  CHECK(f.network.connect(*first, address_of("10.0.0.1", 21)) == 0);
  CHECK(f.network.connect(*second, address_of("10.0.0.1", 21)) == -EADDRNOTAVAIL);
}

TEST_CASE("a full backlog makes connecting slow", "[sim]") {
  Fixture f;
  auto* listener = f.network.listen(address_of("0.0.0.0", 21), 0).value();
  Socket* first = f.network.open(address_of("10.0.0.7")).value();
  Socket* second = f.network.open(address_of("10.0.0.7")).value();
  CHECK(f.network.connect(*first, address_of("10.0.0.1", 21)) == 0);
  f.run();
  CHECK(f.network.connect(*second, address_of("10.0.0.1", 21)) == 0);
  const io::Time begin = f.timeline.now();
  while (f.timeline.now() < begin + 500 * io::millisecond) f.timeline.run_next();
  CHECK(first->connected());
  CHECK_FALSE(second->connected());
  CHECK(f.network.accept(*listener) != nullptr);
  f.run();
  CHECK(second->connected());
  f.network.close(*listener);
  f.run();
  CHECK(second->was_reset());
}

TEST_CASE("a silent machine is never heard of again", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  CHECK(client->send(std::string_view{"on the way"}) == 10);
  f.network.silence(*client);
  f.network.close(*client);
  CHECK(server->send(std::string_view{"hello?"}) == 6);
  f.run();
  CHECK(Fixture::receive(*server) == error(EAGAIN));
  CHECK_FALSE(server->all_delivered());
}

TEST_CASE("pacing spreads octets over time", "[sim]") {
  Fixture f;
  auto [client, server] = f.connect();
  client->pacing_rate = 10'000;
  CHECK(client->send(std::string(50'000, 'p')) == 50'000);
  const io::Time begin = f.timeline.now();
  f.run();
  CHECK(f.timeline.now() - begin >= 3 * io::second);
  CHECK(f.timeline.now() - begin <= 6 * io::second);
}

TEST_CASE("chance is the same for the same seed", "[sim]") {
  sim::Random one{7};
  sim::Random other{7};
  sim::Random different{8};
  std::vector<std::uint64_t> counts(10);
  int equal = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = one.next();
    CHECK(value == other.next());
    equal += value == different.next() ? 1 : 0;
    ++counts[value % 10];
  }
  CHECK(equal == 0);
  for (const std::uint64_t count : counts) CHECK((count > 800 && count < 1200));
}
