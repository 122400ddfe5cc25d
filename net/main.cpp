// The command line: serve, check, passwd. One worker serves in this process; several have it as their supervisor.
#include <crypt.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <iostream>
#include <random>

#include "core/version.hpp"
#include "net/config_file.hpp"
#include "net/supervisor.hpp"
#include "net/worker.hpp"

namespace {

int serve(const std::string& file) {
  auto parsed = net::load_checked(file);
  if (!parsed) return net::print(parsed.error());
  const auto workers = static_cast<std::size_t>(parsed->config.server.workers);
  std::random_device random;
  auto counts = net::SharedCounts::make(workers, static_cast<std::size_t>(parsed->config.limits.sessions),
                                        std::uint64_t{random()} << 32 | random());
  if (!counts) return net::complain(*parsed, file, "limits.sessions", std::strerror(counts.error()));
  const auto ticket_keys = net::TicketKeys::random();
  if (workers == 1) return net::run_worker(file, *parsed, *counts, ticket_keys, 0, net::announce_ready);
  return net::Supervisor(file, std::move(*parsed), *counts, ticket_keys).run();
}

int check(const std::string& file) {
  const auto parsed = net::load_checked(file);
  if (!parsed) return net::print(parsed.error());
  net::print_warnings(*parsed);
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
  app.set_version_flag("--version", fmt::format("millrace {}", core::version));
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
