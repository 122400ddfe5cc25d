// The command line: users are dealt out to workers, workers run, their statistics become one result.
// Knows options and phases; must not know sockets or FTP.
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <new>

#include "bench/address.hpp"
#include "bench/names.hpp"
#include "bench/options.hpp"
#include "bench/report.hpp"
#include "bench/worker_process.hpp"

namespace {

using namespace bench;

constexpr int exit_failed = 1, exit_usage = 2;
constexpr useconds_t look_interval_us = 20'000;

Gate* gate = nullptr;  // shared by all processes; a global because a signal handler knows no other

int complain(const std::string& what) {
  std::cerr << "millrace-bench: " << what << '\n';
  return exit_usage;
}

// ---- Dealing out ----

// The part of worker `index` of `workers`: users are dealt like cards; rate and operations go with the users.
Share share_of(const Load& load, std::uint64_t index, std::uint64_t workers) {
  const std::uint64_t all = load.connections;
  const std::uint64_t count = all / workers + (index < all % workers ? 1 : 0);
  const std::uint64_t before = index * (all / workers) + std::min(index, all % workers);
  const double portion = static_cast<double>(count) / static_cast<double>(all);
  const std::uint64_t operations = load.operations * (before + count) / all - load.operations * before / all;
  return {.first = index,
          .stride = workers,
          .count = count,
          .rate = std::max(load.rate, 0.0) * portion,
          .phase = static_cast<double>(index) / static_cast<double>(workers),
          .operations = load.operations > 0 ? operations : UINT64_MAX};
}

std::vector<std::vector<Part>> deal(const Options& options) {
  std::vector<std::vector<Part>> hands(options.workers);
  for (std::size_t i = 0; i < options.loads.size(); ++i) {
    const Load& load = options.loads[i];
    if (load.own_worker) {
      hands.push_back({{i, share_of(load, 0, 1)}});
      continue;
    }
    for (std::uint64_t worker = 0; worker < options.workers; ++worker) {
      const Share share = share_of(load, worker, options.workers);
      if (share.count > 0) hands[worker].push_back({i, share});
    }
  }
  std::erase_if(hands, [](const auto& hand) { return hand.empty(); });
  return hands;
}

// Descriptors of one user: its control connection, its data connections, in active mode a listener each.
rlim_t descriptors_of(const Load& load) {
  if (load.scenario->act == Act::ping || load.scenario->act == Act::login) return 1;
  return 1 + load.depth * (load.data == "active" ? 2 : 1);
}

// Descriptors that a process needs when there are so many workers.
rlim_t descriptors_a_worker(const Options& options, std::uint64_t workers) {
  constexpr rlim_t own = 256;  // and those whose close is under way
  rlim_t sum = own;
  for (const Load& load : options.loads)
    if (!load.own_worker) sum += (load.connections + workers - 1) / workers * descriptors_of(load);
  return sum;
}

// Raises the limit as far as is needed and allowed; what it is then.
rlim_t raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  const rlimit raised{wanted, std::max(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_max;
}

// As many workers as it takes for none to need more descriptors than a process may have. Empty, or what is missing.
std::string fit_workers(Options& options) {
  const rlim_t limit = raise_descriptor_limit(descriptors_a_worker(options, options.workers));
  const std::uint64_t most = std::ranges::max(options.loads, {}, &Load::connections).connections;
  while (options.workers < most && descriptors_a_worker(options, options.workers) > limit) ++options.workers;
  const rlim_t wanted = descriptors_a_worker(options, options.workers);
  if (wanted <= limit) return "";
  return "a process needs " + std::to_string(wanted) + " descriptors, and the limit is " + std::to_string(limit);
}

// ---- Running ----

using Workers = std::vector<std::unique_ptr<WorkerProcess>>;

double now_s() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class LiveLine {
 public:
  explicit LiveLine(bool shown) : shown_(shown) {}
  void show(const Workers& workers) {
    const double now = now_s();
    if (!shown_ || now < at_ + 0.5) return;
    Statistics sum;
    for (const auto& worker : workers)
      for (const Statistics& statistics : worker->outcome().parts) sum.merge(statistics);
    std::cerr << "\r\033[K" << live_line(sum, before_, at_ > 0 ? now - at_ : 0) << std::flush;
    before_ = std::move(sum);
    at_ = now;
  }
  void end() const {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  bool shown_;
  double at_ = 0;
  Statistics before_;
};

bool all_done(const Workers& workers) {
  return std::ranges::all_of(workers, [](const auto& worker) { return worker->outcome().is_final; });
}

/// Waits for the workers, and reads the costs when the measured time begins and ends.
class Observer {
 public:
  Observer(const Options& options, bool watched) : options_(options), line_(watched) {
    if (const auto cost = server_cost()) server_ = ServerCost{*cost, *cost, *cost};
  }
  void watch(const Workers& workers) {
    while (gate->begin == io::never && !all_done(workers)) pause(workers);
    const double begin_s = static_cast<double>(gate->begin) / io::second + options_.warmup_s;
    while (now_s() < begin_s && !all_done(workers)) pause(workers);
    const double client_before = client_cpu_s(workers), wall_before = now_s();
    if (const auto cost = server_cost(); cost && server_) server_->begin = *cost;
    while (!all_done(workers)) {
      pause(workers);
      line_.show(workers);
    }
    client_s_ = client_cpu_s(workers) - client_before;
    wall_s_ = now_s() - wall_before;
    if (const auto cost = server_cost(); cost && server_) server_->end = *cost;
    gate->may_leave = true;
    line_.end();
  }
  double client_s() const { return client_s_; }
  double wall_s() const { return wall_s_; }
  const std::optional<ServerCost>& server() const { return server_; }

 private:
  // One worker that cannot go on ends the run for all.
  static void pause(const Workers& workers) {
    ::usleep(look_interval_us);
    for (const auto& worker : workers) {
      worker->hear();
      if (!worker->outcome().failure.empty()) gate->interrupted = true;
    }
  }
  static double client_cpu_s(const Workers& workers) {
    double sum = process_cpu_s(::getpid());
    for (const auto& worker : workers) sum += process_cpu_s(worker->pid());
    return sum;
  }
  std::optional<ProcessCost> server_cost() const {
    return options_.server_pid == 0 ? std::nullopt : cost_of_tree(static_cast<pid_t>(options_.server_pid));
  }

  const Options& options_;
  LiveLine line_;
  double client_s_ = 0, wall_s_ = 0;
  std::optional<ServerCost> server_;
};

Result merge(const Options& options, const Workers& workers, const Observer& observer) {
  Result result{options, 0, std::vector<Statistics>(options.loads.size()), {}, {}, observer.server()};
  for (const auto& worker : workers) {
    const Outcome& outcome = worker->outcome();
    for (std::size_t i = 0; i < worker->parts().size(); ++i)
      result.loads[worker->parts()[i].load].merge(outcome.parts[i]);
    result.duration_s = std::max(result.duration_s, outcome.measured_s);
    result.tls.handshakes += outcome.tls.handshakes;
    result.tls.resumed += outcome.tls.resumed;
    result.client.busiest_worker = std::max(result.client.busiest_worker, outcome.busy);
  }
  result.client.workers = static_cast<unsigned>(workers.size());
  result.client.cpu_s = observer.client_s();
  result.client.wall_s = observer.wall_s();
  result.client.cores = usable_cores();
  return result;
}

int report(const Result& result) {
  std::cout << table(result) << std::flush;
  if (!result.options.json.empty()) {
    std::ofstream out(result.options.json, std::ios::trunc);
    out << json(result);
    if (!out.flush()) return complain("cannot write " + result.options.json);
  }
  return result.errors() == 0 ? 0 : exit_failed;
}

int report_no_names(const Options& options, const std::string& why) {
  Result result{options, 0, std::vector<Statistics>(options.loads.size()), {}, {}, {}};
  result.loads.front().count_error(error_kind::listing, why);
  return report(result);
}

int run(Options& options) {
  const auto server = resolve(options.server);
  if (!server) return complain(server.error());
  if (const std::string missing = fit_workers(options); !missing.empty()) return complain(missing);
  if (options.server_pid != 0 && !cost_of_tree(static_cast<pid_t>(options.server_pid)))
    return complain("there is no process " + std::to_string(options.server_pid));
  for (Load& load : options.loads) {
    auto names = find_names(options, load, *server);
    if (!names) return report_no_names(options, names.error());
    load.names = *std::move(names);
  }
  const bool watched = ::isatty(STDERR_FILENO) == 1;
  Observer observer(options, watched);
  auto hands = deal(options);
  gate->not_ready = static_cast<unsigned>(hands.size());
  Workers workers;
  for (auto& hand : hands)
    workers.push_back(std::make_unique<WorkerProcess>(options, *server, *gate, std::move(hand), watched));
  observer.watch(workers);
  for (const auto& worker : workers) worker->join();
  for (const auto& worker : workers)
    if (!worker->outcome().failure.empty()) return complain(worker->outcome().failure);
  return report(merge(options, workers, observer));
}

Gate* make_gate() {
  void* memory = ::mmap(nullptr, sizeof(Gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) Gate;
}

}  // namespace

int main(int argc, char** argv) {
  gate = make_gate();
  if (gate == nullptr) return complain("no memory to share");
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, [](int) {  // the first one ends the run with what there is; a second ends the process
    gate->interrupted = true;
    ::signal(SIGINT, SIG_DFL);
  });
  auto options = parse_options(argc, argv);
  if (options) return run(*options);
  (options.error().exit_code == 0 ? std::cout : std::cerr) << options.error().text;
  return options.error().exit_code;
}
