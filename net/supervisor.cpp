// Waits for signals, of which the death of a child is one, and for the time of the next restart.
#include "net/supervisor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "io/backend.hpp"
#include "net/config_file.hpp"
#include "net/convert.hpp"
#include "net/log.hpp"
#include "net/signals.hpp"
#include "net/worker.hpp"

namespace net {
namespace {

std::string describe(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {} ({})", WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(std::string file, core::ParsedConfig parsed, SharedCounts& counts, const TicketKeys& ticket_keys)
    : file_(std::move(file)), parsed_(std::move(parsed)), counts_(counts), ticket_keys_(ticket_keys) {
  sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, reopen_log_signal()})
    sigaddset(&signals_, signal);
  for (std::size_t number = 0; number < static_cast<std::size_t>(parsed_.config.server.workers); ++number)
    workers_.push_back({.number = number});
}

int Supervisor::run() {
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  ignore_signals_of_calls();
  auto log = make_log(parsed_.config.log, {.threaded = false});
  if (!log) return complain(parsed_, file_, "log.file", log.error());
  log_ = std::move(*log);
  log_warnings(*log_, parsed_);
  if (!take_ports()) return exit_bad_config;
  const bool started = start_all();
  if (started) {
    announce_ready(*log_);
  } else {
    stop();
  }
  while (!stopping_ || !all_ended()) {
    handle(next_signal());
    restart_due();
  }
  log_->info("ended");
  return started && in_good_order_ ? 0 : exit_bad_config;
}

// ---- Starting ----

bool Supervisor::take_ports() {
  const auto take = [&](const char* key, const core::Endpoint& at) {
    auto claimed = io::claim_port(to_address(at));
    if (claimed) {
      ports_.push_back(std::move(*claimed));
    } else {
      complain(parsed_, file_, key, cannot_listen(at, claimed.error()));
    }
    return claimed.has_value();
  };
  const core::Config::Listen& listen = parsed_.config.listen;
  return std::ranges::all_of(listen.control, [&](const auto& at) { return take("listen.control", at); }) &&
         std::ranges::all_of(listen.implicit_tls, [&](const auto& at) { return take("listen.implicit_tls", at); });
}

// One after the other: what keeps the first from starting is told once, and no other is there yet.
bool Supervisor::start_all() {
  for (Worker& worker : workers_) {
    const io::Fd accepting = start(worker);
    char octet;
    if (read(accepting.get(), &octet, 1) != 1) return false;
  }
  return true;
}

// Gives the end of a pipe that says one octet once the worker accepts, and none when it cannot.
io::Fd Supervisor::start(Worker& worker) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) log_->error("no pipe for worker {}: {}", worker.number + 1, strerror(errno));
  io::Fd accepting(ends[0]);
  io::Fd told(ends[1]);
  const pid_t supervisor = getpid();
  worker.pid = fork();
  worker.since = Clock::now();
  if (worker.pid == 0) {
    accepting.reset();
    std::exit(serve(worker, supervisor, told));
  }
  if (worker.pid > 0) {
    log_->info("worker {} is process {}", worker.number + 1, worker.pid);
  } else {
    log_->error("cannot fork worker {}: {}", worker.number + 1, strerror(errno));
    plan_return(worker);
  }
  return accepting;
}

// The worker's process, before it has any thread.
int Supervisor::serve(const Worker& worker, pid_t supervisor, const io::Fd& told) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != supervisor) return 0;  // it died before that call
  unsetenv("NOTIFY_SOCKET");              // the service is the supervisor
  ports_.clear();
  log_.reset();  // or a log file that was renamed stays open here
  counts_.stand_for(worker.number);
  return run_worker(file_, parsed_, counts_, ticket_keys_, worker.number, [&](spdlog::logger&) {
    [[maybe_unused]] const auto written = write(told.get(), "", 1);  // after a restart nobody listens
  });
}

void Supervisor::restart_due() {
  if (stopping_) return;
  for (Worker& worker : workers_)
    if (worker.pid < 0 && worker.since <= Clock::now()) start(worker);
}

void Supervisor::plan_return(Worker& worker) {
  worker.pid = -1;
  const auto now = Clock::now();
  const auto delay = worker.delay.after(now - worker.since);
  worker.since = now + delay;
  log_->info("worker {} is started again in {} s", worker.number + 1, delay.count());
}

// ---- Signals ----

// The next signal; less than 0 when the time of a restart has come before.
int Supervisor::next_signal() const {
  const Worker* next = nullptr;
  for (const Worker& worker : workers_)
    if (!stopping_ && worker.pid < 0 && (next == nullptr || worker.since < next->since)) next = &worker;
  if (next == nullptr) return sigwaitinfo(&signals_, nullptr);
  const auto left = std::max(next->since - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec limit{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
  return sigtimedwait(&signals_, nullptr, &limit);
}

void Supervisor::handle(int signal) {
  switch (signal) {
    case SIGCHLD: return reap();
    case SIGHUP: return reload();
    case SIGUSR1: return log_->info("{}", to_string(counts_.totals()));
    case SIGTERM:
    case SIGINT: return stop();
    default: return;
  }
}

void Supervisor::tell_all(int signal) const {
  for (const Worker& worker : workers_)
    if (worker.pid > 0) kill(worker.pid, signal);
}

void Supervisor::reload() {
  reopen_log(*log_);
  auto fresh = load_checked(file_);
  if (!fresh) {
    log_mistakes(*log_, file_, fresh.error());
    return tell_all(reopen_log_signal());
  }
  log_warnings(*log_, *fresh);
  parsed_ = {.config = core::reloaded(parsed_.config, std::move(fresh->config)),
             .lines = std::move(fresh->lines),
             .warnings = {}};
  tell_all(SIGHUP);
}

// The ports are free for another server while this one drains, as with one worker.
void Supervisor::stop() {
  if (!stopping_) sd_notify(0, "STOPPING=1");
  stopping_ = true;
  ports_.clear();
  tell_all(SIGTERM);
}

// ---- Ends ----

void Supervisor::reap() {
  int status = 0;
  while (true) {
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    const auto worker = std::ranges::find(workers_, pid, &Worker::pid);
    if (worker != workers_.end()) on_end(*worker, status);
  }
}

void Supervisor::on_end(Worker& worker, int status) {
  const bool asked = stopping_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!asked) log_->error("worker {} died: {}", worker.number + 1, describe(status));
  in_good_order_ = in_good_order_ && (asked || !stopping_);
  counts_.forget(worker.number);
  if (stopping_) {
    worker.pid = -1;
  } else {
    plan_return(worker);
  }
}

bool Supervisor::all_ended() const {
  return std::ranges::all_of(workers_, [](const Worker& w) { return w.pid < 0; });
}

}  // namespace net
