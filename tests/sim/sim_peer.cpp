// The far side of simulated connections: pending writes, lines, and ways to go away.
// Knows sockets of the simulated network; must not touch the backend except to wake it.
#include "tests/sim/sim_peer.hpp"

#include <cassert>
#include <cerrno>
#include <deque>
#include <utility>

#include "tests/sim/sim_world.hpp"

namespace sim {

/// Shared with the socket's callback, so that a close can wait for what is still to be written.
struct SimConnection::State : std::enable_shared_from_this<State> {
  struct Chunk {
    std::string octets;
    bool urgent;
  };

  State(SimWorld& in, Socket& on) : world(in), socket(&on) {}

  void write(std::string_view octets, bool urgent) {
    if (octets.empty()) return;
    pending.push_back({std::string{octets}, urgent});
    pump();
  }

  /// One chunk, or as much of it as fits. False: no room.
  bool send_some(Chunk& chunk) {
    if (chunk.urgent && chunk.octets.size() > socket->send_room()) return false;
    if (chunk.urgent && socket->connected() && !socket->was_reset()) {
      socket->send_urgent(chunk.octets);
      chunk.octets.clear();
      return true;
    }
    const std::int64_t sent = socket->send(chunk.octets);
    if (sent == -EAGAIN) return false;
    chunk.octets.erase(0, sent < 0 ? std::string::npos : static_cast<std::size_t>(sent));  // an error ends all
    return true;
  }

  void pump() {
    if (socket == nullptr || error != 0) return;
    if (!socket->connected()) {
      const int result = socket->connect_result();
      if (result != 0 && result != -EAGAIN) error = -result;
    }
    while (!pending.empty() && send_some(pending.front())) {
      if (pending.front().octets.empty()) pending.pop_front();
    }
    if (!pending.empty()) return;
    if (fin_wanted) socket->shutdown_send();
    if (close_wanted) world.timeline().after(0, [self = shared_from_this()] { self->close_now(); });
  }

  void close_now() {
    if (Socket* closing = std::exchange(socket, nullptr)) world.network().close(*closing);
  }

  SimWorld& world;
  Socket* socket;
  std::deque<Chunk> pending{};
  bool fin_wanted = false;
  bool close_wanted = false;
  int error = 0;
};

SimConnection::SimConnection(SimWorld& world, Socket& socket) : state_(std::make_shared<State>(world, socket)) {
  socket.on_change = [state = state_] {
    state->pump();
    state->world.backend().interrupt();
  };
}

SimConnection& SimConnection::operator=(SimConnection&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

SimConnection::~SimConnection() { close(); }

SimConnection::State& SimConnection::state() const {
  assert(state_ != nullptr && "used after close, reset or vanish");
  return *state_;
}

void SimConnection::write(std::string_view octets) { state().write(octets, false); }
void SimConnection::write_urgent(std::string_view octets) { state().write(octets, true); }

std::string SimConnection::read() {
  std::string all;
  char part[4096];
  for (;;) {
    const std::int64_t count = state().socket->receive(part);
    if (count <= 0) return all;
    all.append(part, static_cast<std::size_t>(count));
  }
}

std::string_view SimConnection::peek() const { return state().socket->received(); }
bool SimConnection::has_line() const { return peek().find('\n') != std::string_view::npos; }

std::string SimConnection::read_line() {
  std::string line(peek().find('\n') + 1, '\0');
  assert(!line.empty() && "no whole line has arrived");
  for (std::size_t done = 0; done < line.size();) {
    const std::int64_t count = state().socket->receive(std::span{line}.subspan(done));
    assert(count > 0);
    done += static_cast<std::size_t>(count);
  }
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

bool SimConnection::connected() const { return state().socket->connected(); }
int SimConnection::error() const { return state().error; }
bool SimConnection::at_end() const { return state().socket->at_end(); }
bool SimConnection::was_reset() const { return state().socket->was_reset(); }
bool SimConnection::all_delivered() const { return state().pending.empty() && state().socket->all_delivered(); }
io::Address SimConnection::local() const { return state().socket->local(); }
io::Address SimConnection::remote() const { return state().socket->remote(); }

void SimConnection::shutdown_send() {
  state().fin_wanted = true;
  state().pump();
}

void SimConnection::close() {
  if (state_ == nullptr) return;
  const auto closing = std::exchange(state_, nullptr);
  closing->close_wanted = true;
  const bool may_still_send = !closing->pending.empty() && closing->error == 0;
  if (!may_still_send) closing->close_now();
}

void SimConnection::reset() {
  state().world.network().reset(*std::exchange(state().socket, nullptr));
  state_.reset();
}

void SimConnection::vanish() {
  state().world.network().silence(*state().socket);
  state().pending.clear();
  close();
}

// ---- Listeners and machines. ----

SimListener::SimListener(SimListener&& other) noexcept
    : world_(other.world_), listener_(std::exchange(other.listener_, nullptr)) {}

SimListener& SimListener::operator=(SimListener&& other) noexcept {
  std::swap(world_, other.world_);
  std::swap(listener_, other.listener_);
  return *this;
}

SimListener::~SimListener() {
  if (listener_ != nullptr) world_->network().close(*listener_);
}

io::Address SimListener::address() const { return listener_->local(); }
bool SimListener::has_pending() const { return listener_->has_pending(); }

std::optional<SimConnection> SimListener::accept() {
  Socket* socket = world_->network().accept(*listener_);
  if (socket == nullptr) return std::nullopt;
  return SimConnection{*world_, *socket};
}

io::Address SimPeer::address(std::uint16_t port) const {
  io::Address address = host_;
  address.set_port(port);
  return address;
}

SimConnection SimPeer::connect(const io::Address& to, std::uint16_t from_port) {
  const auto socket = world_->network().open(address(from_port));
  assert(socket && "the peer's port is taken");
  SimConnection connection{*world_, **socket};
  const int result = world_->network().connect(**socket, to);
  assert(result == 0 && "the peer cannot connect from here to there");
  return connection;
}

SimListener SimPeer::listen(std::uint16_t port, int backlog) {
  const auto listener = world_->network().listen(address(port), backlog);
  assert(listener && "the peer's port is taken");
  (*listener)->on_change = [world = world_] { world->backend().interrupt(); };
  return SimListener{*world_, **listener};
}

}  // namespace sim
