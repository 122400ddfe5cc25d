// Ports are taken in blocks below the ephemeral range: L-1 and L at its begin, passive ports behind.
#include "tests/live/live_server.hpp"

#include <crypt.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/catch.hpp"
#include "tests/live/socket.hpp"

namespace live {
namespace {

constexpr int first_port = 20000, last_port = 31900, block_size = 100;
constexpr int start_attempts = 20;

std::filesystem::path binary() {
  const char* named = std::getenv("MILLRACE_BINARY");
  return std::filesystem::absolute(named != nullptr ? named : "build/asan/millrace");
}

std::string hash_of(const std::string& password) {
  crypt_data data{};
  return crypt_r(password.c_str(), "$5$rounds=1000$liveTests$", &data);  // few rounds: tests log in often
}

bool is_free(std::uint16_t port) {
  try {
    for (const char* address : {"0.0.0.0", "::1"}) Socket::bound(address, port);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::uint16_t find_port() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution block{0, (last_port - first_port) / block_size};
  while (true) {
    const auto port = static_cast<std::uint16_t>(first_port + block(random) * block_size + 1);
    if (is_free(port) && is_free(static_cast<std::uint16_t>(port - 1))) return port;
  }
}

std::filesystem::path make_directory() {
  std::string name = (std::filesystem::temp_directory_path() / "millrace-live-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  return name;
}

}  // namespace

Disk::Disk(std::filesystem::path at) : at_(std::move(at)) {
  if (::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=1m") != 0)
    throw std::system_error(errno, std::generic_category(), "mount");
}

Disk::~Disk() { ::umount2(at_.c_str(), MNT_DETACH); }

// Cuts it down to what is in use. A size of 0 would mean that there is no limit.
void Disk::fill() const {
  struct statvfs disk{};
  ::statvfs(at_.c_str(), &disk);
  if (disk.f_blocks == disk.f_bfree) write_file(at_ / ".full", "x");
  ::statvfs(at_.c_str(), &disk);
  const std::string options = "size=" + std::to_string((disk.f_blocks - disk.f_bfree) * disk.f_frsize) +
                              ",nr_inodes=" + std::to_string(disk.f_files - disk.f_ffree);
  if (::mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT, options.c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), "remount");
}

LiveServer::LiveServer(const ServerOptions& options)
    : directory_(make_directory()),
      root_(directory_ / "root"),
      outside_(directory_ / "outside"),
      passive_ports_(options.passive_ports) {
  std::filesystem::create_directories(root_);
  std::filesystem::create_directories(outside_);
  if (options.own_disk) try {
      disk_.emplace(root_);
    } catch (const std::system_error&) {
      std::filesystem::remove_all(directory_);
      throw;
    }
  for (int attempt = 0; attempt < start_attempts; ++attempt)
    if (start(options)) return;
  throw std::runtime_error("the server did not start: " + log());
}

// False when somebody else took the port between the look and the start.
bool LiveServer::start(const ServerOptions& options) {
  port_ = find_port();
  write_file(directory_ / "config.toml", make_configuration(options));
  pid_ = fork();
  if (pid_ == 0) execute();
  if (wait_until_ready()) return true;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  if (log().find("cannot listen") == std::string::npos) throw std::runtime_error("the server did not start: " + log());
  return false;
}

LiveServer::~LiveServer() {
  stop();
  disk_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string LiveServer::make_configuration(const ServerOptions& options) const {
  std::ostringstream out;
  out << "server.drain_timeout_s = " << options.drain_timeout_s << '\n'
      << "listen.control = [\"0.0.0.0:" << port_ << "\", \"[::]:" << port_ << "\"]\n"
      << "io.backend = \"" << options.backend << "\"\n"
      << "data.passive_ports = \"" << first_passive_port() << '-' << last_passive_port() << "\"\n"
      << "data.block_modes = \"" << options.block_modes << "\"\n"
      << "uploads.publish = \"" << options.publish << "\"\n"
      << "log.level = \"debug\"\n";
  if (options.log_to_file) out << "log.file = " << log_file() << '\n';
  if (options.anonymous) out << "anonymous.enabled = true\nanonymous.root = " << root_ << '\n';
  for (const std::string& line : options.settings) out << line << '\n';
  for (const User& user : options.users) {
    out << "[[user]]\nname = \"" << user.name << "\"\nroot = " << root_ << "\nallow = " << user.allow << '\n'
        << "password = \"" << (user.password.empty() ? "" : hash_of(user.password)) << "\"\n"
        << "account = \"" << user.account << "\"\n";
    constexpr std::string_view placeholder = "{outside}";
    std::string more = user.more;
    if (const std::size_t at = more.find(placeholder); at != std::string::npos)
      more.replace(at, placeholder.size(), outside_.string());
    out << more << '\n';
  }
  return out.str();
}

// In the child: becomes the server, which shall not outlive the tests.
void LiveServer::execute() const {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::umask(022);  // as on most systems, whoever runs the tests
  const int log = ::open((directory_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(log, STDERR_FILENO);
  const std::string program = binary().string(), config = (directory_ / "config.toml").string();
  ::execl(program.c_str(), program.c_str(), "serve", "--config", config.c_str(), nullptr);
  ::perror(program.c_str());
  ::_exit(127);
}

bool LiveServer::wait_until_ready() {
  bool is_ready = false;
  const auto started_or_ended = [&] {
    is_ready = log().find("ready\n") != std::string::npos;
    siginfo_t info{};
    return is_ready ||
           (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_);
  };
  return eventually(started_or_ended) && is_ready;
}

bool LiveServer::wait_for_exit(int& status) const {
  return eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
}

void LiveServer::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  int status = 0;
  const bool ended = wait_for_exit(status);
  if (!ended) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  const std::string said = log();
  INFO("the server said:\n" << said);
  CHECK(ended);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  CHECK(said.find("Sanitizer") == std::string::npos);
  CHECK(said.find("runtime error") == std::string::npos);
}

void LiveServer::signal(int number) const { ::kill(pid_, number); }

void LiveServer::reconfigure(const ServerOptions& options) const {
  write_file(directory_ / "config.toml", make_configuration(options));
  signal(SIGHUP);
}

pid_t LiveServer::worker(int number) const {
  const std::string said = log(), words = "worker " + std::to_string(number) + " is process ";
  const std::size_t at = said.rfind(words);
  return at == std::string::npos ? -1 : std::stoi(said.substr(at + words.size()));
}

std::size_t LiveServer::open_descriptors() const {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd")) {
    std::error_code closed_meanwhile;
    const std::string target = std::filesystem::read_symlink(entry, closed_meanwhile).string();
    if (!closed_meanwhile && !target.starts_with("pipe:")) ++count;
  }
  return count;
}

std::size_t LiveServer::resident_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  throw std::runtime_error("the server has no VmRSS");
}

void LiveServer::limit_descriptors(std::uint64_t limit) const {
  rlimit now{};
  ::prlimit(pid_, RLIMIT_NOFILE, nullptr, &now);
  now.rlim_cur = std::min<rlim_t>(limit, now.rlim_max);
  ::prlimit(pid_, RLIMIT_NOFILE, &now, nullptr);
}

std::string LiveServer::log() const { return read_file(directory_ / "stderr") + read_file(log_file()); }

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return std::move(content).str();
}

std::string noise(std::size_t size) {
  std::mt19937_64 random{size};
  std::string octets;
  octets.reserve(size + sizeof(std::uint64_t));
  while (octets.size() < size) {
    const std::uint64_t word = random();
    octets.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  octets.resize(size);
  return octets;
}

}  // namespace live
