// One op and one timer a connection. Measured on the loopback: lingering costs 5 us, the look 0.3 us.
#include "net/lingering.hpp"

#include <algorithm>
#include <utility>

namespace net {
namespace {

// As much as stands in the first flight of a connection (RFC 6928) is under way when the connection is closed: a reset
// that answers later octets comes behind it.
constexpr std::uint64_t first_flight = 14'600;
// What a peer may send, how long it may take to read, and how many of them may at a time. Beyond that it is closed.
constexpr std::size_t octets_most = 64 * 1024;
constexpr io::Time linger_most = 30 * io::second;
constexpr std::size_t connections_most = 1024;

}  // namespace

struct Lingering::Connection {
  explicit Connection(Lingering& of) : owner(of) {
    op.bind<&Connection::on_received>(*this);
    timer.bind<&Connection::end>(*this);
  }
  void begin(int fd) {
    socket = fd;
    left = octets_most;
    owner.reactor_.arm(timer, owner.reactor_.now() + linger_most);
    receive();
  }
  void receive() {
    op.recv(socket, owner.scratch_);
    owner.reactor_.submit(op);
  }
  void end() { owner.reactor_.cancel(op); }
  void on_received(io::Op&) {
    const auto count = static_cast<std::size_t>(std::max(op.result, 0));
    if (count > 0 && count <= left && !op.cancelled) {
      left -= count;
      return receive();
    }
    owner.reactor_.disarm(timer);
    owner.reactor_.close(std::exchange(socket, -1), true);
    owner.on_ended(*this);
  }

  Lingering& owner;
  int socket = -1;
  std::size_t left = 0;
  io::Op op;
  io::Timer timer;
};

Lingering::Lingering(io::Reactor& reactor) : reactor_(reactor) {}

Lingering::~Lingering() = default;

// A client that sends nothing, as most do, costs one look; behind a small file what comes later can do no harm.
void Lingering::close(int socket, std::uint64_t sent) {
  if (socket < 0) return;
  const io::Inbound there = reactor_.backend().inbound(socket);
  const bool harmless = there == io::Inbound::ended || (there == io::Inbound::nothing && sent <= first_flight);
  if (harmless || closed_) return reactor_.close(socket, true);
  reactor_.backend().shutdown_send(socket);
  linger(socket);
}

// Where there are too many, one that has been there for long makes room.
void Lingering::linger(int socket) {
  if (in_use_ >= connections_most) {
    all_[oldest_]->end();
    oldest_ = (oldest_ + 1) % all_.size();
  }
  if (free_.empty()) {
    all_.push_back(std::make_unique<Connection>(*this));
    free_.push_back(all_.back().get());
  }
  ++in_use_;
  Connection& connection = *free_.back();
  free_.pop_back();
  connection.begin(socket);
}

void Lingering::on_ended(Connection& connection) {
  --in_use_;
  free_.push_back(&connection);
}

void Lingering::close_all() {
  closed_ = true;
  for (const auto& connection : all_) connection->end();
}

}  // namespace net
