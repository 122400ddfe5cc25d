// Which ports PASV may give, and whether anybody can foretell them.
#include "net/passive_ports.hpp"

#include <set>
#include <utility>

#include "tests/catch.hpp"

TEST_CASE("all ports are given, but for those left out", "[passive_ports]") {
  net::PassivePorts ports({.first = 50000, .last = 50009});
  net::Random random;
  for (const std::uint16_t port : {50003, 50004, 40000}) ports.leave_out(port);
  CHECK(ports.size() == 8);
  std::set<std::uint16_t> given;
  while (const auto port = ports.take(random)) given.insert(*port);
  CHECK(given == std::set<std::uint16_t>{50000, 50001, 50002, 50005, 50006, 50007, 50008, 50009});
  CHECK(ports.free_count() == 0);
}

TEST_CASE("numbers repeat for a seed alone", "[random]") {
  net::Random one(7), same(7), first, second;
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    CHECK(one() == same());
    numbers.insert({first(), second()});
  }
  CHECK(numbers.size() == 200);
}
