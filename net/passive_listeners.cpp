// Shelves of listeners that rest, and a bag of ports for new ones. One that rests is bound and does not listen: who
// comes to a port that PASV told for an earlier transfer is refused at once, and not accepted and then reset.
#include "net/passive_listeners.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/convert.hpp"

namespace net {
namespace {

// A few strangers may knock at a passive port before the client does.
constexpr int backlog = 8;
// Ports that something else on this host holds are passed over, a bounded number of times.
constexpr int attempts = 32;
// As many transfers as begin within a round trip or two; each is a descriptor.
constexpr std::size_t resting_most = 256;
// One is taken from the longer rested half: whoever comes late for the transfer before is turned away, and which port
// is next cannot be guessed, which would invite theft (RFC 2577 8). With fewer than these it is a new one.
constexpr std::size_t enough_to_choose_from = 16;
// Long enough for transfers that follow each other, short for whoever connects to one too late.
constexpr io::Time rest = io::second;

}  // namespace

PassiveListeners::PassiveListeners(io::Reactor& reactor, PassivePorts ports, const io::SocketOptions& options)
    : reactor_(reactor), ports_(std::move(ports)), options_(options) {
  timer_.bind<&PassiveListeners::on_time>(*this);
}

PassiveListeners::~PassiveListeners() { close(); }

void PassiveListeners::close() {
  keeps_ = false;
  while (close_any()) continue;
  reactor_.disarm(timer_);
}

PassiveListeners::Shelf& PassiveListeners::shelf_of(const core::Endpoint& local) {
  const auto suits = [&](const Shelf& shelf) { return shelf.empty() || shelf.front().listener.at.same_address(local); };
  // Its own before an empty one.
  const auto own = std::ranges::find_if(shelves_, [&](const Shelf& shelf) { return !shelf.empty() && suits(shelf); });
  if (own != shelves_.end()) return *own;
  const auto empty = std::ranges::find_if(shelves_, suits);
  return empty != shelves_.end() ? *empty : shelves_.emplace_back();
}

void PassiveListeners::close_first(Shelf& shelf) {
  const PassiveListener& first = shelf.front().listener;
  reactor_.backend().close_listener(first.socket);
  ports_.give_back(first.at.port);
  shelf.pop_front();
  --resting_;
}

bool PassiveListeners::close_any() {
  const auto some = std::ranges::find_if(shelves_, [](const Shelf& shelf) { return !shelf.empty(); });
  if (some == shelves_.end()) return false;
  close_first(*some);
  return true;
}

void PassiveListeners::on_time() {
  io::Time next = io::never;
  for (Shelf& shelf : shelves_) {
    while (!shelf.empty() && shelf.front().until <= reactor_.now()) close_first(shelf);
    if (!shelf.empty()) next = std::min(next, shelf.front().until);
  }
  if (next != io::never) reactor_.arm(timer_, next);
}

std::expected<PassiveListener, int> PassiveListeners::lend(const core::Endpoint& local, Random& random) {
  Shelf& shelf = shelf_of(local);
  if (shelf.size() < enough_to_choose_from) {
    auto opened = open(local, random);
    while (!opened && shelf.empty() && close_any()) opened = open(local, random);  // others' rest too long
    if (opened || shelf.empty()) return opened;
  }
  std::swap(shelf.front(), shelf[random() % ((shelf.size() + 1) / 2)]);
  const PassiveListener listener = shelf.front().listener;
  if (reactor_.backend().listen_again(listener.socket, backlog) != 0) {
    close_first(shelf);
    return lend(local, random);
  }
  shelf.pop_front();
  --resting_;
  return listener;
}

std::expected<PassiveListener, int> PassiveListeners::open(const core::Endpoint& local, Random& random) {
  io::Backend& backend = reactor_.backend();
  int error = EADDRINUSE;
  for (int attempt = 0; attempt < attempts && error == EADDRINUSE; ++attempt) {
    const auto port = ports_.take(random);
    if (!port) break;
    core::Endpoint at = local;
    at.port = *port;
    const auto opened = backend.open_listener(to_address(at), backlog);
    if (opened) {
      backend.set_options(*opened, options_);
      return PassiveListener{*opened, at};
    }
    ports_.give_back(*port);
    error = opened.error();
  }
  return std::unexpected(error);
}

// No more than half of the ports rest, so that new ones stay hard to guess.
void PassiveListeners::give_back(const PassiveListener& listener) {
  reactor_.backend().stop_listening(listener.socket);
  Shelf& shelf = shelf_of(listener.at);
  shelf.push_back({listener, reactor_.now() + rest});
  ++resting_;
  if (!keeps_ || resting_ > std::min(resting_most, ports_.size() / 2)) return close_first(shelf);
  if (!timer_.armed()) reactor_.arm(timer_, shelf.front().until);
}

}  // namespace net
