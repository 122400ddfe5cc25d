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

using io::Lane;
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
    CHECK(offload.start(ops[i]) == nullptr);
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
    CHECK(offload.start(op) == nullptr);
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
  CHECK(offload.start(running) == nullptr);
  for (Op& op : queued) {
    op.call(add_one, &number);
    CHECK(offload.start(op) == nullptr);
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
    pieces[i].call(Blocker::run, &works[i], Lane::pieces);
    CHECK(offload.start(pieces[i]) == nullptr);
  }
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i].begun.acquire();  // in order, and while it runs no other does
    int number = 0;
    std::deque<Op> calls(3);
    for (Op& op : calls) {
      op.call(add_one, &number);
      CHECK(offload.start(op) == nullptr);
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
  CHECK(offload.start(running) == nullptr);
  blocker.begun.acquire();
  for (Op& op : pieces) {
    op.call(add_one, &number, Lane::pieces);
    CHECK(offload.start(op) == nullptr);
  }
  for (Op& op : calls) {
    op.call(add_one, &number);
    CHECK(offload.start(op) == nullptr);
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
  running.call(Blocker::run, &blocker, Lane::pieces);
  CHECK(offload.start(running) == nullptr);
  for (Op& op : pieces) {
    op.call(add_one, &number, Lane::pieces);
    CHECK(offload.start(op) == nullptr);
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

TEST_CASE("passwords and pieces leave a thread to files, whatever waits", "[offload][SE-06]") {
  Offload offload(2, scratch_size, run_function);
  std::deque<Blocker> strangers(50);
  std::deque<Op> passwords(strangers.size()), pieces(10);
  int number = 0;
  for (std::size_t i = 0; i < strangers.size(); ++i) {
    passwords[i].call(Blocker::run, &strangers[i], Lane::passwords, 1);
    CHECK(offload.start(passwords[i]) == nullptr);
  }
  for (Op& op : pieces) {
    op.call(add_one, &number, Lane::pieces);
    CHECK(offload.start(op) == nullptr);
  }
  strangers.front().begun.acquire();
  for (int i = 0; i < 100; ++i) {  // while the first password is still being verified
    int looked = 0;
    Op file;
    file.call(add_one, &looked);
    CHECK(offload.start(file) == nullptr);
    CHECK(collect(offload, 1).front() == &file);
  }
  CHECK(number == 0);
  for (Blocker& stranger : strangers) stranger.may_end.release();
  collect(offload, passwords.size() + pieces.size());
}

TEST_CASE("with one thread a file waits for one password at most", "[offload][SE-06]") {
  Offload offload(1, scratch_size, run_function);
  std::deque<Blocker> strangers(20);
  std::deque<Op> passwords(strangers.size());
  for (std::size_t i = 0; i < strangers.size(); ++i) {
    passwords[i].call(Blocker::run, &strangers[i], Lane::passwords, 1);
    CHECK(offload.start(passwords[i]) == nullptr);
  }
  for (std::size_t i = 0; i < strangers.size(); ++i) {
    strangers[i].begun.acquire();
    int looked = 0;
    Op file;
    file.call(add_one, &looked);
    CHECK(offload.start(file) == nullptr);
    strangers[i].may_end.release();
    const auto finished = collect(offload, 2);
    CHECK(finished[1] == &file);
  }
}

TEST_CASE("who has few passwords waiting is served before who has many", "[offload][lanes][SE-06]") {
  io::Lanes lanes(2, 1000);
  std::deque<Op> many(200), few(2);
  for (Op& op : many) {
    op.call(add_one, nullptr, Lane::passwords, 1);
    CHECK(lanes.push(op) == nullptr);
  }
  few[0].call(add_one, nullptr, Lane::passwords, 2);
  few[1].call(add_one, nullptr, Lane::passwords, 3);
  for (Op& op : few) CHECK(lanes.push(op) == nullptr);
  std::vector<const Op*> order;
  for (int i = 0; i < 202; ++i) {
    REQUIRE(lanes.may_take());
    order.push_back(&lanes.take());
    CHECK_FALSE(lanes.may_take());  // one at a time
    lanes.ended(*order.back());
  }
  CHECK(order[0] == &many[0]);
  CHECK(order[1] == &few[0]);
  CHECK(order[2] == &few[1]);
  for (std::size_t i = 1; i < many.size(); ++i) CHECK(order[i + 2] == &many[i]);
}

TEST_CASE("nobody waits for ever behind those who come with few", "[lanes][SE-06]") {
  io::Lanes lanes(2, 1000);
  std::deque<Op> many(10), others(1000);
  for (Op& op : many) {
    op.call(add_one, nullptr, Lane::passwords, 1);
    CHECK(lanes.push(op) == nullptr);
  }
  std::size_t served = 0, turns = 0;
  while (served < many.size()) {
    others[turns].call(add_one, nullptr, Lane::passwords, 100 + turns);
    CHECK(lanes.push(others[turns]) == nullptr);
    REQUIRE(++turns < others.size());
    const Op& op = lanes.take();
    lanes.ended(op);
    if (op.share == 1) ++served;
  }
  while (lanes.may_take()) lanes.ended(lanes.take());
}

TEST_CASE("a lane that is full refuses the newcomer, or the last of whoever has more", "[lanes][SE-06]") {
  io::Lanes lanes(2, 3);
  std::deque<Op> many(4), few(4);
  for (Op& op : many) op.call(add_one, nullptr, Lane::passwords, 1);
  for (std::size_t i = 0; i < few.size(); ++i) few[i].call(add_one, nullptr, Lane::passwords, 2 + i);
  for (std::size_t i = 0; i < 3; ++i) CHECK(lanes.push(many[i]) == nullptr);
  CHECK(lanes.push(many[3]) == &many[3]);
  CHECK(lanes.push(few[0]) == &many[2]);
  CHECK(lanes.push(few[1]) == &many[1]);
  CHECK(lanes.push(few[2]) == &few[2]);  // all have one
  CHECK_FALSE(lanes.remove(many[2]));
  CHECK(lanes.remove(many[0]));
  CHECK(lanes.push(few[3]) == nullptr);
  for (const std::size_t i : {0, 1, 3}) {
    const Op& op = lanes.take();
    CHECK(&op == &few[i]);
    lanes.ended(op);
  }
  CHECK_FALSE(lanes.may_take());
}

TEST_CASE("cancel races with threads that take ops", "[offload]") {
  Offload offload(3, scratch_size, run_function);
  std::atomic<int> ran = 0;
  const auto count_one = [](void* counter) { return ++*static_cast<std::atomic<int>*>(counter); };
  std::deque<Op> ops(3000);
  std::size_t cancelled = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    ops[i].call(count_one, &ran, i % 3 == 0 ? Lane::pieces : Lane::files);
    CHECK(offload.start(ops[i]) == nullptr);
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
    CHECK(offload.start(running) == nullptr);
    CHECK(offload.start(queued) == nullptr);
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
  CHECK(offload.start(op) == nullptr);
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
