// The timer wheel against a naive model: a sorted set of deadlines.
#include "io/timer_wheel.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "tests/catch.hpp"

namespace {

using io::millisecond;
using io::second;
using io::Time;
using io::TimerWheel;

struct Alarm {
  Alarm() { timer.bind<&Alarm::on_due>(*this); }
  void on_due() {
    ++fired;
    if (due) due();
  }
  io::Timer timer;
  int fired = 0;
  std::function<void()> due;
};

constexpr Time start = 1234 * second + 5;

std::uint32_t seed_of_this_run() {
  const char* given = std::getenv("MILLRACE_SEED");
  return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

}  // namespace

TEST_CASE("a timer fires once, up to a tick late and never early", "[timer_wheel]") {
  const Time delay =
      GENERATE(as<Time>{}, 0, 1, 3 * millisecond, 10 * millisecond, 639 * millisecond, 640 * millisecond,
               641 * millisecond, 41 * second, 300 * second, 3600 * second, 30 * 86400 * second, 200 * 86400 * second);
  TimerWheel wheel(start);
  Alarm alarm;
  const Time deadline = start + delay;
  wheel.arm(alarm.timer, deadline);
  CHECK(alarm.timer.armed());
  CHECK(alarm.timer.deadline() == deadline);
  CHECK(wheel.armed_count() == 1);

  Time now = start;
  for (int wakes = 0; alarm.fired == 0; ++wakes) {
    REQUIRE(wakes < 100);
    const Time next = wheel.next_deadline();
    CHECK(next <= deadline + TimerWheel::tick);
    wheel.advance(std::max(next - 1, now));
    CHECK(alarm.fired == 0);
    now = std::max(next, now);
    wheel.advance(now);
  }
  CHECK(now >= deadline);
  CHECK(now <= deadline + TimerWheel::tick);
  CHECK(wheel.next_deadline() == io::never);
  CHECK(wheel.armed_count() == 0);
  wheel.advance(now + 1000 * second);
  CHECK(alarm.fired == 1);
}

TEST_CASE("a deadline that has passed, and one that never comes", "[timer_wheel]") {
  TimerWheel wheel(start);
  Alarm past;
  Alarm far;
  wheel.arm(past.timer, 0);
  wheel.arm(far.timer, io::never);
  wheel.advance(start + TimerWheel::tick);
  CHECK(past.fired == 1);
  wheel.advance(start + 400 * 86400 * second);
  CHECK(far.fired == 0);
  CHECK(far.timer.armed());
}

TEST_CASE("arming again moves a timer; disarming and destroying end it", "[timer_wheel]") {
  TimerWheel wheel(start);
  Alarm alarm;
  wheel.disarm(alarm.timer);  // not armed: nothing
  wheel.arm(alarm.timer, start + second);
  wheel.arm(alarm.timer, start + 5 * second);
  CHECK(wheel.armed_count() == 1);
  wheel.advance(start + 4 * second);
  CHECK(alarm.fired == 0);
  wheel.arm(alarm.timer, start + 4500 * millisecond);
  wheel.advance(start + 4600 * millisecond);
  CHECK(alarm.fired == 1);

  wheel.arm(alarm.timer, start + 6 * second);
  wheel.disarm(alarm.timer);
  CHECK_FALSE(alarm.timer.armed());
  {
    Alarm brief;
    wheel.arm(brief.timer, start + 6 * second);
  }
  CHECK(wheel.armed_count() == 0);
  wheel.advance(start + 7 * second);
  CHECK(alarm.fired == 1);
}

TEST_CASE("callbacks may arm and disarm any timer", "[timer_wheel]") {
  TimerWheel wheel(start);
  Alarm first;
  Alarm second_one;
  Alarm third;
  const Time due = start + 100 * millisecond;
  for (Alarm* alarm : {&first, &second_one, &third}) wheel.arm(alarm->timer, due);
  first.due = [&] {
    wheel.disarm(second_one.timer);                 // the next in the same slot
    wheel.arm(first.timer, due);                    // itself, for a time that has passed
    wheel.arm(third.timer, due + 10 * io::second);  // away from this slot
  };
  wheel.advance(due + TimerWheel::tick);
  CHECK(first.fired >= 1);
  CHECK(second_one.fired == 0);
  CHECK(third.fired == 0);
  wheel.disarm(first.timer);
  wheel.advance(due + 11 * io::second);
  CHECK(third.fired == 1);
}

TEST_CASE("timers of one tick fire in the order they were armed", "[timer_wheel]") {
  TimerWheel wheel(start);
  std::vector<Alarm> alarms(10);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < alarms.size(); ++i) {
    alarms[i].due = [&order, i] { order.push_back(i); };
    wheel.arm(alarms[i].timer, start + 700 * second);
  }
  wheel.advance(start + 701 * second);
  CHECK(order.size() == alarms.size());
  CHECK(std::ranges::is_sorted(order));
}

// A model that is plainly right: all timers due after each step have fired, in the order of their
// ticks, and no other has.
TEST_CASE("100 000 timers against a naive model", "[timer_wheel]") {
  const std::uint32_t seed = seed_of_this_run();
  INFO("MILLRACE_SEED=" << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](Time limit) { return static_cast<Time>(random() % static_cast<std::uint64_t>(limit)); };
  // Near and far delays alike often: the exponent is drawn, not the delay.
  const auto delay = [&] { return below(Time{2} << (20 + below(32))); };

  Time now = start;
  TimerWheel wheel(now);
  const auto alarms = std::make_unique<std::array<Alarm, 100'000>>();
  std::set<std::pair<Time, std::size_t>> model;
  std::vector<std::size_t> fired;
  for (std::size_t i = 0; i < alarms->size(); ++i) (*alarms)[i].due = [&fired, i] { fired.push_back(i); };

  const auto arm = [&](std::size_t i) {
    const Time deadline = now + delay();
    model.erase({(*alarms)[i].timer.deadline(), i});
    wheel.arm((*alarms)[i].timer, deadline);
    model.insert({deadline, i});
  };
  for (std::size_t i = 0; i < alarms->size(); ++i) arm(i);

  for (int step = 0; step < 2000; ++step) {
    for (int change = 0; change < 50; ++change) {
      const auto i = static_cast<std::size_t>(below(static_cast<Time>(alarms->size())));
      if (below(3) == 0) {
        model.erase({(*alarms)[i].timer.deadline(), i});
        wheel.disarm((*alarms)[i].timer);
      } else {
        arm(i);
      }
    }
    const Time next = wheel.next_deadline();
    if (!model.empty()) REQUIRE(next <= std::max(model.begin()->first, now) + TimerWheel::tick);
    now = below(2) == 0 ? std::max(now, next) : now + delay() / 4;

    fired.clear();
    wheel.advance(now);
    Time last_tick = 0;
    for (const std::size_t i : fired) {
      const Time deadline = (*alarms)[i].timer.deadline();
      REQUIRE(model.erase({deadline, i}) == 1);
      REQUIRE(deadline <= now);
      const Time tick = (deadline + TimerWheel::tick - 1) / TimerWheel::tick;
      REQUIRE(tick >= last_tick - 1);  // one armed for a passed moment fires with the next tick
      last_tick = tick;
    }
    if (!model.empty()) REQUIRE(model.begin()->first > now - TimerWheel::tick);
    REQUIRE(wheel.armed_count() == model.size());
  }
}
