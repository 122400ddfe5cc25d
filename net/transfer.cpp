// Events and actions of the data transfer process. RFC 959 3.2, 3.3, 5.2.
#include "net/transfer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "net/convert.hpp"
#include "net/log.hpp"

namespace net {

using core::TransferEnd;
using Kind = core::TransferSpec::Kind;

namespace {

constexpr const char* cause_names[] = {"complete", "no connection", "not secured", "not resumed",
                                       "broken",   "aborted",       "stalled",     "file error"};

}  // namespace

Transfer::Transfer(Context& context, std::shared_ptr<const core::Config> config, TransferOwner& owner,
                   std::uint64_t session_id, const core::Endpoint& local, const core::Endpoint& peer)
    : context_(context),
      config_(std::move(config)),
      owner_(owner),
      session_id_(session_id),
      local_(local),
      peer_(peer),
      aim_(peer),
      file_(context.reactor, &context.open_files) {
  accept_op_.bind<&Transfer::on_accept_done>(*this);
  connect_op_.bind<&Transfer::on_connect_done>(*this);
  push_op_.bind<&Transfer::on_pushed>(*this);
  pushing_.bind<&Transfer::push>(*this);
  timer_.bind<&Transfer::on_timer>(*this);
  file_.bind<&Transfer::on_file_done>(*this);
}

Transfer::~Transfer() {
  give_back_listener();
  close_socket();
}

// ---- The table ----

void Transfer::raise(Event event) {
  const core::dtp::Step step = core::dtp::step(state_, event);
  assert(step.exists);
  state_ = step.next;
  act(step.action);  // last: an action may raise the next event
}

void Transfer::act(core::dtp::Action action) {
  using To = core::dtp::Action;
  switch (action) {
    case To::none: return;
    case To::keep: return owner_.on_data_outcome({});
    case To::listen: return open_listener();
    case To::connect: return connect();
    case To::lapse: return fail(TransferEnd::Cause::no_connection, ETIMEDOUT);
    case To::await: return arm_timer(config_->data.connect_timeout_s);
    case To::secure: return secure();
    case To::move: return move();
    case To::flush: return flush();
    case To::close: return close_socket();
    case To::stop:
    case To::drop: return stop();
    case To::again: return raise(renewing_);
    case To::report: return report();
    case To::dropped: return dropped();
  }
}

void Transfer::dropped() {
  aim_ = peer_;
  if (closing_) return owner_.on_data_closed();
  owner_.on_data_outcome({.error = std::exchange(refusal_, 0)});
}

void Transfer::arm_timer(std::int64_t seconds) {
  context_.reactor.arm(timer_, context_.reactor.now() + seconds * io::second);
}

// ---- Parameters ----

void Transfer::renew(Event event) {
  renewing_ = event;
  raise(event);
}

void Transfer::aim(const core::Endpoint& endpoint) {
  aim_ = endpoint;
  renew(Event::aim);
}

void Transfer::listen() { renew(Event::listen); }

void Transfer::drop() { renew(Event::drop); }

void Transfer::open_listener() {
  aim_ = peer_;
  const auto lent = context_.passive_listeners.lend(local_, context_.random);
  if (!lent) {
    context_.log.warn("no passive port for {}: {}", address_text(peer_), strerror(lent.error()));
    state_ = State::idle;
    return owner_.on_data_outcome({.error = lent.error()});
  }
  listener_ = *lent;
  accept_next();
  arm_timer(config_->data.connect_timeout_s);
  owner_.on_data_outcome({.endpoint = listener_.at});
}

// ---- The data connection ----

void Transfer::accept_next() {
  accept_op_.accept(listener_.socket);
  context_.reactor.submit(accept_op_);
}

// Only the control peer may take the file, unless third-party transfers are allowed (RFC 2577 8).
bool Transfer::may_connect(const core::Endpoint& peer) const {
  const auto& foreign = config_->data.foreign_addresses;
  return peer.same_address(peer_) ||
         std::ranges::any_of(foreign, [&](const core::Network& n) { return n.contains(peer); });
}

void Transfer::log_stranger(const core::Endpoint& stranger) const {
  context_.log.warn(
      "{} [{}] data connection from {} refused: it is not the client's address; data.foreign_addresses lets others in",
      address_text(peer_), session_id_, core::to_string(stranger));
}

void Transfer::on_accept_done(io::Op& op) {
  const bool joining = state_ == State::dropping || state_ == State::stopping;
  if (op.result >= 0 && (joining || !may_connect(unmapped(to_endpoint(op.address))))) {
    context_.reactor.close(op.result, true);
    if (!joining) log_stranger(unmapped(to_endpoint(op.address)));
    op.result = -ECONNABORTED;
  }
  if (joining) return try_join();
  if (op.result == -ECONNABORTED && !op.cancelled) return accept_next();
  give_back_listener();
  context_.reactor.disarm(timer_);
  if (op.result < 0) return fail(TransferEnd::Cause::no_connection, -op.result);
  socket_ = op.result;
  raise(Event::accepted);
}

// L-1 is the server's default data port (RFC 959 3.2), on the control connection's own address
// (RFC 1123 4.1.2.12); without PORT the client's default is its control port U.
void Transfer::connect() {
  if (!config_->data.active || spec_.only_passive) return fail(TransferEnd::Cause::no_connection, ENOTCONN);
  io::Backend& backend = context_.reactor.backend();
  const core::Endpoint target = std::exchange(aim_, peer_);
  core::Endpoint from = local_;
  from.port = static_cast<std::uint16_t>(local_.port - 1);
  auto opened = backend.open_socket(to_address(from));
  if (!opened && config_->data.active_port_fallback) {
    from.port = 0;
    opened = backend.open_socket(to_address(from));
  }
  if (!opened) return fail(TransferEnd::Cause::no_connection, opened.error());
  socket_ = *opened;
  backend.set_options(socket_, context_.data_options);
  arm_timer(config_->data.connect_timeout_s);
  connect_op_.connect(socket_, to_address(target));
  context_.reactor.submit(connect_op_);
}

void Transfer::on_connect_done(io::Op& op) {
  if (state_ == State::stopping) return try_join();
  if (op.result < 0) return fail(TransferEnd::Cause::no_connection, -op.result);
  raise(Event::connect_done);
}

void Transfer::give_back_listener() {
  if (listener_.socket >= 0) context_.passive_listeners.give_back(std::exchange(listener_, {}));
}

// What the client was sent it may still have to read. Not so behind an upload: what still comes for one that failed
// nobody wants, and a reset tells the client so.
void Transfer::close_socket() {
  early_.reset();
  push_op_.via = nullptr;
  secured_.reset();
  const bool uploads = !sends() && (state_ == State::flushing || state_ == State::ending || state_ == State::stopping);
  if (uploads) return context_.reactor.close(std::exchange(socket_, -1), true);
  context_.lingering.close(std::exchange(socket_, -1), std::max(pushed_, moved()));
}

// ---- TLS on the data connection: RFC 4217 7, 10.2 ----

// The server is the TLS server, whichever side has connected.
void Transfer::secure() {
  if (!spec_.secured) return raise(Event::secured);
  const auto identity = owner_.tls_identity();
  assert(identity);  // PROT P comes behind AUTH
  secured_ = std::make_unique<Secured>(context_.reactor, identity, socket_, context_.flow_buffers, sends());
  if (!secured_->stream.made()) return fail(TransferEnd::Cause::not_secured, ENOMEM);
  arm_timer(config_->tls.handshake_timeout_s);
  secured_->op.bind<&Transfer::on_secure_done>(*this);
  secured_->op.via = push_op_.via = &secured_->stream;
  secured_->op.open_stream(socket_);
  context_.reactor.submit(secured_->op);
}

void Transfer::on_secure_done(io::Op& op) {
  if (op.kind == io::OpKind::end_stream) return on_farewell_done(op);
  if (state_ == State::stopping) return try_join();
  on_handshake_done(op.result);
}

void Transfer::on_handshake_done(std::int32_t result) {
  using Handshake = SharedCounts::Handshake;
  const TlsStream& stream = secured_->stream;
  const bool done = result == 0 && stream.same_client(*secured_->identity);
  const bool resumed = done && stream.resumes(*secured_->identity);
  const bool refused = done && spec_.resumes && !resumed;
  const Handshake good = resumed ? Handshake::data_resumed : Handshake::data;
  context_.counts.add_handshake(done && !refused ? good : Handshake::failed, done && stream.in_kernel());
  if (!done && !stream.reason().empty())
    context_.log.info("{} [{}] TLS handshake on the data connection failed: {}", address_text(peer_), session_id_,
                      stream.reason());
  if (!done) return fail(TransferEnd::Cause::not_secured, result < 0 ? -result : EACCES);
  owner_.on_data_secured();
  if (refused) return fail(TransferEnd::Cause::not_resumed, EACCES);
  raise(Event::secured);
}

// close_notify is on its way: only now is a file that was sent known for whole (RFC 8446 6.1). What was received is
// stored already, and the client may have gone.
void Transfer::on_farewell_done(const io::Op& op) {
  if (state_ == State::stopping) return try_join();
  if (op.result < 0 && sends()) {
    if (op.cancelled) return fail(aborted_ ? TransferEnd::Cause::aborted : TransferEnd::Cause::stalled, ETIMEDOUT);
    return fail(TransferEnd::Cause::broken, -op.result);
  }
  close_socket();
  raise(Event::flushed);
}

void Transfer::fail(TransferEnd::Cause cause, int error) {
  end_.cause = cause;
  end_.error = error;
  raise(Event::failed);
}

// ---- Ends ----

void Transfer::stop() {
  context_.reactor.disarm(timer_);
  context_.reactor.cancel(accept_op_);
  context_.reactor.cancel(connect_op_);
  if (secured_) context_.reactor.cancel(secured_->op);
  if (flowing_) flow_->cancel();
  if (flowing()) arm_timer(last_octets_s);  // what earlier files left may be on its way
  try_join();
}

// ---- What finished transfers left unsent ----

void Transfer::push() {
  if (!unsent_ || !push_op_.idle()) return;
  if (!timer_.armed()) {  // from now on something must move
    seen_octets_ = pushed_;
    arm_timer(config_->data.stall_timeout_s);
  }
  push_op_.send(socket_, unsent_->held());
  context_.reactor.submit(push_op_);
}

void Transfer::on_pushed(io::Op& op) {
  if (unsent_ && op.result > 0) {
    unsent_->take(static_cast<std::size_t>(op.result));
    pushed_ += static_cast<std::uint64_t>(op.result);
    if (!unsent_->empty() && !op.cancelled) return push();
  }
  const bool lost = op.result < 0 || (unsent_ && !unsent_->empty());
  unsent_.reset();
  if (state_ == State::stopping || state_ == State::dropping) return try_join();
  if (state_ == State::moving && !flow_) return move();  // which notices by itself that the connection is broken
  if (state_ == State::kept && lost) raise(Event::lost);
  if (phase_ == FilePhase::waiting) begin();
}

// Nothing is closed while an op could still use it; the unfinished file is dealt with last.
void Transfer::try_join() {
  if (!accept_op_.idle() || !connect_op_.idle() || securing() || flowing() || file_.busy()) return;
  flowing_ = false;
  give_back_listener();
  if (unsent_) {
    if (!timer_.armed()) arm_timer(last_octets_s);
    return push();
  }
  if (state_ == State::dropping && secured_) secured_->stream.end_now();  // it was kept: nothing is cut short
  close_socket();
  if (state_ == State::stopping && !sends() && file_.file() >= 0 && !stored_ && phase_ != FilePhase::discarding) {
    phase_ = FilePhase::discarding;
    const std::int64_t length = flow_ ? flow_->written() : 0;
    if (flow_) file_.set_aside(static_cast<std::uint64_t>(flow_->reserved()));
    return file_.discard(static_cast<std::uint64_t>(length), length == 0 || !config_->uploads.keep_partial);
  }
  raise(Event::joined);
}

void Transfer::on_timer() {
  switch (state_) {
    case State::kept:
      if (unsent_ && pushed_ == seen_octets_) return context_.reactor.cancel(push_op_);
      if (unsent_) {
        seen_octets_ = pushed_;
        return arm_timer(config_->data.stall_timeout_s);
      }
      if (early_) raise(Event::lost);  // octets of a file that nobody stores
      return;
    case State::listening: return context_.reactor.cancel(accept_op_);  // nobody came: the port is another's
    case State::connecting:
    case State::awaiting: return fail(TransferEnd::Cause::no_connection, ETIMEDOUT);
    case State::securing: return fail(TransferEnd::Cause::not_secured, ETIMEDOUT);
    case State::flushing:
    case State::ending:
      if (secured_) context_.reactor.cancel(secured_->op);
      return;
    case State::moving:
      if (moved() == seen_octets_) return fail(TransferEnd::Cause::stalled, ETIMEDOUT);
      seen_octets_ = moved();
      return arm_timer(config_->data.stall_timeout_s);
    default:
      context_.reactor.cancel(push_op_);
      if (flowing()) flow_->give_up();
  }
}

void Transfer::report() {
  if (!sends()) context_.open_files.doubt();
  context_.reactor.disarm(timer_);
  end_.octets = flow_ ? flow_->octets() : 0;
  context_.counts.add_transfer(sends(), end_.octets);
  end_.stays_open = state_ == State::kept;
  flow_.reset();
  decoder_.reset();
  file_.release();
  root_.reset();
  phase_ = FilePhase::none;
  if (context_.log.should_log(spdlog::level::info))
    context_.log.info("{} [{}] {} {} octets={} {}{}{}", address_text(peer_), session_id_,
                      lists() ? "list" : (sends() ? "sent" : "received"), log_text(core::quoted(path_)), end_.octets,
                      cause_names[static_cast<std::size_t>(end_.cause)], end_.error != 0 ? ": " : "",
                      end_.error != 0 ? strerror(end_.error) : "");
  if (early_) arm_timer(config_->data.stall_timeout_s);
  if (closing_) return owner_.on_data_closed();
  owner_.on_transfer_end(end_);
}

void Transfer::abort() {
  if (state_ != State::flushing && state_ != State::ending)
    end_ = {.cause = TransferEnd::Cause::aborted, .error = ECANCELED};
  raise(Event::abort);
  hurry();
}

// Too late for the file, and the client is not waited for until it takes its last octets.
void Transfer::hurry() {
  if (state_ != State::ending || !securing()) return;
  aborted_ = true;
  context_.reactor.cancel(secured_->op);
}

void Transfer::close() {
  closing_ = true;
  if (phase_ == FilePhase::opening || phase_ == FilePhase::looking) return;  // on_file_done comes here again
  if (phase_ == FilePhase::waiting) phase_ = FilePhase::none;
  end_ = {.cause = TransferEnd::Cause::broken, .error = ECONNRESET};
  renewing_ = Event::drop;
  raise(Event::abort);
  hurry();
}

core::TransferProgress Transfer::progress() const {
  return {.octets = flow_ ? flow_->octets() : 0,
          .connected = state_ == State::moving || state_ == State::flushing || state_ == State::ending};
}

}  // namespace net
