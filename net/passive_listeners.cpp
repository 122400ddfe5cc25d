// A bag of listeners that rest, and a bag of ports for new ones.
#include "net/passive_listeners.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "net/convert.hpp"

namespace net {
namespace {

// A few strangers may knock at a passive port before the client does.
constexpr int backlog = 8;
// Ports that something else on this host holds are passed over, a bounded number of times.
constexpr int attempts = 32;
// As many transfers as begin at about the same time; each is a descriptor.
constexpr std::size_t kept_most = 64;
// With fewer to choose from, the next port could be guessed, which invites theft (RFC 2577 8): then it is a new one.
constexpr std::size_t enough_to_choose_from = 16;
// Long enough for transfers that follow each other, short for whoever connects to one too late.
constexpr io::Time kept_for = io::second;

}  // namespace

PassiveListeners::PassiveListeners(io::Reactor& reactor, PassivePorts ports, const io::SocketOptions& options)
    : reactor_(reactor), ports_(std::move(ports)), options_(options) {
  timer_.bind<&PassiveListeners::on_time>(*this);
}

PassiveListeners::~PassiveListeners() { close(); }

void PassiveListeners::close() {
  keeps_ = false;
  while (!kept_.empty()) close_last();
  reactor_.disarm(timer_);
}

void PassiveListeners::close_last() {
  const PassiveListener& last = kept_.back().listener;
  reactor_.backend().close_listener(last.socket);
  ports_.give_back(last.at.port);
  kept_.pop_back();
}

void PassiveListeners::on_time() {
  const auto rests = [&](const Kept& kept) { return kept.until > reactor_.now(); };
  const auto stay = std::partition(kept_.begin(), kept_.end(), rests) - kept_.begin();
  while (std::ssize(kept_) > stay) close_last();
  if (!kept_.empty()) reactor_.arm(timer_, std::ranges::min(kept_, {}, &Kept::until).until);
}

std::expected<PassiveListener, int> PassiveListeners::lend(const core::Endpoint& local, std::mt19937_64& random) {
  const auto suits = [&](const Kept& kept) { return kept.listener.at.same_address(local); };
  const auto found = std::partition(kept_.begin(), kept_.end(), std::not_fn(suits));
  const auto count = static_cast<std::size_t>(kept_.end() - found);
  if (count >= enough_to_choose_from || (count > 0 && ports_.free_count() == 0)) {
    std::swap(found[static_cast<std::ptrdiff_t>(random() % count)], kept_.back());
    const PassiveListener listener = kept_.back().listener;
    kept_.pop_back();
    reactor_.backend().turn_away(listener.socket);
    return listener;
  }
  return open(local, random);
}

std::expected<PassiveListener, int> PassiveListeners::open(const core::Endpoint& local, std::mt19937_64& random) {
  io::Backend& backend = reactor_.backend();
  int error = EADDRINUSE;
  for (int attempt = 0; attempt < attempts && error == EADDRINUSE; ++attempt) {
    if (ports_.free_count() == 0 && !kept_.empty()) close_last();  // of another address
    const auto port = ports_.take(random);
    if (!port) break;
    core::Endpoint at = local;
    at.port = *port;
    if (const auto opened = backend.open_listener(to_address(at), backlog)) {
      backend.set_options(*opened, options_);
      return PassiveListener{*opened, at};
    } else {
      error = opened.error();
    }
    ports_.give_back(*port);
  }
  return std::unexpected(error);
}

void PassiveListeners::give_back(const PassiveListener& listener) {
  kept_.push_back({listener, reactor_.now() + kept_for});
  if (!keeps_ || kept_.size() > kept_most) return close_last();
  if (!timer_.armed()) reactor_.arm(timer_, kept_.back().until);
}

}  // namespace net
