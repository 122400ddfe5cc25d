// The pool lends at most its limit, lends again what came back, and counts.
#include "io/buffer_pool.hpp"

#include <cstring>
#include <set>
#include <vector>

#include "tests/catch.hpp"

TEST_CASE("a pool lends up to its limit and keeps what it made", "[buffer_pool]") {
  io::BufferPool pool(100, 3);
  CHECK(pool.buffer_size() == 100);
  CHECK(pool.limit() == 3);
  CHECK(pool.lent() == 0);

  std::set<char*> lent;
  for (int i = 0; i < 3; ++i) {
    char* buffer = pool.borrow();
    REQUIRE(buffer != nullptr);
    std::memset(buffer, i, pool.buffer_size());
    CHECK(lent.insert(buffer).second);
  }
  CHECK(pool.lent() == 3);
  CHECK(pool.borrow() == nullptr);
  CHECK(pool.lent() == 3);

  pool.give_back(*lent.begin());
  CHECK(pool.lent() == 2);
  CHECK(pool.borrow() == *lent.begin());  // the same one, not a fourth
  CHECK(pool.borrow() == nullptr);

  for (char* buffer : lent) pool.give_back(buffer);
  CHECK(pool.lent() == 0);
}

TEST_CASE("giving back nothing does nothing", "[buffer_pool]") {
  io::BufferPool pool(100, 1);
  pool.give_back(nullptr);
  CHECK(pool.lent() == 0);
}

TEST_CASE("a pool of none is always empty", "[buffer_pool]") {
  io::BufferPool pool(100, 0);
  CHECK(pool.borrow() == nullptr);
}
