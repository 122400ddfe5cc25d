// Start, reload and drain of one process.
#include "net/worker.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <iostream>
#include <limits>
#include <memory>

#include "io/beneath.hpp"
#include "net/config_file.hpp"
#include "net/log.hpp"
#include "net/server.hpp"
#include "net/signals.hpp"

namespace net {
namespace {

// Every session, transfer and listener is a descriptor: takes all that the system grants, and says how many those are.
int raise_descriptor_limit() {
  constexpr rlim_t most = std::numeric_limits<int>::max();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return most;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min(limit.rlim_max, most));
}

const char* backend_word(core::BackendChoice choice) {
  constexpr const char* words[] = {"auto", "io_uring", "epoll"};
  return words[static_cast<std::size_t>(choice)];
}

io::BackendOptions backend_options(const core::Config& config) {
  const auto octets = [](std::int64_t kib) { return static_cast<std::size_t>(kib) * 1024; };
  const core::Config::Tuning& tuning = config.tuning;
  return {.ring_entries = static_cast<unsigned>(config.io.ring_entries),
          .offload_threads = static_cast<unsigned>(config.io.offload_threads),
          .passwords_waiting = static_cast<std::size_t>(config.limits.logins_waiting),
          .turn = tuning.turn_us * io::microsecond,
          .copy_size = octets(tuning.copy_kib),
          .cold_size = octets(tuning.cold_read_kib),
          .pipes = static_cast<std::size_t>(tuning.pipes),
          .pipe_size = octets(tuning.pipe_kib),
          .slow_write = tuning.slow_write_ms * io::millisecond,
          .slow_writes_rest = tuning.slow_writes_rest_ms * io::millisecond};
}

void reload(Server& server, spdlog::logger& log, const std::string& file, std::size_t worker, std::size_t workers) {
  reopen_log(log);
  const auto fresh = load_checked(file);
  if (!fresh) return log_mistakes(log, file, fresh.error());
  if (workers == 1) log_warnings(log, *fresh);  // else the supervisor has
  const auto config = std::make_shared<const core::Config>(core::share(fresh->config, worker, workers));
  if (const auto error = server.reload(config))
    return log_mistakes(log, file, {{file, fresh->line_of(error->key), error->key, error->what}});
  log.info("reloaded {}", file);
}

}  // namespace

void announce_ready(spdlog::logger& log) {
  log.info("ready");
  if (!shows_on_stderr(log, spdlog::level::info)) std::cerr << "ready\n" << std::flush;
  sd_notify(0, "READY=1");
}

int run_worker(const std::string& file, const core::ParsedConfig& parsed, SharedCounts& counts,
               const TicketKeys& ticket_keys, std::size_t worker,
               const std::function<void(spdlog::logger&)>& on_accepting) {
  const auto workers = static_cast<std::size_t>(parsed.config.server.workers);
  const auto config = std::make_shared<const core::Config>(core::share(parsed.config, worker, workers));

  Signals signals;  // before any thread, so that all of them have the signals blocked
  const int descriptors = raise_descriptor_limit();
  auto made = make_log(config->log, {.worker = workers > 1 ? worker + 1 : 0});
  if (!made) return complain(parsed, file, "log.file", made.error());
  spdlog::logger& log = **made;
  if (workers == 1) log_warnings(log, parsed);
  // Behind the log, which is the administrator's file. All others are made with the very modes that [uploads] or SITE
  // UMASK says.
  umask(0);
  const auto fail = [&](const std::string& key, const std::string& what) {
    const core::ConfigError mistake{file, parsed.line_of(key), key, what};
    if (!config->log.file.empty()) log.error("{}", log_text(core::to_string(mistake)));
    flush_log();
    return print({mistake});
  };
  auto chosen = io::make_backend(backend_word(config->io.backend), backend_options(*config));
  if (!chosen) return fail("io.backend", chosen.error());
  if (!chosen->why.empty()) log.warn("falling back to {}: {}", chosen->backend->name(), chosen->why);

  if (const std::string& why = io::why_no_openat2(); !why.empty())
    log.warn("{}: each name of a path is opened by itself, which is as safe and takes longer", why);

  io::Reactor reactor(*chosen->backend);
  Server server(reactor, log, counts, config, std::nullopt, ticket_keys, descriptors);
  if (const auto error = server.start()) {
    reactor.join();  // closes are ops too
    return fail(error->key, error->what);
  }

  signals.start(reactor, [&](int signal) {
    if (signal == SIGHUP) return reload(server, log, file, worker, workers);
    if (signal == reopen_log_signal()) return reopen_log(log);
    if (signal == SIGUSR1) return log.info("{}", to_string(counts.totals()));
    log.info("draining: {} sessions", server.session_count());
    sd_notify(0, "STOPPING=1");
    signals.stop();
    server.drain([&] { reactor.stop(); });
  });
  for (const core::Endpoint& at : server.endpoints())
    log.info("listening on {} with {}", core::to_string(at), chosen->backend->name());
  if (config->tls.offered() && config->tls.ktls)
    log.info("kernel TLS: {}", chosen->backend->has_kernel_tls() ? "there" : "not there");
  on_accepting(log);
  reactor.run();
  reactor.join();
  log.info("ended");
  flush_log();
  return 0;
}

}  // namespace net
