// When a worker that ended unasked comes back.
#include "net/supervisor.hpp"

#include "tests/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("a worker that dies again and again waits longer and longer", "[supervisor]") {
  net::RestartDelay delay;
  for (const auto wanted : {0s, 1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}) CHECK(delay.after(29s) == wanted);
  CHECK(delay.after(30s) == 0s);
  CHECK(delay.after(0s) == 1s);
}
