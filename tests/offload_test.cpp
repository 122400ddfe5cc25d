// The offload threads: order, cancellation, wake-up, scratch, signals. Runs under TSan as well.
#include "io/offload.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <deque>
#include <semaphore>
#include <set>
#include <vector>

#include "io/pipe_pool.hpp"
#include "tests/catch.hpp"

namespace {

using io::Offload;
using io::Op;

constexpr std::size_t scratch_size = 4096;

std::int32_t run_function(Op& op, std::span<char> scratch) {
  std::memset(scratch.data(), 1, 100);  // each thread has its own: TSan would see a shared one
  return op.function(op.argument);
}

bool readable(int fd, int timeout_ms) {
  pollfd asked{fd, POLLIN, 0};
  return ::poll(&asked, 1, timeout_ms) == 1;
}

/// Waits for `count` finished ops, in the order in which they came out.
std::vector<Op*> collect(Offload& offload, std::size_t count) {
  std::vector<Op*> finished;
  while (finished.size() < count) {
    REQUIRE(readable(offload.event_fd(), 10'000));
    const auto some = offload.collect();
    finished.insert(finished.end(), some.begin(), some.end());
  }
  CHECK(finished.size() == count);
  return finished;
}

int add_one(void* number) { return ++*static_cast<int*>(number); }

struct Blocker {
  std::binary_semaphore begun{0};
  std::binary_semaphore may_end{0};
  static int run(void* self) {
    static_cast<Blocker*>(self)->begun.release();
    static_cast<Blocker*>(self)->may_end.acquire();
    return 7;
  }
};

}  // namespace

TEST_CASE("what is started comes out with its result", "[offload]") {
  Offload offload(2, scratch_size, run_function);
  REQUIRE(offload.event_fd() >= 0);
  CHECK_FALSE(readable(offload.event_fd(), 0));
  CHECK(offload.collect().empty());

  constexpr int count = 5000;
  std::vector<int> numbers(count);
  std::deque<Op> ops(count);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    numbers[i] = static_cast<int>(i);
    ops[i].call(add_one, &numbers[i]);
    offload.start(ops[i]);
  }
  const auto finished = collect(offload, count);
  CHECK(std::set<Op*>(finished.begin(), finished.end()).size() == count);
  for (std::size_t i = 0; i < ops.size(); ++i) CHECK(ops[i].result == static_cast<int>(i) + 1);
  CHECK(offload.collect().empty());
  CHECK_FALSE(readable(offload.event_fd(), 0));
}

TEST_CASE("one thread keeps the order", "[offload]") {
  Offload offload(1, scratch_size, run_function);
  int number = 0;
  std::deque<Op> ops(100);
  for (Op& op : ops) {
    op.call(add_one, &number);
    offload.start(op);
  }
  const auto finished = collect(offload, ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    CHECK(finished[i] == &ops[i]);
    CHECK(ops[i].result == static_cast<int>(i) + 1);
  }
}

TEST_CASE("cancel takes back what has not begun", "[offload]") {
  Offload offload(1, scratch_size, run_function);
  Blocker blocker;
  int number = 0;
  Op running;
  std::deque<Op> queued(3);
  running.call(Blocker::run, &blocker);
  offload.start(running);
  for (Op& op : queued) {
    op.call(add_one, &number);
    offload.start(op);
  }
  blocker.begun.acquire();
  CHECK_FALSE(offload.cancel(running));
  CHECK(offload.cancel(queued[1]));        // in the middle
  CHECK_FALSE(offload.cancel(queued[1]));  // only once
  CHECK(offload.cancel(queued[0]));        // the front
  blocker.may_end.release();
  const auto finished = collect(offload, 2);
  CHECK(finished[0] == &running);
  CHECK(finished[1] == &queued[2]);
  CHECK_FALSE(offload.cancel(queued[2]));
  CHECK(running.result == 7);
  CHECK(number == 1);
}

TEST_CASE("pieces of longer works leave a thread to all else", "[offload][contents]") {
  Offload offload(2, scratch_size, run_function);
  std::deque<Blocker> works(5);
  std::deque<Op> pieces(works.size());
  for (std::size_t i = 0; i < works.size(); ++i) {
    pieces[i].call(Blocker::run, &works[i], true);
    offload.start(pieces[i]);
  }
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i].begun.acquire();  // in order, and while it runs no other does
    int number = 0;
    std::deque<Op> calls(3);
    for (Op& op : calls) {
      op.call(add_one, &number);
      offload.start(op);
    }
    collect(offload, calls.size());
    CHECK(number == 3);
    for (std::size_t later = i + 1; later < works.size(); ++later) CHECK_FALSE(works[later].begun.try_acquire());
    works[i].may_end.release();
    CHECK(collect(offload, 1).front() == &pieces[i]);
  }
}

TEST_CASE("one thread takes pieces and all else in turns", "[offload][contents]") {
  Offload offload(1, scratch_size, run_function);
  Blocker blocker;
  int number = 0;
  Op running;
  std::deque<Op> pieces(4), calls(3);
  running.call(Blocker::run, &blocker);
  offload.start(running);
  blocker.begun.acquire();
  for (Op& op : pieces) {
    op.call(add_one, &number, true);
    offload.start(op);
  }
  for (Op& op : calls) {
    op.call(add_one, &number);
    offload.start(op);
  }
  blocker.may_end.release();
  const std::vector<Op*> order = {&running,  &pieces[0], &calls[0], &pieces[1],
                                  &calls[1], &pieces[2], &calls[2], &pieces[3]};
  CHECK(collect(offload, order.size()) == order);
}

TEST_CASE("a piece that has not begun is taken back as all else", "[offload][contents]") {
  Offload offload(2, scratch_size, run_function);
  Blocker blocker;
  int number = 0;
  Op running;
  std::deque<Op> pieces(3);
  running.call(Blocker::run, &blocker, true);
  offload.start(running);
  for (Op& op : pieces) {
    op.call(add_one, &number, true);
    offload.start(op);
  }
  blocker.begun.acquire();
  CHECK_FALSE(offload.cancel(running));
  CHECK(offload.cancel(pieces[2]));  // the last
  CHECK(offload.cancel(pieces[0]));  // the front
  CHECK_FALSE(offload.cancel(pieces[0]));
  blocker.may_end.release();
  CHECK(collect(offload, 2) == std::vector<Op*>{&running, &pieces[1]});
  CHECK(number == 1);
}

TEST_CASE("cancel races with threads that take ops", "[offload]") {
  Offload offload(3, scratch_size, run_function);
  std::atomic<int> ran = 0;
  const auto count_one = [](void* counter) { return ++*static_cast<std::atomic<int>*>(counter); };
  std::deque<Op> ops(3000);
  std::size_t cancelled = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    ops[i].call(count_one, &ran, i % 3 == 0);
    offload.start(ops[i]);
    if (i % 2 == 1 && offload.cancel(ops[i - i % 7])) ++cancelled;
  }
  collect(offload, ops.size() - cancelled);
  CHECK(ran == static_cast<int>(ops.size() - cancelled));
}

TEST_CASE("what is queued at the end is never run", "[offload]") {
  Blocker blocker;
  int number = 0;
  Op running;
  Op queued;
  running.call(Blocker::run, &blocker);
  queued.call(add_one, &number);
  {
    Offload offload(1, scratch_size, run_function);
    offload.start(running);
    offload.start(queued);
    blocker.begun.acquire();
    CHECK(offload.cancel(queued));
    blocker.may_end.release();
  }
  CHECK(number == 0);
}

TEST_CASE("threads take no signals", "[offload]") {
  Offload offload(1, scratch_size, run_function);
  static std::atomic<bool> blocked = false;
  Op op;
  op.call(
      [](void*) {
        sigset_t mask;
        pthread_sigmask(SIG_BLOCK, nullptr, &mask);
        blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
        return 0;
      },
      nullptr);
  offload.start(op);
  collect(offload, 1);
  CHECK(blocked);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGTERM) == 0);
}

TEST_CASE("pipes are lent up to a limit, kept, and replaced when spoilt", "[pipe_pool]") {
  io::PipePool pool(2, 1024 * 1024);
  io::Pipe* first = pool.borrow();
  io::Pipe* second = pool.borrow();
  REQUIRE(first != nullptr);
  REQUIRE(second != nullptr);
  CHECK(first->capacity >= 4096);
  CHECK(pool.all_lent());
  CHECK(pool.borrow() == nullptr);

  const char octet = 'x';
  REQUIRE(::write(first->in.get(), &octet, 1) == 1);
  pool.discard(first);
  CHECK(pool.lent() == 1);
  io::Pipe* third = pool.borrow();
  REQUIRE(third != nullptr);
  CHECK_FALSE(readable(third->out.get(), 0));

  pool.give_back(second);
  CHECK(pool.borrow() == second);
  pool.give_back(second);
  pool.give_back(third);
  CHECK(pool.lent() == 0);
}
