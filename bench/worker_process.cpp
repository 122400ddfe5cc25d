// Outcomes through a pipe: the length, then what Packer makes of it. The last one counts.
#include "bench/worker_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "bench/archive.hpp"

namespace bench {
namespace {

// So much that no worker waits for the other end to read: that would hold up its users.
constexpr int pipe_octets = 1 << 20;

void write_all(int pipe, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t count = ::write(pipe, octets.data(), octets.size());
    if (count < 0 && errno != EINTR) return;  // nobody listens any more
    if (count > 0) octets.remove_prefix(static_cast<std::size_t>(count));
  }
}

void tell(int pipe, const Outcome& outcome) {
  Packer body, head;
  body(outcome);
  head(body.octets().size());
  write_all(pipe, head.octets() + body.octets());
}

}  // namespace

WorkerProcess::WorkerProcess(const Options& options, const io::Address& server, Gate& gate, std::vector<Part> parts,
                             bool watched)
    : parts_(std::move(parts)) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    fail(std::strerror(errno));
    return;
  }
  ::fcntl(ends[1], F_SETPIPE_SZ, pipe_octets);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    Worker(options, server, gate, parts_, [pipe = ends[1]](const Outcome& it) { tell(pipe, it); }, watched).run();
    std::exit(EXIT_SUCCESS);
  }
  if (pid_ < 0) fail(std::strerror(errno));
  ::close(ends[1]);
  pipe_ = ends[0];
  ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
}

WorkerProcess::~WorkerProcess() { ::close(pipe_); }

void WorkerProcess::fail(std::string why) {
  outcome_.failure = std::move(why);
  outcome_.is_final = true;
}

void WorkerProcess::hear() {
  std::array<char, 64 * 1024> octets;
  ssize_t count = 0;
  while ((count = ::read(pipe_, octets.data(), octets.size())) > 0)
    heard_.append(octets.data(), static_cast<std::size_t>(count));
  for (std::size_t size = 0; heard_.size() >= sizeof size; heard_.erase(0, sizeof size + size)) {
    Unpacker{heard_}(size);
    if (heard_.size() < sizeof size + size) break;
    Unpacker{std::string_view(heard_).substr(sizeof size)}(outcome_);
  }
  if (count == 0 && !outcome_.is_final) fail("a worker ended early");
}

void WorkerProcess::join() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, 0) == pid_ && status != 0 && outcome_.failure.empty())
    fail("a worker ended with status " + std::to_string(status));
}

}  // namespace bench
