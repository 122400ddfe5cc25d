// The phases of a worker: let the users in, wait for the other workers, measure, send the users home.
#include "bench/worker.hpp"

#include <algorithm>
#include <utility>

#include "bench/process_cost.hpp"
#include "bench/user.hpp"

namespace bench {
namespace {

constexpr io::Time progress_interval = 500 * io::millisecond;
// How often a worker looks at what is not told to its reactor: the gate, an interruption.
constexpr io::Time gate_interval = 2 * io::millisecond;
constexpr io::Time longest_turn = 100 * io::millisecond;
constexpr io::Time goodbye_patience = 5 * io::second;
constexpr unsigned ring_entries = 4096;

io::Time ns(double seconds) { return static_cast<io::Time>(seconds * io::second); }

}  // namespace

Worker::Worker(const Options& options, const io::Address& server, Gate& gate, const std::vector<Part>& parts, Tell tell,
               bool watched)
    : options_(options), server_(server), gate_(gate), parts_(parts), tell_(std::move(tell)), watched_(watched) {}

void Worker::run() {
  auto chosen = io::make_backend(options_.backend, {.ring_entries = ring_entries, .offload_threads = 1});
  if (chosen) {
    io::Reactor reactor(*chosen->backend);
    run_groups(reactor);
    reactor.join();
  } else {
    outcome_.failure = chosen.error();
    tell_all();
  }
}

void Worker::run_groups(io::Reactor& reactor) {
  TlsContext tls(options_.tls_version, options_.tls_resume);
  Context context{reactor, &tls};
  for (const Part& part : parts_) {
    const Load& load = options_.loads[part.load];
    groups_.push_back(
        std::make_unique<Group>(context, Terms{load, options_, server_, entry_lines(options_, load)}, part.share));
  }
  for (const auto& group : groups_) group->let_in();
  while (!std::ranges::all_of(groups_, &Group::all_in) && !gate_.interrupted)
    reactor.turn(reactor.now() + longest_turn);
  wait_for_gate(reactor);
  if (gate_.begin != io::never) measure(reactor);
  outcome_.tls = tls.counts;
  tell_all();
  say_goodbye(reactor);
  reactor.join();  // before the users go, to whom its operations belong
  groups_.clear();
  reactor.join();
}

void Worker::wait_for_gate(io::Reactor& reactor) {
  constexpr io::Time head_start = 20 * io::millisecond;
  if (gate_.not_ready.fetch_sub(1) == 1) gate_.begin = reactor.backend().now() + head_start;
  while (gate_.begin == io::never && !gate_.interrupted) reactor.turn(reactor.now() + gate_interval);
}

void Worker::measure(io::Reactor& reactor) {
  const io::Time begin = gate_.begin;
  const io::Time measured_from = begin + ns(options_.warmup_s);
  while (reactor.now() < begin) reactor.turn(begin);
  for (const auto& group : groups_) group->begin(begin, measured_from, measured_from + ns(options_.duration_s));
  double cpu_s = thread_cpu_s();
  io::Time cpu_since = reactor.now();
  bool warm = reactor.now() >= measured_from;
  while (!std::ranges::all_of(groups_, &Group::done) && !gate_.interrupted) {
    io::Time latest = reactor.now() + longest_turn;
    for (const auto& group : groups_) latest = std::min(latest, group->next_due());
    reactor.turn(latest);
    for (const auto& group : groups_) group->on_time();
    if (!warm && reactor.now() >= measured_from) {
      warm = true;
      cpu_s = thread_cpu_s();
      cpu_since = reactor.now();
    }
    tell_progress(reactor.now());
  }
  const double wall_s = static_cast<double>(reactor.now() - cpu_since) / io::second;
  outcome_.busy = wall_s > 0 ? std::min(1.0, (thread_cpu_s() - cpu_s) / wall_s) : 0;
  for (const auto& group : groups_) {
    group->stop();
    outcome_.measured_s = std::max(outcome_.measured_s, static_cast<double>(group->measured()) / io::second);
  }
}

void Worker::say_goodbye(io::Reactor& reactor) {
  while (!gate_.may_leave) reactor.turn(reactor.now() + gate_interval);
  for (const auto& group : groups_) group->send_home();
  const io::Time until = reactor.now() + goodbye_patience;
  while (!std::ranges::all_of(groups_, &Group::all_gone) && reactor.now() < until && !gate_.interrupted)
    reactor.turn(until);
  for (const auto& group : groups_) group->drop();
}

// Without the copies, which only the end compares.
void Worker::tell_progress(io::Time now) {
  if (!watched_ || now < told_ + progress_interval) return;
  told_ = now;
  Outcome so_far;
  for (const auto& group : groups_) so_far.parts.push_back(group->statistics());
  for (Statistics& statistics : so_far.parts) statistics.copies.clear();
  tell_(so_far);
}

void Worker::tell_all() {
  for (const auto& group : groups_) outcome_.parts.push_back(group->statistics());
  outcome_.is_final = true;
  tell_(outcome_);
}

}  // namespace bench
