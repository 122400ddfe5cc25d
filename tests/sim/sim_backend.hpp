// The third backend: io::Backend on the simulated network, files and clock. Completions come late,
// in seeded order, and sometimes as errors; the same seed gives the same run.
// Knows ops, descriptors and when things happen; must not know what the program under test is.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/backend.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/sim_faults.hpp"
#include "tests/sim/sim_files.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/timeline.hpp"

namespace sim {

class SimBackend final : public io::Backend {
 public:
  SimBackend(Timeline& timeline, SimNetwork& network, SimFiles& files, std::uint64_t seed);
  ~SimBackend() override;
  SimBackend(const SimBackend&) = delete;
  SimBackend& operator=(const SimBackend&) = delete;

  // ---- io::Backend ----

  std::string_view name() const override { return "simulated"; }
  void submit(io::Op& op) override;
  void cancel(io::Op& op) override;
  /// Jumps from event to event. May return with nothing ready, when a peer has something to look at.
  void wait(io::Time deadline, io::OpList& ready) override;
  io::Time now() override { return timeline_.read_clock(); }
  std::int64_t wall_clock() override { return timeline_.wall_clock(); }
  std::expected<int, int> open_listener(const io::Address& at, int backlog,
                                        io::PortUse use = io::PortUse::alone) override;
  std::expected<int, int> open_socket(const io::Address& from) override;
  io::Address local_address(int socket) override;
  void set_options(int socket, const io::SocketOptions& options) override;
  void collect(io::OpList& ready) override { ready.splice(ready_); }
  void stop_listening(int listener) override;
  int listen_again(int listener, int backlog) override;
  void close_listener(int listener) override;
  void shutdown_send(int socket) override;
  bool urgent_pending(int socket) override;
  std::int32_t send_now(int socket, std::span<const char> from) override;
  std::int32_t receive_now(int socket, std::span<char> into) override;
  bool has_kernel_tls() override { return false; }
  io::Inbound inbound(int socket) override;
  std::int64_t changed_at(int fd) override;
  std::expected<int, int> open_root(const std::string& path) override;

  // ---- For tests. ----

  FaultPlan& fault_plan() { return plan_; }
  /// More open descriptors than this give EMFILE.
  std::size_t descriptor_limit = 1'000'000;
  /// Give the lowest free number, as Linux does. Otherwise no number comes twice, and every use of a
  /// descriptor after its close is seen.
  bool reuse_numbers = false;
  std::size_t open_descriptors() const { return descriptors_.size(); }
  /// One line for each: its number and what it is.
  std::vector<std::string> describe_descriptors() const;
  /// The socket behind a descriptor, nullptr when it is none.
  Socket* socket_at(int fd);
  /// Closes at once, without an op. Result: 0 or -EBADF.
  int close_now(int fd);
  /// The options last set on a socket, nullptr when it is none.
  const io::SocketOptions* options_of(int socket) const;
  std::size_t in_flight() const { return flights_.size(); }

  /// What the program did that no program should: descriptors closed twice or closed with ops in
  /// flight, ops on descriptors that are gone.
  const std::vector<std::string>& problems() const { return problems_; }
  std::vector<std::string> take_problems() { return std::exchange(problems_, {}); }
  void report(std::string problem);

  /// Over kind, result and time of all completed ops: equal for equal seeds.
  std::uint64_t event_hash() const { return hash_; }
  std::uint64_t completions() const { return completions_; }

  /// Makes the wait() that runs now, or the next one, return: a peer has seen something.
  void interrupt() { interrupted_ = true; }

  /// No descriptor of this process is as high: a system call on a simulated one gives EBADF.
  static constexpr int first_descriptor = 1'000'000;

 private:
  using Id = std::uint64_t;

  struct Descriptor {
    std::variant<Listener*, Socket*, OpenFile> thing;
    std::string what;
    io::SocketOptions options{};
    std::vector<Id> users{};  // ops in flight that act on it
    bool closing = false;
  };
  struct Flight {
    io::Op* op;
    int fail_with = 0;
    bool started = false;  // connect: the SYN is out
    bool parked = false;   // waits for its descriptor
    bool done = false;     // its effect has happened, its completion is on the way
  };
  /// What keeps its order: one direction of one socket.
  using Lane = std::pair<int, bool>;

  // Scheduling: sim_backend.cpp.
  static std::optional<Lane> lane_of(const io::Op& op);
  static bool may_be_at_once(const io::Op& op);
  bool is_first(Id id, const io::Op& op) const;
  io::Time delay_of(io::OpKind kind);
  void attempt_later(Id id, io::Time delay);
  void attempt(Id id);
  void abandon(Id id);
  void finish(Id id, std::int64_t result);
  void deliver(Id id, std::int64_t result);
  void leave_lane(Id id, const io::Op& op);
  void wake(int fd);

  // Descriptors: sim_backend.cpp.
  void check_use(const io::Op& op, int fd);
  std::expected<int, int> add_descriptor(Descriptor descriptor);
  bool descriptors_are_out() const { return descriptors_.size() >= descriptor_limit; }
  Descriptor* find(int fd);
  OpenFile* file_at(int fd);
  /// 0, or why `fd` is no file: `if_other` when it is a socket.
  int file_error(int fd, int if_other);
  void watch(int fd, Socket& socket);

  // What each kind does: sim_operations.cpp. Nothing: it must wait.
  using Result = std::optional<std::int64_t>;
  Result perform(Flight& flight);
  std::int32_t now_on_socket(io::OpKind kind, int fd, std::span<char> octets);
  Result perform_on_socket(Flight& flight);
  std::int64_t perform_on_file(io::Op& op);
  std::int64_t perform_on_path(io::Op& op);
  Result fail(Flight& flight);
  Result accept(io::Op& op);
  Result connect(Flight& flight, Socket& socket);
  Result receive(io::Op& op, Socket& socket);
  Result receive_lent(io::Op& op, Socket& socket);
  Result send(io::Op& op, Socket& socket);
  Result send_file(io::Op& op, Socket& socket);
  Result receive_file(Flight& flight, Socket& socket);
  Result poll(io::Op& op);
  Result open(io::Op& op);
  std::size_t shortened(std::size_t octets);

  Timeline& timeline_;
  SimNetwork& network_;
  SimFiles& files_;
  Random random_;
  FaultPlan plan_;
  bool tracing_;

  int next_descriptor_ = first_descriptor;
  std::map<int, Descriptor> descriptors_;
  Id next_id_ = 1;
  std::map<Id, Flight> flights_;
  std::map<Lane, std::deque<Id>> lanes_;
  io::OpList ready_;
  bool interrupted_ = false;
  bool at_once_ = false;  // an op is tried while it is submitted
  std::vector<std::string> problems_;
  std::uint64_t hash_ = 14695981039346656037U;
  std::uint64_t completions_ = 0;
};

}  // namespace sim
