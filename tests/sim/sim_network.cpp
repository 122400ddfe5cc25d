// TCP as a program sees it, on a timeline instead of wires.
// Knows streams, windows and the errors that Linux gives; must not know who owns a socket.
// The order of error, data and end in receive() and send() follows tcp_recvmsg and tcp_sendmsg.
#include "tests/sim/sim_network.hpp"

#include <arpa/inet.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sim {

// ---- Addresses. ----

io::Address address_of(std::string_view host, std::uint16_t port) {
  io::Address address;
  const std::string text{host};
  if (inet_pton(AF_INET, text.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
  } else {
    address = io::Address{};
    const int parsed = inet_pton(AF_INET6, text.c_str(), &address.v6.sin6_addr);
    assert(parsed == 1);
    address.v6.sin6_family = AF_INET6;
  }
  address.set_port(port);
  return address;
}

std::string SimNetwork::to_text_host(const io::Address& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof text);
  } else {
    inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
  }
  return text;
}

std::string to_text(const io::Address& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  const bool v6 = address.any.sa_family == AF_INET6;
  inet_ntop(address.any.sa_family, v6 ? static_cast<const void*>(&address.v6.sin6_addr) : &address.v4.sin_addr, text,
            sizeof text);
  const std::string port = ":" + std::to_string(address.port());
  return v6 ? "[" + std::string{text} + "]" + port : text + port;
}

bool same_host(const io::Address& left, const io::Address& right) {
  if (left.any.sa_family != right.any.sa_family) return false;
  if (left.any.sa_family == AF_INET) return left.v4.sin_addr.s_addr == right.v4.sin_addr.s_addr;
  return std::memcmp(&left.v6.sin6_addr, &right.v6.sin6_addr, sizeof(in6_addr)) == 0;
}

bool is_wildcard(const io::Address& address) {
  return same_host(address, address_of("0.0.0.0")) || same_host(address, address_of("::"));
}

bool SimNetwork::is_server_address(const io::Address& address) const {
  if (is_wildcard(address) || same_host(address, server_v4) || same_host(address, server_v6)) return true;
  if (address.any.sa_family == AF_INET) return ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
  return same_host(address, address_of("::1"));
}

// ---- A socket, as its owner sees it. ----

Socket::Socket(SimNetwork& network, std::uint64_t id)
    : send_capacity(network.options.send_capacity),
      receive_capacity(network.options.receive_capacity),
      network_(network),
      id_(id) {}

int Socket::take_error() { return std::exchange(error_, 0); }

std::size_t Socket::send_room() const {
  const std::size_t used = unsent_.size() + in_flight_;
  return used < send_capacity ? send_capacity - used : 0;
}

std::int64_t Socket::send(std::span<const char> from) {
  if (state_ == State::connecting) return -EAGAIN;
  if (const int error = take_error(); error != 0) return -error;
  if (state_ == State::open || dead_ || fin_wanted_) return -EPIPE;
  const std::size_t count = std::min(from.size(), send_room());
  if (count == 0 && !from.empty()) return -EAGAIN;
  unsent_.append(from.data(), count);
  appended_ += count;
  network_.pump(*this);
  return static_cast<std::int64_t>(count);
}

void Socket::send_urgent(std::span<const char> from) {
  assert(!from.empty() && from.size() <= send_room() && state_ == State::connected);
  if (dead_ || fin_wanted_) return;
  urgent_ = appended_ + from.size() - 1;
  send(from);
}

std::int64_t Socket::receive(std::span<char> into) {
  if (!urgent_inline && mark_ == read_ && !received_.empty()) {
    received_.erase(0, 1);
    ++read_;
    mark_.reset();
  }
  std::size_t count = std::min(into.size(), received_.size());
  if (mark_ && *mark_ > read_) count = std::min<std::size_t>(count, *mark_ - read_);  // a read stops at the mark
  if (count > 0) {
    std::memcpy(into.data(), received_.data(), count);
    received_.erase(0, count);
    read_ += count;
    if (mark_ && *mark_ < read_) mark_.reset();
    if (peer_ != nullptr) network_.pump(*peer_);  // the window has opened
    return static_cast<std::int64_t>(count);
  }
  if (fin_received_) return 0;
  if (const int error = take_error(); error != 0) return -error;
  if (dead_) return 0;
  return state_ == State::open ? -ENOTCONN : -EAGAIN;
}

int Socket::connect_result() {
  if (state_ == State::connecting) return -EAGAIN;
  return -take_error();
}

void Socket::shutdown_send() {
  if (state_ != State::connected || dead_ || fin_wanted_) return;
  fin_wanted_ = true;
  network_.pump(*this);
}

short Socket::events() const {
  if (state_ == State::connecting) return 0;
  const bool cannot_send = state_ == State::open || dead_ || fin_wanted_;
  int events = 0;
  if (!received_.empty() || receive_closed()) events |= POLLIN;
  if (cannot_send || send_room() * 3 >= send_capacity) events |= POLLOUT;
  if (mark_) events |= POLLPRI;
  if (error_ != 0) events |= POLLERR;
  if (receive_closed()) events |= POLLRDHUP;
  if (state_ == State::open || dead_ || (fin_received_ && fin_wanted_)) events |= POLLHUP;
  return static_cast<short>(events);
}

// ---- The network: who is where. ----

SimNetwork::SimNetwork(Timeline& timeline, std::uint64_t seed) : timeline_(timeline), random_(seed) {}
SimNetwork::~SimNetwork() = default;

Socket& SimNetwork::make_socket() {
  const std::uint64_t id = next_id_++;
  auto& slot = sockets_[id];
  slot.reset(new Socket{*this, id});
  slot->latency_ = random_.between(options.latency_min, options.latency_max);
  slot->segment_size_ = options.segment_size;
  if (random_.chance(options.slow_connections)) {
    slot->latency_ *= 100;
    slot->segment_size_ = 1 + random_.below(600);
  }
  return *slot;
}

Socket* SimNetwork::find(std::uint64_t id) {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second.get();
}

Listener* SimNetwork::find_listener(const io::Address& to) {
  Listener* wildcard = nullptr;
  for (auto& [id, listener] : listeners_) {
    const io::Address& at = listener->local_;
    if (!listener->listens_ || at.port() != to.port() || at.any.sa_family != to.any.sa_family) continue;
    if (same_host(at, to)) return listener.get();
    if (is_wildcard(at) && is_server_address(to)) wildcard = listener.get();
  }
  return wildcard;
}

bool SimNetwork::listener_overlaps(const io::Address& at) const {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& entry) {
    const io::Address& taken = entry.second->local_;
    if (taken.port() != at.port() || taken.any.sa_family != at.any.sa_family) return false;
    if (same_host(taken, at)) return true;
    return (is_wildcard(taken) && is_server_address(at)) || (is_wildcard(at) && is_server_address(taken));
  });
}

bool SimNetwork::tuple_taken(const io::Address& local, const io::Address& remote) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
    const Socket& socket = *entry.second;
    return socket.state_ != Socket::State::open && !socket.dead_ && socket.local_.port() == local.port() &&
           socket.remote_.port() == remote.port() && same_host(socket.local_, local) &&
           same_host(socket.remote_, remote);
  });
}

std::uint16_t SimNetwork::free_port(const io::Address& host) {
  const auto taken = [&](const io::Address& at) {
    return listener_overlaps(at) || std::any_of(sockets_.begin(), sockets_.end(), [&](const auto& entry) {
             return entry.second->local_.port() == at.port() && same_host(entry.second->local_, at);
           });
  };
  io::Address at = host;
  do {
    at.set_port(next_port_);
    next_port_ = next_port_ == 60999 ? 32768 : static_cast<std::uint16_t>(next_port_ + 1);
  } while (taken(at));
  return at.port();
}

std::expected<Listener*, int> SimNetwork::listen(const io::Address& at, int backlog) {
  io::Address local = at;
  if (local.port() == 0) local.set_port(free_port(local));
  if (listener_overlaps(local)) return std::unexpected(EADDRINUSE);
  auto& slot = listeners_[next_id_++];
  slot = std::make_unique<Listener>();
  slot->local_ = local;
  slot->backlog_ = static_cast<std::size_t>(std::max(backlog, 0));
  return slot.get();
}

std::expected<Socket*, int> SimNetwork::open(const io::Address& from) {
  if (from.port() != 0 && listener_overlaps(from)) return std::unexpected(EADDRINUSE);
  Socket& socket = make_socket();
  socket.local_ = from;
  if (from.port() == 0) socket.local_.set_port(free_port(from));
  return &socket;
}

Socket* SimNetwork::accept(Listener& listener) {
  if (listener.pending_.empty()) return nullptr;
  Socket* socket = find(listener.pending_.front());
  listener.pending_.pop_front();
  assert(socket != nullptr);
  return socket;
}

// ---- Making connections. ----

int SimNetwork::connect(Socket& socket, const io::Address& to) {
  if (socket.state_ == Socket::State::connected) return -EISCONN;
  if (socket.state_ == Socket::State::connecting) return -EALREADY;
  if (socket.local_.any.sa_family != to.any.sa_family) return -EAFNOSUPPORT;
  io::Address target = to;
  if (is_wildcard(to)) {
    target = to.any.sa_family == AF_INET ? address_of("127.0.0.1") : address_of("::1");
    target.set_port(to.port());
  }
  if (is_wildcard(socket.local_)) {
    const std::uint16_t port = socket.local_.port();
    const io::Address& host = to.any.sa_family == AF_INET ? server_v4 : server_v6;
    socket.local_ = is_server_address(target) ? target : host;
    socket.local_.set_port(port);
  }
  if (tuple_taken(socket.local_, target)) return -EADDRNOTAVAIL;
  socket.remote_ = target;
  socket.state_ = Socket::State::connecting;
  timeline_.after(socket.latency_, [this, id = socket.id_] { syn_arrives(id, 0); });
  return 0;
}

void SimNetwork::syn_arrives(std::uint64_t id, int attempt) {
  Socket* socket = find(id);
  if (socket == nullptr || socket->silent_) return;
  const bool lost = unreachable_.contains(to_text_host(socket->remote_));
  Listener* listener = find_listener(socket->remote_);
  if (!lost && listener == nullptr) {
    timeline_.after(socket->latency_, [this, id] {
      if (Socket* still = find(id)) connect_fails(*still, ECONNREFUSED);
    });
  } else if (!lost && listener->pending_.size() <= listener->backlog_) {
    establish(*socket, *listener);
  } else if (attempt == 6) {
    connect_fails(*socket, ETIMEDOUT);
  } else {  // Linux drops the SYN, and the client sends it again after 1, 2, 4, … seconds
    timeline_.after(io::second << attempt, [this, id, attempt] { syn_arrives(id, attempt + 1); });
  }
}

void SimNetwork::establish(Socket& active, Listener& listener) {
  Socket& passive = make_socket();
  passive.state_ = Socket::State::connected;
  passive.local_ = active.remote_;
  passive.remote_ = active.local_;
  passive.latency_ = active.latency_;
  passive.segment_size_ = active.segment_size_;
  passive.peer_ = &active;
  active.peer_ = &passive;
  listener.pending_.push_back(passive.id_);
  on_arrival(passive, [this](Socket& connector) {
    if (connector.dead_) return;
    connector.state_ = Socket::State::connected;
    changed(connector);
  });
  if (listener.on_change) listener.on_change();
}

void SimNetwork::connect_fails(Socket& socket, int error) {
  socket.state_ = Socket::State::open;
  socket.error_ = error;
  changed(socket);
}

// ---- Moving octets. ----

void SimNetwork::on_arrival(Socket& from, std::function<void(Socket&)> event) {
  const io::Time departure = std::max(timeline_.now(), from.next_departure_);
  const io::Time jitter = random_.between(0, from.latency_ / 4 + 1);
  from.last_arrival_ = std::max(from.last_arrival_ + 1, departure + from.latency_ + jitter);
  timeline_.at(from.last_arrival_, [this, id = from.id_, event = std::move(event)] {
    Socket* sender = find(id);
    if (sender == nullptr || sender->peer_ == nullptr) return;
    if (sender->silent_ || sender->peer_->silent_) return;
    event(*sender->peer_);
  });
}

void SimNetwork::pump(Socket& from) {
  Socket* to = from.peer_;
  if (to == nullptr || from.dead_) return;
  while (!from.unsent_.empty()) {
    const std::size_t used = to->received_.size() + from.in_flight_;
    const std::size_t window = to->receive_capacity > used ? to->receive_capacity - used : 0;
    std::size_t octets = std::min({from.unsent_.size(), window, from.segment_size_});
    if (octets == 0) return;
    if (octets > 1 && random_.chance(options.split_segments)) octets = 1 + random_.below(octets - 1);
    send_segment(from, octets);
  }
  if (from.fin_wanted_ && !from.fin_sent_) {
    from.fin_sent_ = true;
    on_arrival(from, [this](Socket& receiver) {
      if (receiver.dead_) return;
      receiver.fin_received_ = true;
      changed(receiver);
    });
  }
}

void SimNetwork::send_segment(Socket& from, std::size_t octets) {
  const std::uint64_t begin = from.appended_ - from.unsent_.size();
  std::optional<std::uint64_t> urgent;
  if (from.urgent_ && *from.urgent_ < begin + octets) urgent = std::exchange(from.urgent_, std::nullopt);
  on_arrival(from, [this, id = from.id_, bytes = from.unsent_.substr(0, octets), urgent](Socket&) {
    segment_arrives(*find(id), bytes, urgent);
  });
  from.unsent_.erase(0, octets);
  from.in_flight_ += octets;
  if (from.pacing_rate > 0) {
    const auto gap = static_cast<io::Time>(octets * static_cast<std::uint64_t>(io::second) / from.pacing_rate);
    from.next_departure_ = std::max(timeline_.now(), from.next_departure_) + gap;
  }
}

void SimNetwork::segment_arrives(Socket& from, const std::string& octets, std::optional<std::uint64_t> urgent) {
  Socket& to = *from.peer_;
  from.in_flight_ -= octets.size();
  if (to.dead_) return;
  if (to.closed_) return send_reset(to);  // nobody is there to read it
  to.received_ += octets;
  if (urgent) to.mark_ = urgent;
  changed(to);
  changed(from);
}

// ---- Ending connections. ----

void SimNetwork::close(Socket& socket) {
  assert(!socket.closed_);
  socket.on_change = nullptr;
  if (socket.peer_ == nullptr) {
    sockets_.erase(socket.id_);
    return;
  }
  // Unread octets turn a close into a reset; so does a SYN answered too late.
  if (!socket.received_.empty() || socket.state_ == Socket::State::connecting) return reset(socket);
  socket.closed_ = true;
  if (!socket.dead_ && !socket.fin_wanted_) {
    socket.fin_wanted_ = true;
    pump(socket);
  }
  forget_if_closed(socket);
}

void SimNetwork::reset(Socket& socket) {
  socket.on_change = nullptr;
  if (socket.peer_ == nullptr) {
    sockets_.erase(socket.id_);
    return;
  }
  socket.closed_ = true;
  if (!socket.dead_) {
    send_reset(socket);
    kill(socket);
  }
  forget_if_closed(socket);
}

void SimNetwork::stop_listening(Listener& listener) {
  listener.listens_ = false;
  for (const std::uint64_t id : std::exchange(listener.pending_, {})) {
    if (Socket* socket = find(id)) reset(*socket);
  }
}

void SimNetwork::close(Listener& listener) {
  stop_listening(listener);
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second.get() == &listener; });
}

void SimNetwork::break_connection(Socket& socket) {
  Socket* peer = socket.peer_;
  if (peer == nullptr) return;
  reset_arrives(socket);
  reset_arrives(*peer);
}

void SimNetwork::send_reset(Socket& from) {
  on_arrival(from, [this](Socket& receiver) { reset_arrives(receiver); });
}

void SimNetwork::reset_arrives(Socket& at) {
  if (at.dead_) return;
  at.error_ = at.fin_received_ ? EPIPE : ECONNRESET;
  kill(at);
  changed(at);
}

void SimNetwork::kill(Socket& socket) {
  if (socket.state_ == Socket::State::connecting) socket.state_ = Socket::State::connected;
  socket.dead_ = true;
  socket.unsent_.clear();
}

void SimNetwork::forget_if_closed(Socket& socket) {
  Socket* peer = socket.peer_;
  if (!socket.closed_ || !peer->closed_) return;
  const std::uint64_t other = peer->id_;
  sockets_.erase(socket.id_);
  sockets_.erase(other);
}

}  // namespace sim
