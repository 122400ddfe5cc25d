// The session: pump() is its heart. Whatever happens is told to the PI, then pump() performs what
// the PI asks, sends what it says, and reads on if it wants more.
#include "net/session.hpp"

#include <crypt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "core/limits.hpp"
#include "core/phrases.hpp"
#include "net/convert.hpp"
#include "net/log.hpp"

namespace net {
namespace {

// How long a peer may take to read the last reply and close.
constexpr io::Time linger_timeout = 2 * io::second;
// How long replies may stay unread once the session is to end.
constexpr io::Time last_words_timeout = 10 * io::second;
// Octets of a STAT listing that are made at a time.
constexpr std::size_t listing_piece = 4096;
// What is kept of a reply buffer's memory while the session idles.
constexpr std::size_t idle_capacity = 512;
// Octets that the log shows of a user that there may not be, and of what is no command.
constexpr std::size_t notice_most = 64;

// Whose passwords wait behind each other: those of one IPv4 address, or of one IPv6 network of 64 bits.
std::uint64_t share_of(const core::Endpoint& peer) {
  constexpr std::size_t octets_most = 8;
  const std::size_t octets = peer.family == core::Family::ipv4 ? 4 : octets_most;
  std::uint64_t share = 1;
  for (std::size_t i = 0; i < octets; ++i) share = share << 8 | peer.address[i];
  return share;
}

const char* why_not_verified(int error) {
  if (error == EBUSY) return "too many wait already (limits.logins_waiting)";
  return strerror(error);
}

}  // namespace

// crypt(3) sees a password up to its first NUL: one that has a NUL fits nothing, for as much work.
int Session::Verification::run(void* argument) {
  const auto& self = *static_cast<const Verification*>(argument);
  const auto data = std::make_unique<crypt_data>();
  errno = 0;
  const char* made = crypt_rn(self.password.c_str(), self.hash.c_str(), data.get(), sizeof *data);
  const bool no_memory = made == nullptr && errno == ENOMEM;
  const bool fits = made != nullptr && core::same_secret(made, self.hash) && !self.password.view().contains('\0');
  explicit_bzero(data.get(), sizeof *data);
  if (no_memory) return -ENOMEM;
  return fits ? 0 : -EACCES;
}

Session::Session(Context& context, SessionOwner& owner, std::uint64_t id, int socket, const core::Endpoint& local,
                 const core::Endpoint& peer)
    : context_(context),
      config_(context.config),
      tls_context_(context.tls),
      owner_(owner),
      id_(id),
      socket_(socket),
      local_(local),
      pi_(config_, local, peer, context.reactor.now()) {
  recv_op_.bind<&Session::on_recv_done>(*this);
  send_op_.bind<&Session::on_send_done>(*this);
  timer_.bind<&Session::on_timer>(*this);
  saying_.bind<&Session::send_output>(*this);
  context_.reactor.backend().set_options(socket_, {.no_delay = true, .keepalive = true, .urgent_inline = true});
}

void Session::start() {
  pi_.greet(context_.reactor.now());
  pump();
}

void Session::start_secured() {
  if (!prepare_tls({})) return close();
  greets_secured_ = true;
  turn_to(Turn::to_tls);
  take_turn();
}

void Session::refuse(core::Phrase why) {
  pi_.refuse(why);
  pump();
}

void Session::shut_down() {
  if (state_ != State::open) return;
  if (securing()) return close();  // nothing can be said that would be understood
  pi_.shut_down(context_.reactor.now());
  pump();
}

// ---- The heart ----

void Session::pump() {
  if (pumping_ || state_ != State::open) return;  // the outer pump goes on
  pumping_ = true;
  if (pi_.working() && work_) {  // a work that is only asked for is begun below
    pi_.set_progress(work_->progress());
  } else if (transfer_) {
    pi_.set_progress(transfer_->progress());
  }
  while (const auto action = pi_.next_action(context_.reactor.now())) perform(*action);
  pumping_ = false;
  log_notices();
  if (send_op_.idle() && says_something()) context_.reactor.later(saying_);
  read_more();
  arm_timer();
  if (turn_ != Turn::none) return take_turn();
  if (pi_.closing() && send_op_.idle() && !says_something() && !pi_.transferring()) return hang_up();
  if (transfer_ && transfer_->marker_waits() && pi_.may_take_marker()) transfer_->marker_again();
}

void Session::log_notices() {
  for (const core::Notice& notice : pi_.take_notices())
    context_.log.info("{} [{}] {}{}{}{}{}: {} {}", address_text(peer()), id_, log_text(pi_.user()),
                      pi_.user().empty() ? "" : " ", log_text(notice.verb, notice_most),
                      notice.object.empty() ? "" : " ", log_text(notice.object), core::number(notice.code),
                      log_text(notice.text));
}

void Session::perform(const core::Action& action) {
  namespace act = core::action;
  struct Performer {
    Session& self;
    void operator()(const act::Verify& a) const { self.verify(a); }
    void operator()(const act::EnterRoot& a) const { self.enter_root(a); }
    void operator()(const act::Look& a) const {
      a.to_enter ? self.file().look_inside(self.root_, a.path) : self.file().look(self.root_, a.path, a.link);
    }
    void operator()(const act::Measure& a) const {
      self.file().measure(self.root_, a.path, a.as, self.context_.flow_buffers, a.until,
                          core::limits::measured_file_max);
    }
    void operator()(const act::MakeDirectory& a) const {
      self.file().make_directory(self.root_, a.path, a.mode, core::is_synced(self.config_->uploads.publish));
    }
    void operator()(const act::Remove& a) const { self.file().remove(self.root_, a.path, a.directory); }
    void operator()(const act::Rename& a) const { self.file().rename(self.root_, a.from, a.to, a.replaces); }
    void operator()(const act::SetFacts& a) const { self.file().set_facts(self.root_, a.path, a.wanted); }
    void operator()(const act::LookForSpace& a) const { self.file().look_for_space(self.root_, a.path); }
    void operator()(const act::MakeLink& a) const { self.file().make_link(self.root_, a.path, a.target); }
    void operator()(const act::BeginWork& a) const { self.begin_work(a.spec); }
    void operator()(const act::ListSessions& a) const { self.list_sessions(a.most); }
    void operator()(const act::EndSession& a) const { self.end_session(a.id); }
    void operator()(const act::Aim& a) const { self.transfer().aim(a.endpoint); }
    void operator()(const act::Listen&) const { self.transfer().listen(); }
    void operator()(const act::DropData&) const { self.transfer().drop(); }
    void operator()(const act::StartTransfer& a) const { self.transfer().start(a.spec, self.root_, self.rights_); }
    void operator()(const act::Proceed&) const { self.transfer_->proceed(); }
    void operator()(const act::Abort&) const { self.abort(); }
    void operator()(const act::ListToControl& a) const { self.list_to_control(a.spec); }
    void operator()(const act::MoreListing&) const { self.more_listing(); }
    void operator()(const act::PrepareTls& a) const { self.tell({.error = self.prepare_tls(a.host) ? 0 : ENOMEM}); }
    void operator()(const act::BeginTls&) const { self.turn_to(Turn::to_tls); }
    void operator()(const act::EndTls&) const { self.turn_to(Turn::to_clear); }
  };
  std::visit(Performer{*this}, action);
}

void Session::tell(const core::Outcome& outcome) {
  if (state_ != State::open) return try_end();
  pi_.on_outcome(outcome, context_.reactor.now());
  pump();
}

// ---- Actions ----

// Hashing takes milliseconds by design: it runs on an offload thread, which sees only its own copy.
void Session::verify(const core::action::Verify& wanted) {
  verification_ = std::make_unique<Verification>();
  verification_->hash = wanted.hash;
  verification_->user = wanted.user;
  verification_->password.assign(wanted.password);
  verification_->op.bind<&Session::on_verify_done>(*this);
  verification_->op.call(&Verification::run, verification_.get(), io::Lane::passwords, share_of(peer()));
  context_.reactor.submit(verification_->op);
}

void Session::on_verify_done(io::Op& op) {
  const int error = -op.result;
  const std::string user = log_text(verification_->user, notice_most);
  verification_.reset();
  if (error == 0) {
    context_.log.debug("{} [{}] password of {} verified", address_text(peer()), id_, user);
  } else {
    context_.log.warn("{} [{}] password of {} refused{}{}", address_text(peer()), id_, user,
                      error != EACCES ? ": " : "", error != EACCES ? why_not_verified(error) : "");
  }
  tell({.error = error});
}

void Session::enter_root(const core::action::EnterRoot& wanted) {
  entering_ = std::make_unique<Entering>(context_, wanted);
  entering_->opening.bind<&Session::on_root_opened>(*this);
  entering_->opening.start(*wanted.root, wanted.make_with_mode);
}

void Session::on_root_opened() {
  const std::unique_ptr<Entering> entered = std::move(entering_);
  const RootOpening& opening = entered->opening;
  const core::Account& account = *entered->wanted.account;
  const std::string path = log_text(*entered->wanted.root);
  if (opening.made()) context_.log.info("{} [{}] {} is made for {}", address_text(peer()), id_, path, account.name);
  if (opening.error() == 0) {
    root_ = opening.root();
    rights_ = account.rights;
    context_.log.info("{} [{}] {} enters {}", address_text(peer()), id_, account.name, path);
  } else {
    context_.log.warn("{} [{}] {} cannot enter {}: {}; see {}", address_text(peer()), id_, account.name, path,
                      strerror(opening.error()), account.place);
  }
  tell({.error = opening.error()});
}

Transfer& Session::transfer() {
  if (!transfer_) {
    transfer_ = std::make_unique<Transfer>(context_, config_, *this, id_, local_, pi_.default_data_port());
    data_closed_ = false;
  }
  return *transfer_;
}

Session::Errand& Session::errand() {
  if (!errand_) {
    errand_ = std::make_unique<Errand>(context_.reactor);
    errand_->file.bind<&Session::on_file_done>(*this);
  }
  return *errand_;
}

void Session::on_file_done() {
  context_.open_files.doubt();
  if (state_ != State::open) return try_end();
  Errand& on = *errand_;
  if (on.looking_for_listing && on.file.error() == ENOTDIR && !on.listing_spec.directory_itself) {
    on.listing_spec.directory_itself = true;  // a single object, then; looked for once
    return on.file.look(root_, on.listing_path, FileTask::LinkAtEnd::fallback);
  }
  const core::Outcome outcome{.error = on.file.error(),
                              .entry = on.file.entry(),
                              .number = on.file.count().made,
                              .split_offset = on.file.count().split_offset,
                              .split_number = on.file.count().split_made};
  if (on.looking_for_listing && outcome.error == 0) {
    on.listing = std::make_unique<ListingSource>(context_.reactor, context_.listings, root_, on.file, on.listing_spec,
                                                 rights_, context_.reactor.backend().wall_clock());
  } else {
    on.file.release();
  }
  on.looking_for_listing = false;
  tell(outcome);
}

// ---- What may take long ----

void Session::begin_work(const core::WorkSpec& spec) {
  past_work_ = std::move(work_);
  work_ = make_work(context_, *config_, root_, spec);
  work_->bind<&Session::on_work_done>(*this);
  work_->start();
}

void Session::on_work_done() {
  context_.open_files.doubt();
  const core::TransferProgress done = work_->progress();
  context_.log.info("{} [{}] {} {}: {} octets, {} objects{}{}", address_text(peer()), id_, pi_.sight(0).doing,
                    log_text(work_->path()), done.octets, done.objects, work_->error() != 0 ? ": " : "",
                    work_->error() != 0 ? strerror(work_->error()) : "");
  if (state_ != State::open) return try_end();
  pi_.on_work_end(work_->outcome(), context_.reactor.now());
  pump();
}

void Session::abort() {
  if (pi_.working()) return work_->cancel();
  transfer_->abort();
}

// ---- The administrator ----

void Session::list_sessions(std::size_t most) {
  const std::vector<core::SessionSight> sights = owner_.sights(most);
  tell({.number = owner_.session_count(), .sessions = sights});
}

void Session::end_session(std::uint64_t id) {
  if (id == id_) return tell({.error = EBUSY});
  const bool ended = owner_.end_session(id);
  if (ended) context_.log.warn("{} [{}] {} ends session {}", address_text(peer()), id_, log_text(pi_.user()), id);
  tell({.error = ended ? 0 : ENOENT});
}

void Session::kick() {
  if (state_ != State::open || !pi_.resting() || securing()) return close();
  refuse("Ended by an administrator.");
}

core::SessionSight Session::sight() const {
  core::SessionSight sight = pi_.sight(context_.reactor.now());
  sight.id = id_;
  return sight;
}

// ---- STAT with a path ----

void Session::list_to_control(const core::TransferSpec& spec) {
  Errand& on = errand();
  on.listing_spec = spec;
  on.listing_path = spec.path;
  on.looking_for_listing = true;
  if (spec.directory_itself) return on.file.look(root_, on.listing_path, FileTask::LinkAtEnd::itself);
  on.file.open_directory(root_, on.listing_path);
}

void Session::more_listing() {
  errand_->listing_text.resize(listing_piece);
  errand_->listing->pull(errand_->listing_text, &Session::on_listing_pulled, this);
}

void Session::on_listing_pulled(void* to, std::int32_t result) {
  auto& self = *static_cast<Session*>(to);
  Errand& on = *self.errand_;
  const std::string text = std::exchange(on.listing_text, {}).substr(0, static_cast<std::size_t>(std::max(result, 0)));
  if (result <= 0 || self.state_ != State::open) {
    on.listing.reset();
    on.file.release();
  }
  self.tell({.error = std::max(-result, 0), .text = text, .last = result == 0});
}

// ---- The data connection ----

void Session::on_data_outcome(const core::Outcome& outcome) { tell(outcome); }

void Session::on_transfer_end(const core::TransferEnd& end) {
  pi_.on_transfer_end(end, context_.reactor.now());
  pump();
}

bool Session::on_transfer_marker(std::string_view sender, std::string_view own) {
  if (!pi_.may_take_marker()) return false;
  pi_.on_marker(sender, own, context_.reactor.now());
  pump();
  return true;
}

// With the next reply, and so only where the control connection still has TLS.
void Session::on_data_secured() {
  if (state_ == State::open && send_op_.via != nullptr) tls_->stream.give_ticket();
}

void Session::on_data_closed() {
  data_closed_ = true;
  try_end();
}

// ---- TLS on the control connection ----

// False: there is no TLS, or no memory for it.
bool Session::prepare_tls(std::string_view host) {
  if (!tls_context_) return false;
  assert(!tls_);
  tls_ = std::make_unique<Secured>(context_, tls_context_, socket_, host);
  tls_->op.bind<&Session::on_tls_done>(*this);
  tls_->op.via = &tls_->stream;
  if (!tls_->stream.made()) tls_.reset();
  return tls_ != nullptr;
}

// What is being read ends first: the reply that goes out then is followed by octets of another kind. The time runs from
// here on, so that a client that does not read the reply is not waited for either.
void Session::turn_to(Turn turn) {
  turn_ = turn;
  handshake_until_ = context_.reactor.now() + config_->tls.handshake_timeout_s * io::second;
  context_.reactor.cancel(recv_op_);
  arm_timer();
}

void Session::take_turn() {
  if (!recv_op_.idle() || !send_op_.idle() || says_something() || securing()) return;
  if (turn_ == Turn::to_tls) {
    tls_->op.open_stream(socket_);
  } else {
    tls_->op.end_stream(socket_);
  }
  context_.reactor.submit(tls_->op);
}

void Session::on_tls_done(io::Op& op) {
  handshake_until_ = io::never;
  if (state_ == State::closing) return try_end();
  if (state_ == State::lingering)
    return pi_.input_ended() ? close() : context_.reactor.backend().shutdown_send(socket_);
  if (turn_ == Turn::to_tls) return on_handshake_done(op.result);
  if (op.result < 0) return close();
  turn_ = Turn::none;
  send_op_.via = nullptr;
  tls_->stream.leave();
  tell({});
}

// A failed handshake leaves no common language, one that never began leaves plain text (RFC 4217 10.1).
void Session::on_handshake_done(std::int32_t result) {
  using Handshake = SharedCounts::Handshake;
  const TlsStream& stream = tls_->stream;
  context_.counts.add_handshake(result == 0 ? Handshake::control : Handshake::failed);
  if (result != 0) {
    const std::string why = result == -ECANCELED ? "not in time" : strerror(-result);
    context_.log.info("{} [{}] TLS handshake failed: {}", address_text(peer()), id_,
                      stream.reason().empty() ? why : stream.reason());
    if (result != -ECANCELED || stream.begun() || greets_secured_) return close();
    turn_ = Turn::none;
    return refuse("No TLS handshake was begun.");
  }
  context_.log.debug("{} [{}] {}", address_text(peer()), id_, stream.description());
  turn_ = Turn::none;
  recv_op_.via = send_op_.via = &tls_->stream;
  tls_identity_ = stream.identity();
  const std::vector<std::string> names = stream.names();
  const std::string server_name = stream.server_name();
  if (!std::exchange(greets_secured_, false)) return tell({.names = names, .server_name = server_name});
  pi_.greet_secured(names, server_name, context_.reactor.now());
  pump();
}

// ---- The control connection ----

void Session::read_more() {
  if (!recv_op_.idle() || state_ == State::closing || (state_ == State::open && turn_ != Turn::none)) return;
  if (state_ == State::open && !pi_.wants_input()) return;
  recv_op_.recv_lent(socket_, context_.control_buffers);
  context_.reactor.submit(recv_op_);
}

void Session::on_recv_done(io::Op& op) {
  if (tls_ && tls_->stream.left_behind()) {
    recv_op_.via = nullptr;
    tls_.reset();
  }
  if (state_ == State::closing) {
    if (op.result > 0) forget(op);
    return try_end();
  }
  if (state_ == State::open && turn_ != Turn::none && (op.result > 0 || op.cancelled)) {
    if (op.result > 0) forget(op);  // too early: anybody may have sent it
    return pump();
  }
  if (op.result == -ENOBUFS) return read_more();
  if (op.result == 0 && state_ == State::open) {
    pi_.end_input(context_.reactor.now());
    return pump();
  }
  if (op.result <= 0) return close();  // a loss acts as ABOR and QUIT (RFC 959 4.1.1)
  const std::string_view octets(op.data, static_cast<std::size_t>(op.result));
  if (state_ == State::open) {
    const bool urgent =
        recv_op_.via == nullptr && core::may_hold_telnet(octets) && context_.reactor.backend().urgent_pending(socket_);
    context_.open_files.doubt();
    pi_.receive(octets, urgent, context_.reactor.now());
  }
  forget(op);
  if (state_ == State::lingering) return read_more();  // thrown away
  pump();
}

// What was received may hold a password.
void Session::forget(const io::Op& op) {
  core::wipe(std::span(op.data, static_cast<std::size_t>(op.result)));
  context_.control_buffers.give_back(op.data);
}

// All that is there goes in one send: the replies to pipelined commands travel together, and so do the two of a
// transfer that is over at once.
void Session::send_output() {
  if (errand_ && errand_->over()) errand_.reset();
  if (work_ && !work_->busy()) work_.reset();
  past_work_.reset();
  if (state_ == State::closing || !send_op_.idle() || !says_something()) return;
  if (turn_ != Turn::none && !recv_op_.idle()) return;  // its end comes here again
  if (sent_ == sending_.size()) {
    sending_.clear();
    sent_ = 0;
    sending_.swap(pi_.output());
  }
  send_op_.send(socket_, std::string_view(sending_).substr(sent_));
  context_.reactor.submit(send_op_);
}

void Session::on_send_done(io::Op& op) {
  if (state_ == State::closing) return try_end();
  if (op.result < 0) return close();
  sent_ += static_cast<std::size_t>(op.result);
  if (sent_ == sending_.size() && sending_.capacity() > idle_capacity) {
    std::string().swap(sending_);
    sent_ = 0;
  }
  pump();
}

// ---- Ends ----

void Session::arm_timer() {
  const io::Time now = context_.reactor.now();
  if (pi_.closing() && last_words_until_ == io::never) last_words_until_ = now + last_words_timeout;
  const io::Time idle_until = greets_secured_ ? io::never : pi_.deadline();
  const io::Time deadline = std::min({last_words_until_, handshake_until_, idle_until});
  // A deadline that moved away is found out when the timer fires: idle sessions cost nothing a command.
  if (deadline == io::never || (timer_.armed() && timer_.deadline() <= deadline)) return;
  context_.reactor.arm(timer_, deadline);
}

void Session::on_timer() {
  const io::Time now = context_.reactor.now();
  if (state_ == State::lingering || now >= last_words_until_) return close();
  if (now >= handshake_until_) return securing() ? context_.reactor.cancel(tls_->op) : close();
  pi_.on_time(now);
  pump();
}

// FIN goes behind the last reply, and what the peer still sends is read away: closing with unread
// octets would reset the connection and take the reply with it. After the peer's own FIN or close_notify there are
// none.
void Session::hang_up() {
  state_ = State::lingering;
  if (send_op_.via != nullptr) {  // close_notify goes before FIN (RFC 8446 6.1)
    tls_->op.end_stream(socket_);
    context_.reactor.submit(tls_->op);
  } else if (pi_.input_ended()) {
    return close();
  } else {
    context_.reactor.backend().shutdown_send(socket_);
  }
  context_.reactor.arm(timer_, context_.reactor.now() + linger_timeout);
  if (!pi_.input_ended()) read_more();
}

void Session::close() {
  if (state_ == State::closing) return;
  state_ = State::closing;
  context_.reactor.disarm(timer_);
  context_.reactor.cancel(recv_op_);
  context_.reactor.cancel(send_op_);
  if (tls_) context_.reactor.cancel(tls_->op);
  if (verification_) context_.reactor.cancel(verification_->op);
  if (errand_ && errand_->listing) errand_->listing->cancel();
  if (work_) work_->cancel();
  if (transfer_ && !data_closed_) transfer_->close();
  try_end();
}

void Session::try_end() {
  const bool on_errand = errand_ && (errand_->file.busy() || (errand_->listing && errand_->listing->busy()));
  const bool works = work_ && work_->busy();
  if (!recv_op_.idle() || !send_op_.idle() || securing() || verification_ || entering_ || on_errand || works ||
      !data_closed_)
    return;
  if (ended_) return;
  ended_ = true;
  context_.reactor.close(std::exchange(socket_, -1), true);
  owner_.on_session_end(*this);
}

}  // namespace net
