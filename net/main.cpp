// The command line: serve, check, passwd. Reads the configuration, makes the backend, runs the loop.
#include <crypt.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "core/config.hpp"
#include "io/fd.hpp"
#include "net/log.hpp"
#include "net/server.hpp"
#include "net/signals.hpp"

namespace {

constexpr int exit_bad_config = 1;

void print(const std::vector<core::ConfigError>& errors) {
  for (const core::ConfigError& error : errors) std::cerr << core::to_string(error) << '\n';
}

std::expected<core::ParsedConfig, std::vector<core::ConfigError>> load(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(std::vector{core::ConfigError{file, 0, "", std::strerror(errno)}});
  // The library reports what can be opened and not read, as a directory, by an exception.
  try {
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    return core::parse_config(text, file);
  } catch (const std::ios_base::failure&) {
    return std::unexpected(std::vector{core::ConfigError{file, 0, "", std::strerror(errno)}});
  }
}

// What only the system knows of a configuration, beyond what starting finds out.
std::vector<core::ConfigError> system_errors(const core::ParsedConfig& parsed, const std::string& file) {
  std::vector<core::ConfigError> errors;
  const auto complain = [&](const std::string& key, const std::string& what) {
    errors.push_back({file, parsed.line_of(key), key, what});
  };
  const core::Config& config = parsed.config;
  const std::pair<const char*, const std::string&> files[] = {{"tls.certificate", config.tls.certificate},
                                                              {"tls.key", config.tls.key}};
  for (const auto& [key, path] : files)
    if (!path.empty() && access(path.c_str(), R_OK) != 0)
      complain(key, "cannot read `" + path + "`: " + std::strerror(errno));
  // Serving in the clear what was meant to be encrypted would be worse than not serving.
  if (errors.empty() && !config.tls.certificate.empty())
    complain("tls.certificate", "this version has no TLS; leave the key out to serve without");
  if (!config.listen.proxy_protocol_from.empty())
    complain("listen.proxy_protocol_from", "this version does not read PROXY headers; leave the key out");
  std::size_t user = 0;
  for (const core::Account& account : config.accounts.all()) {
    const std::string place = account.anonymous ? "anonymous" : "user[" + std::to_string(user++) + "]";
    const auto check = [&](const std::string& key, const std::string& path) {
      const io::Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!directory || faccessat(directory.get(), ".", X_OK, AT_EACCESS) != 0)
        complain(key, "cannot open the directory `" + path + "`: " + std::strerror(errno));
    };
    check(place + ".root", account.root);
    for (const core::Mount& mount : account.mounts) check(place + ".mounts", mount.root);
  }
  return errors;
}

std::optional<core::ParsedConfig> load_checked(const std::string& file) {
  auto parsed = load(file);
  if (!parsed) {
    print(parsed.error());
    return std::nullopt;
  }
  if (const auto errors = system_errors(*parsed, file); !errors.empty()) {
    print(errors);
    return std::nullopt;
  }
  return std::move(*parsed);
}

// Every session, transfer and listener is a descriptor: take all that the system grants.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

const char* backend_word(core::BackendChoice choice) {
  constexpr const char* words[] = {"auto", "io_uring", "epoll"};
  return words[static_cast<std::size_t>(choice)];
}

int serve(const std::string& file) {
  auto parsed = load_checked(file);
  if (!parsed) return exit_bad_config;
  const auto config = std::make_shared<const core::Config>(parsed->config);
  const auto complain = [&](const core::ParsedConfig& in, const std::string& key, const std::string& what) {
    std::cerr << core::to_string(core::ConfigError{file, in.line_of(key), key, what}) << '\n';
    return exit_bad_config;
  };

  net::Signals signals;  // before any thread, so that all of them have the signals blocked
  raise_descriptor_limit();
  auto log = net::make_log(config->log);
  if (!log) return complain(*parsed, "log.file", log.error());
  auto chosen = io::make_backend(backend_word(config->io.backend),
                                 {.ring_entries = static_cast<unsigned>(config->io.ring_entries),
                                  .offload_threads = static_cast<unsigned>(config->io.offload_threads)});
  if (!chosen) return complain(*parsed, "io.backend", chosen.error());
  if (!chosen->why.empty()) (*log)->warn("falling back to {}: {}", chosen->backend->name(), chosen->why);

  io::Reactor reactor(*chosen->backend);
  auto counts =
      net::SharedCounts::make(1, static_cast<std::size_t>(config->limits.sessions), std::random_device{}());
  if (!counts) return complain(*parsed, "limits.sessions", std::strerror(counts.error()));
  net::Server server(reactor, **log, *counts, config, std::random_device{}());
  if (const auto error = server.start()) {
    reactor.join();  // closes are ops too
    net::flush_log();
    return complain(*parsed, error->key, error->what);
  }

  const auto on_reload = [&] {
    auto fresh = load_checked(file);
    if (!fresh) return (*log)->error("reload: {} has mistakes; the old configuration holds", file);
    if (const auto error = server.reload(std::make_shared<const core::Config>(fresh->config)))
      return (*log)->error("reload: {}: {}; the old configuration holds", error->key, error->what);
    (*log)->info("reloaded {}", file);
  };
  signals.start(reactor, [&](int signal) {
    if (signal == SIGHUP) return on_reload();
    (*log)->info("draining: {} sessions", server.session_count());
    sd_notify(0, "STOPPING=1");
    signals.stop();
    server.drain([&] { reactor.stop(); });
  });

  for (const core::Endpoint& at : server.endpoints())
    (*log)->info("listening on {} with {}", core::to_string(at), chosen->backend->name());
  (*log)->info("ready");
  sd_notify(0, "READY=1");
  reactor.run();
  reactor.join();
  (*log)->info("ended");
  net::flush_log();
  return 0;
}

int check(const std::string& file) {
  if (!load_checked(file)) return exit_bad_config;
  std::cout << file << ": good\n";
  return 0;
}

int hash_password() {
  std::string password;
  if (!std::getline(std::cin, password) || password.empty()) {
    std::cerr << "passwd: a password is wanted on standard input\n";
    return 1;
  }
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  crypt_data data{};
  if (crypt_gensalt_rn("$y$", 0, nullptr, 0, setting, sizeof setting) == nullptr) return 1;
  const char* hash = crypt_r(password.c_str(), setting, &data);
  if (hash == nullptr) return 1;
  std::cout << hash << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Millrace, an FTP server for hosting files at high throughput"};
  app.require_subcommand(0, 1);
  std::string file = "config.toml";
  app.add_option("--config", file, "the configuration")->capture_default_str();
  auto* serve_command = app.add_subcommand("serve", "serve in the foreground (the default)");
  auto* check_command = app.add_subcommand("check", "look for mistakes in the configuration");
  auto* passwd_command = app.add_subcommand("passwd", "read a password from standard input and print its hash");
  for (CLI::App* command : {serve_command, check_command}) command->add_option("--config", file, "the configuration");
  CLI11_PARSE(app, argc, argv);
  if (*passwd_command) return hash_password();
  return *check_command ? check(file) : serve(file);
}
