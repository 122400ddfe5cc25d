// Reading, and the checks that a parser of text cannot make.
#include "net/config_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <expected>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "io/backend.hpp"
#include "io/fd.hpp"
#include "net/password_hash.hpp"
#include "net/tls_context.hpp"

namespace net {
namespace {

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

// CPUs that this process may run on.
std::int64_t usable_cpus() {
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
}

class SystemCheck {
 public:
  SystemCheck(const core::ParsedConfig& parsed, const std::string& file) : parsed_(parsed), file_(file) {}

  std::vector<core::ConfigError> errors() {
    check_tls();
    check_workers();
    check_congestion_control();
    check_directories();
    check_passwords();
    return std::move(errors_);
  }
  std::vector<core::ConfigError> warnings() { return std::move(warnings_); }

 private:
  void complain(const std::string& key, const std::string& what) {
    errors_.push_back({file_, parsed_.line_of(key), key, what});
  }

  void check_congestion_control() {
    const std::string& name = parsed_.config.tuning.congestion_control;
    if (!name.empty() && !io::has_congestion_control(name))
      complain("tuning.congestion_control",
               fmt::format("`{}` is not to be had here; `sysctl net.ipv4.tcp_allowed_congestion_control` lists what is",
                           name));
  }

  void check_tls() {
    const core::Config& config = parsed_.config;
    if (config.tls.offered()) {
      const auto made = TlsContext::make(config, TicketKeys(), false);
      for (const TlsMistake& mistake : made ? std::vector<TlsMistake>() : made.error())
        complain(mistake.key, mistake.what);
    }
    if (!config.listen.proxy_protocol_from.empty())
      complain("listen.proxy_protocol_from", "this version does not read PROXY headers; leave the key out");
  }

  // Several workers share one port, and each needs a part of what is divided.
  void check_workers() {
    const core::Config& config = parsed_.config;
    const std::int64_t workers = config.server.workers;
    if (workers == 1) return;
    struct Divided {
      const char* key;
      std::int64_t total, least;
      const char* unit;
    };
    const Divided divided[] = {
        {"data.passive_ports", static_cast<std::int64_t>(config.data.passive_ports.size()), workers, "ports"},
        {"limits.transfer_buffers", config.limits.transfer_buffers, 2 * workers, "buffers"}};
    for (const Divided& one : divided)
      if (one.total < one.least)
        complain(one.key, fmt::format("must have {} {} at least for {} workers, not {}; or lower server.workers",
                                      one.least, one.unit, workers, one.total));
    const std::pair<const char*, const std::vector<core::Endpoint>&> listeners[] = {
        {"listen.control", config.listen.control}, {"listen.implicit_tls", config.listen.implicit_tls}};
    for (const auto& [key, endpoints] : listeners)
      if (std::ranges::find(endpoints, 0, &core::Endpoint::port) != endpoints.end())
        complain(key, fmt::format("must name the port that {} workers share, not 0", workers));
  }

  void check_directories() {
    std::set<std::string> looked_at;  // a user of several hosts stands in one place
    for (const core::Account* account : core::all_accounts(parsed_.config)) {
      if (!looked_at.insert(account->place).second) continue;
      if (!account->create_root || !is_missing(account->root)) check_directory(account->place + ".root", account->root);
      for (const core::Mount& mount : account->mounts) check_directory(account->place + ".mounts", mount.root);
    }
  }

  void check_passwords() {
    std::set<std::string> looked_at;
    for (const core::Account* account : core::all_accounts(parsed_.config)) {
      const std::string key = account->place + ".password";
      if (account->password_hash.empty() || parsed_.line_of(key) == 0 || !looked_at.insert(key).second) continue;
      const HashOpinion opinion = judge_hash(account->password_hash);
      if (!opinion.mistake.empty()) complain(key, opinion.mistake);
      if (!opinion.warning.empty()) warnings_.push_back({file_, parsed_.line_of(key), key, opinion.warning});
    }
  }

  // And can be made, by the first who logs in.
  static bool is_missing(const std::string& path) {
    std::error_code error;
    const auto root = std::filesystem::absolute(path, error).lexically_normal();
    const auto above = root.has_filename() ? root.parent_path() : root.parent_path().parent_path();
    return !std::filesystem::exists(root, error) && std::filesystem::is_directory(above, error);
  }

  void check_directory(const std::string& key, const std::string& path) {
    const io::Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory || faccessat(directory.get(), ".", X_OK, AT_EACCESS) != 0)
      warnings_.push_back(
          {file_, parsed_.line_of(key), key,
           fmt::format("cannot open the directory `{}`: {}; nobody else is refused", path, std::strerror(errno))});
  }

  const core::ParsedConfig& parsed_;
  const std::string& file_;
  std::vector<core::ConfigError> errors_, warnings_;
};

// "[::]" means IPv6 too, where there is any: without, the other listeners do. An address of IPv6 that is named one by
// one is wanted, and stays.
void leave_out_ipv6(core::ParsedConfig& parsed, const std::string& file) {
  core::Config::Listen& listen = parsed.config.listen;
  const auto is_any_ipv6 = [](const core::Endpoint& at) {
    return at.family == core::Family::ipv6 && at.address == core::Endpoint().address;
  };
  const auto stays = [&](const std::vector<core::Endpoint>& all) { return !std::ranges::all_of(all, is_any_ipv6); };
  if (!stays(listen.control) && !stays(listen.implicit_tls)) return;
  const auto there = [&](const std::vector<core::Endpoint>& all) { return std::ranges::any_of(all, is_any_ipv6); };
  const int error = there(listen.control) || there(listen.implicit_tls) ? io::why_no_ipv6() : 0;
  if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) return;
  const std::string_view key = there(listen.control) ? "listen.control" : "listen.implicit_tls";
  std::erase_if(listen.control, is_any_ipv6);
  std::erase_if(listen.implicit_tls, is_any_ipv6);
  parsed.warnings.push_back(
      {file, parsed.line_of(key), std::string(key),
       fmt::format("there is no IPv6 here ({}): the server goes on without listening on [::]", std::strerror(error))});
}

}  // namespace

std::expected<core::ParsedConfig, std::vector<core::ConfigError>> load_checked(const std::string& file) {
  auto parsed = load(file);
  if (!parsed) return parsed;
  std::int64_t& workers = parsed->config.server.workers;
  if (workers == 0) workers = usable_cpus();
  SystemCheck check(*parsed, file);
  if (auto errors = check.errors(); !errors.empty()) return std::unexpected(std::move(errors));
  std::ranges::copy(check.warnings(), std::back_inserter(parsed->warnings));
  leave_out_ipv6(*parsed, file);
  return parsed;
}

int print(const std::vector<core::ConfigError>& errors) {
  for (const core::ConfigError& error : errors) std::cerr << core::to_string(error) << '\n';
  return exit_bad_config;
}

void print_warnings(const core::ParsedConfig& parsed) {
  for (core::ConfigError warning : parsed.warnings) {
    warning.what.insert(0, "warning: ");
    print({std::move(warning)});
  }
}

int complain(const core::ParsedConfig& parsed, const std::string& file, std::string_view key, std::string_view what) {
  return print({core::ConfigError{file, parsed.line_of(key), std::string(key), std::string(what)}});
}

}  // namespace net
