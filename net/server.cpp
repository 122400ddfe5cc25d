// Accepting, counting, refusing and draining.
#include "net/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/phrases.hpp"
#include "net/convert.hpp"

namespace net {
namespace {

// Beyond limits.sessions so many may be told 421 at a time; more are closed without a word.
constexpr std::size_t refusals_at_once = 64;
// How long accepting rests when the system has no descriptor.
constexpr io::Time accept_rest = 100 * io::millisecond;

// Errors of the connection that was at the front, which is gone from the queue with it (accept(2)). After all others it
// may still be there: a firewall's EPERM, say, would come back at once.
bool went_away(int error) {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP: return true;
    default: return false;
  }
}
// One for each of a busy moment's control connections; they are given back within the turn.
constexpr std::size_t control_buffer_size = 4096;
constexpr std::size_t control_buffer_count = 1024;

std::size_t listing_room(const core::Config& config) {
  return static_cast<std::size_t>(config.listing.cache_mib) * 1024 * 1024;
}

io::SocketOptions data_options(const core::Config::Tuning& tuning) {
  const auto octets = [](std::int64_t kib) { return static_cast<int>(kib * 1024); };
  return {.no_delay = true,
          .keepalive = true,
          .notsent_lowat = octets(tuning.unsent_kib),
          .send_buffer = octets(tuning.send_buffer_kib),
          .receive_buffer = octets(tuning.receive_buffer_kib),
          .busy_poll = static_cast<int>(tuning.busy_poll_us),
          .congestion_control = tuning.congestion_control};
}

}  // namespace

Server::Server(io::Reactor& reactor, spdlog::logger& log, SharedCounts& counts,
               const std::shared_ptr<const core::Config>& config, std::optional<std::uint64_t> seed,
               const TicketKeys& ticket_keys, int descriptors)
    : context_{.reactor = reactor,
               .log = log,
               .counts = counts,
               .config = config,
               .data_options = data_options(config->tuning),
               .passive_listeners =
                   PassiveListeners(reactor, PassivePorts(config->data.passive_ports), data_options(config->tuning)),
               .lingering = Lingering(reactor),
               .open_files = OpenFiles(reactor, static_cast<std::size_t>(config->tuning.open_files), descriptors),
               .stale_uploads = StaleUploads(reactor),
               .listings = Listings(listing_room(*config)),
               .control_buffers = io::BufferPool(control_buffer_size, control_buffer_count),
               .flow_buffers = io::BufferPool(static_cast<std::size_t>(config->data.buffer_kib) * 1024,
                                              static_cast<std::size_t>(config->limits.transfer_buffers)),
               .random = Random(seed)},
      ticket_keys_(ticket_keys) {
  burial_.bind<&Server::bury>(*this);
  drain_timer_.bind<&Server::on_drain_timeout>(*this);
}

Server::~Server() {
  ended_.clear();
  assert(session_count() == 0);
  for (const auto& listener : listeners_) context_.reactor.close(listener->socket);
  context_.reactor.close(reserve_);
}

// ---- Start and reload ----

std::optional<StartError> Server::start() {
  auto tls = open_tls(*context_.config);
  if (!tls) return tls.error();
  context_.tls = *std::move(tls);
  if (auto error = open_listeners()) return error;
  if (const auto reserve = context_.reactor.backend().open_root("/")) reserve_ = *reserve;
  for (const auto& listener : listeners_) listener->accept_next();
  return std::nullopt;
}

// Nothing without an error: no TLS is configured.
std::expected<std::shared_ptr<const TlsContext>, StartError> Server::open_tls(const core::Config& config) const {
  if (!config.tls.offered()) return nullptr;
  auto made = TlsContext::make(config, ticket_keys_, context_.reactor.backend().has_kernel_tls());
  if (made) return *std::move(made);
  const TlsMistake& first = made.error().front();
  return std::unexpected(StartError{first.key, first.what});
}

std::optional<StartError> Server::open_listeners() {
  const core::Config::Listen& listen = context_.config->listen;
  std::optional<StartError> error;
  for (const core::Endpoint& at : listen.control)
    if (!error) error = open_listener(at, false);
  for (const core::Endpoint& at : listen.implicit_tls)
    if (!error) error = open_listener(at, true);
  if (!error) {
    leave_out_own_ports();
    return std::nullopt;
  }
  for (const auto& listener : listeners_) context_.reactor.close(listener->socket);
  listeners_.clear();
  return error;
}

// L and L-1, where active data connections leave from, are never passive ports.
void Server::leave_out_own_ports() {
  for (const auto& listener : listeners_) {
    context_.passive_listeners.leave_out(listener->at.port);
    context_.passive_listeners.leave_out(static_cast<std::uint16_t>(listener->at.port - 1));
  }
}

std::optional<StartError> Server::open_listener(const core::Endpoint& at, bool implicit_tls) {
  io::Backend& backend = context_.reactor.backend();
  const auto sharing = context_.config->server.workers > 1 ? io::PortUse::shared : io::PortUse::alone;
  const auto opened = backend.open_listener(to_address(at), static_cast<int>(context_.config->listen.backlog), sharing);
  if (!opened)
    return StartError{implicit_tls ? "listen.implicit_tls" : "listen.control", cannot_listen(at, opened.error())};
  auto& listener = *listeners_.emplace_back(std::make_unique<Listener>());
  listener.server = this;
  listener.socket = *opened;
  listener.at = to_endpoint(backend.local_address(*opened));
  listener.implicit_tls = implicit_tls;
  listener.accept_op.bind<&Listener::on_accept_done>(listener);
  listener.retry.bind<&Listener::on_retry>(listener);
  return std::nullopt;
}

std::optional<StartError> Server::reload(std::shared_ptr<const core::Config> config) {
  auto tls = open_tls(*config);
  if (!tls) return tls.error();
  warn_of_restart(*config);
  if (config->listing != context_.config->listing) context_.listings.resize(listing_room(*config));
  context_.config = std::move(config);
  context_.tls = *std::move(tls);
  return std::nullopt;
}

// What core::reloaded() keeps for the supervisor.
void Server::warn_of_restart(const core::Config& fresh) const {
  const core::Config& running = *context_.config;
  const std::pair<std::string_view, bool> changes[] = {
      {"listen.control", fresh.listen.control != running.listen.control},
      {"listen.implicit_tls", fresh.listen.implicit_tls != running.listen.implicit_tls},
      {"listen.backlog", fresh.listen.backlog != running.listen.backlog},
      {"server.workers", fresh.server.workers != running.server.workers},
      {"[io]", fresh.io != running.io},
      {"[tuning]", fresh.tuning != running.tuning},
      {"[log]", fresh.log != running.log},
      {"data.passive_ports", fresh.data.passive_ports != running.data.passive_ports},
      {"data.buffer_kib", fresh.data.buffer_kib != running.data.buffer_kib},
      {"limits.transfer_buffers", fresh.limits.transfer_buffers != running.limits.transfer_buffers},
  };
  for (const auto& [what, changed] : changes)
    if (changed) context_.log.warn("{} changed: that takes a restart", what);
}

std::vector<core::Endpoint> Server::endpoints() const {
  std::vector<core::Endpoint> all;
  all.reserve(listeners_.size());
  for (const auto& listener : listeners_) all.push_back(listener->at);
  return all;
}

// ---- Accepting ----

void Server::Listener::accept_next() {
  accept_op.accept(socket);
  server->context_.reactor.submit(accept_op);
}

void Server::Listener::on_retry() {
  if (!server->draining_) accept_next();
}

void Server::Listener::close_socket() { server->context_.reactor.close(std::exchange(socket, -1)); }

void Server::Listener::on_accept_done(io::Op& op) {
  if (server->draining_) {
    if (op.result >= 0) server->context_.reactor.close(op.result);
    close_socket();
    return server->try_finish();
  }
  if (op.result >= 0) {
    server->admit(op.result, unmapped(to_endpoint(op.address)), implicit_tls);
    return accept_next();
  }
  if (went_away(-op.result)) return accept_next();
  const bool none_left = op.result == -EMFILE || op.result == -ENFILE || op.result == -ENOBUFS || op.result == -ENOMEM;
  if (!none_left || !server->spend_reserve()) server->context_.log.warn("cannot accept: {}", strerror(-op.result));
  server->context_.reactor.arm(retry, server->context_.reactor.now() + accept_rest);
}

// The reserve makes room for one connection, which is told 421; until a session ends there is none.
bool Server::spend_reserve() {
  if (reserve_ < 0) return false;
  context_.reactor.close(std::exchange(reserve_, -1));
  return true;
}

// The peer is counted already: looking first would let two workers take the last place.
std::optional<core::Phrase> Server::reason_to_refuse(const core::Endpoint& customer) const {
  const auto& limits = context_.config->limits;
  const SharedCounts& counts = context_.counts;
  if (reserve_ < 0) return core::Phrase("No descriptor is free; try again later.");
  if (counts.sessions() > static_cast<std::size_t>(limits.sessions))
    return core::Phrase("Too many sessions; try again later.");
  const bool crowded = limits.sessions_per_address > 0 &&
                       counts.sessions_from(customer) > static_cast<std::size_t>(limits.sessions_per_address);
  if (crowded) return core::Phrase("Too many sessions from your address; try again later.");
  return std::nullopt;
}

void Server::admit(int socket, const core::Endpoint& peer, bool implicit_tls) {
  const core::Endpoint customer = core::customer_of(peer, static_cast<unsigned>(context_.config->limits.ipv6_prefix));
  if (!context_.counts.enter(customer)) {
    context_.log.warn("{} is closed: too many addresses to count", address_text(peer));
    return context_.reactor.close(socket, true);
  }
  if (context_.counts.sessions() > static_cast<std::size_t>(context_.config->limits.sessions) + refusals_at_once) {
    context_.counts.leave(customer);
    return context_.reactor.close(socket);
  }
  const std::optional<core::Phrase> refused = reason_to_refuse(customer);
  const core::Endpoint local = unmapped(to_endpoint(context_.reactor.backend().local_address(socket)));
  if (free_slots_.empty()) {
    free_slots_.push_back(sessions_.size());
    sessions_.emplace_back();
  }
  const std::size_t slot = free_slots_.back();
  free_slots_.pop_back();
  sessions_[slot] = std::make_unique<Session>(context_, *this, next_id_++, socket, local, peer);
  Session& session = *sessions_[slot];
  session.slot = slot;
  session.counted_as = customer;
  if (!refused) {
    context_.log.debug("{} [{}] connected", address_text(peer), next_id_ - 1);
    return implicit_tls ? session.start_secured() : session.start();
  }
  context_.log.warn("{} refused: {}", address_text(peer), core::phrase_text(core::Language::en, *refused));
  if (implicit_tls) return session.close();  // who begins with a handshake understands no 421
  session.refuse(*refused);
}

void Server::on_session_end(Session& session) {
  context_.counts.leave(session.counted_as);
  free_slots_.push_back(session.slot);
  ended_.push_back(std::move(sessions_[session.slot]));
  context_.reactor.arm(burial_, context_.reactor.now());
}

std::vector<core::SessionSight> Server::sights(std::size_t most) const {
  std::vector<core::SessionSight> all;
  for (const auto& session : sessions_)
    if (session && all.size() < most) all.push_back(session->sight());
  return all;
}

bool Server::end_session(std::uint64_t id) {
  const auto found =
      std::ranges::find_if(sessions_, [&](const auto& session) { return session && session->id() == id; });
  if (found == sessions_.end()) return false;
  (*found)->kick();
  return true;
}

void Server::bury() {
  ended_.clear();
  if (reserve_ < 0) {
    if (const auto reserve = context_.reactor.backend().open_root("/")) reserve_ = *reserve;
  }
  try_finish();
}

// ---- The end ----

void Server::drain(std::function<void()> done) {
  drained_ = std::move(done);
  draining_ = true;
  context_.open_files.close();
  context_.stale_uploads.close();
  for (const auto& listener : listeners_) {
    context_.reactor.disarm(listener->retry);
    if (listener->accept_op.idle()) {
      listener->close_socket();
    } else {
      context_.reactor.cancel(listener->accept_op);
    }
  }
  context_.reactor.arm(drain_timer_, context_.reactor.now() + context_.config->server.drain_timeout_s * io::second);
  for (const auto& session : sessions_)
    if (session) session->shut_down();
  try_finish();
}

void Server::on_drain_timeout() {
  context_.log.warn("drain timeout: {} sessions are ended", session_count());
  for (const auto& session : sessions_)
    if (session) session->close();
  context_.lingering.close_all();
}

void Server::try_finish() {
  if (!draining_ || session_count() > 0 || !ended_.empty() || !drained_) return;
  for (const auto& listener : listeners_)
    if (!listener->accept_op.idle()) return;
  // Clients may still read what they were sent, until the drain timeout.
  const bool busy = context_.open_files.busy() || context_.stale_uploads.busy() || context_.lingering.count() > 0;
  if (busy) return context_.reactor.arm(burial_, context_.reactor.now() + io::millisecond);
  context_.reactor.disarm(drain_timer_);
  context_.passive_listeners.close();
  context_.reactor.close(std::exchange(reserve_, -1));
  std::exchange(drained_, nullptr)();
}

}  // namespace net
