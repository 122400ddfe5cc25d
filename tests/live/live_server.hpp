// The real binary as an object: started on free ports with a configuration of its own, stopped by
// SIGTERM, its exit and what the sanitizers said checked. Knows processes and files; must not know FTP.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace live {

struct User {
  std::string name = "demo";
  std::string password = "secret";  ///< empty: none is asked for
  std::string account{};
  std::string more{};  ///< further keys of the [[user]]; {outside} stands for LiveServer::outside()
  std::string allow = R"(["list", "read", "write", "delete", "rename", "mkdir", "site"])";
};

struct ServerOptions {
  std::string backend;             ///< "io_uring" or "epoll"
  std::string publish = "direct";  ///< direct, atomic or durable
  std::string block_modes = "always";
  /// Further keys, a line each, with their tables in front: "limits.idle_timeout_s = 1".
  std::vector<std::string> settings{};
  std::vector<User> users = {User{}};
  bool anonymous = false;
  std::uint16_t passive_ports = 80;  ///< how many
  int drain_timeout_s = 5;
  bool own_disk = false;     ///< the root is a file system of its own, which can be filled
  bool log_to_file = false;  ///< log.file, in place of standard error
};

/// A small file system in memory. Gone with all that is on it when destroyed.
class Disk {
 public:
  /// Throws std::system_error where mounting is not allowed.
  explicit Disk(std::filesystem::path at);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk();

  /// From now on neither a name nor an octet can be stored.
  void fill() const;

 private:
  std::filesystem::path at_;
};

class LiveServer {
 public:
  /// Returns once all listeners accept; throws with the server's own words when it does not start.
  explicit LiveServer(const ServerOptions& options);
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;
  /// Stops the server and checks how it ended.
  ~LiveServer();

  /// SIGTERM, then the end: exit code 0 and no word from a sanitizer, or checks fail. Once only.
  void stop();
  void signal(int number) const;
  /// Writes another configuration for the same ports and has it read (SIGHUP).
  void reconfigure(const ServerOptions& options) const;

  std::uint16_t port() const { return port_; }  ///< L, on 0.0.0.0 and [::]
  std::uint16_t first_passive_port() const { return static_cast<std::uint16_t>(port_ + 1); }
  std::uint16_t last_passive_port() const { return static_cast<std::uint16_t>(port_ + passive_ports_); }
  const std::filesystem::path& root() const { return root_; }        ///< every user's "/"
  const std::filesystem::path& outside() const { return outside_; }  ///< a directory beside it
  /// The process that is worker `number` now, from 1; -1: there are not so many.
  pid_t worker(int number) const;
  /// Sockets and files; not the pipes, which are pooled and kept.
  std::size_t open_descriptors() const;
  std::size_t resident_kib() const;
  /// Lets the server have no descriptor of that number or a higher one. RLIM_INFINITY: what it had at first.
  void limit_descriptors(std::uint64_t limit) const;
  /// Of the root, with `own_disk`.
  const Disk& disk() const { return *disk_; }
  /// What it said on standard error and in its log file.
  std::string log() const;
  std::filesystem::path log_file() const { return directory_ / "log"; }

 private:
  bool start(const ServerOptions& options);
  std::string make_configuration(const ServerOptions& options) const;
  void execute() const;
  bool wait_until_ready();
  bool wait_for_exit(int& status) const;

  std::filesystem::path directory_, root_, outside_;
  std::optional<Disk> disk_;
  std::uint16_t port_ = 0, passive_ports_;
  pid_t pid_ = -1;
};

void write_file(const std::filesystem::path& path, std::string_view content);
std::string read_file(const std::filesystem::path& path);
/// Octets without a period that a misplaced block could hide in.
std::string noise(std::size_t size);

}  // namespace live
