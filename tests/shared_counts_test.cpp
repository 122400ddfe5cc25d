// Counting over workers: in one process by standing for each in turn, and in two at the same time.
#include "net/shared_counts.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/catch.hpp"

using net::SharedCounts;

namespace {

core::Endpoint peer(const std::string& text) { return core::parse_address(text).value(); }

core::Endpoint numbered(std::size_t number) {
  return peer(fmt::format("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255));
}

}  // namespace

TEST_CASE("sessions are counted for all workers and for one", "[shared_counts]") {
  auto counts = SharedCounts::make(3, 100, 1).value();
  for (std::size_t worker = 0; worker < 3; ++worker) {
    counts.stand_for(worker);
    for (std::size_t i = 0; i <= worker; ++i) REQUIRE(counts.enter(peer("192.0.2.1")));
    REQUIRE(counts.enter(peer("2001:db8::1")));
    CHECK(counts.own_sessions() == worker + 2);
  }
  CHECK(counts.sessions() == 9);
  CHECK(counts.sessions_from(peer("192.0.2.1")) == 6);
  CHECK(counts.sessions_from(peer("2001:db8::1")) == 3);
  CHECK(counts.sessions_from(peer("192.0.2.2")) == 0);
  counts.leave(peer("192.0.2.1"));
  CHECK(counts.own_sessions() == 3);
  CHECK(counts.sessions_from(peer("192.0.2.1")) == 5);
  CHECK(counts.totals().sessions == 8);
  CHECK(counts.totals().sessions_begun == 9);
}

TEST_CASE("an address is counted without its port", "[shared_counts]") {
  auto counts = SharedCounts::make(1, 100, 1).value();
  core::Endpoint from = peer("192.0.2.1");
  for (const std::uint16_t port : {1, 2, 3}) {
    from.port = port;
    REQUIRE(counts.enter(from));
  }
  CHECK(counts.sessions_from(peer("192.0.2.1")) == 3);
}

TEST_CASE("a dead worker's sessions are no more, and what it moved stays", "[shared_counts]") {
  auto counts = SharedCounts::make(2, 100, 1).value();
  for (const std::size_t worker : {0, 1}) {
    counts.stand_for(worker);
    for (std::size_t i = 0; i < 50; ++i) REQUIRE(counts.enter(numbered(i)));
    counts.add_transfer(true, 1000);
    counts.add_transfer(false, 10);
    using Handshake = SharedCounts::Handshake;
    for (const auto how : {Handshake::control, Handshake::data, Handshake::failed}) counts.add_handshake(how);
    counts.add_handshake(Handshake::data_resumed, true);
  }
  counts.forget(0);
  CHECK(counts.sessions() == 50);
  for (std::size_t i = 0; i < 50; ++i) CHECK(counts.sessions_from(numbered(i)) == 1);
  CHECK(net::to_string(counts.totals()) ==
        "sessions=50 sessions_begun=100 transfers=4 octets_in=20 octets_out=2000 restarts=1 tls_handshakes=2 "
        "tls_data=4 tls_data_resumed=2 tls_failed=2 tls_kernel=2");
  counts.stand_for(0);
  CHECK(counts.own_sessions() == 0);
  REQUIRE(counts.enter(numbered(0)));
  CHECK(counts.sessions_from(numbered(0)) == 2);
}

TEST_CASE("there is room for as many addresses as sessions, whatever the seed", "[shared_counts]") {
  const std::size_t sessions = GENERATE(1, 64, 20'000);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto counts = SharedCounts::make(1, sessions, seed).value();
    std::size_t refused = 0, wrong = 0;
    for (std::size_t i = 0; i < sessions; ++i) refused += counts.enter(numbered(i)) ? 0 : 1;
    for (std::size_t i = 0; i < sessions; ++i) wrong += counts.sessions_from(numbered(i)) == 1 ? 0 : 1;
    CHECK(refused == 0);
    CHECK(wrong == 0);
    for (std::size_t i = 0; i < sessions; ++i) counts.leave(numbered(i));
    CHECK(counts.sessions() == 0);
  }
}

TEST_CASE("an address without room is not counted at all", "[shared_counts]") {
  auto counts = SharedCounts::make(1, 1, 1).value();
  std::size_t entered = 0;
  while (entered < 10'000 && counts.enter(numbered(entered))) ++entered;
  CHECK(entered >= 1);
  CHECK(entered < 10'000);
  CHECK(counts.sessions() == entered);
  CHECK(counts.sessions_from(numbered(entered)) == 0);
  REQUIRE(counts.enter(numbered(0)));  // a known address needs no room
  for (std::size_t i = 0; i < entered; ++i) counts.leave(numbered(i));
  counts.leave(numbered(0));
  CHECK(counts.enter(numbered(entered)));
}

TEST_CASE("of two workers that want the last place never both get it", "[shared_counts]") {
  constexpr int attempts = 100'000;
  struct Place {
    std::atomic<int> taken, twice, had;
  };
  void* memory = mmap(nullptr, sizeof(Place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto& place = *static_cast<Place*>(memory);
  auto counts = SharedCounts::make(2, 10, 1).value();
  const auto compete = [&](std::size_t worker) {
    counts.stand_for(worker);
    for (int i = 0; i < attempts; ++i) {
      if (!counts.enter(numbered(1))) continue;
      if ((i % 2 == 0 ? counts.sessions() : counts.sessions_from(numbered(1))) <= 1) {
        if (place.taken.exchange(1) != 0) ++place.twice;
        ++place.had;
        place.taken = 0;
      }
      counts.leave(numbered(1));
    }
  };
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    compete(1);
    _exit(0);
  }
  compete(0);
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  CHECK(status == 0);
  CHECK(place.twice == 0);
  CHECK(place.had > 0);
  CHECK(counts.sessions() == 0);
  CHECK(counts.sessions_from(numbered(1)) == 0);
  munmap(memory, sizeof(Place));
}
