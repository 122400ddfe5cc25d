// Events and actions of the data transfer process. RFC 959 3.2, 3.3, 5.2.
#include "net/transfer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "net/convert.hpp"
#include "net/listing_source.hpp"
#include "net/log.hpp"

namespace net {

using core::TransferEnd;
using Kind = core::TransferSpec::Kind;

namespace {

// A few strangers may knock at a passive port before the client does.
constexpr int passive_backlog = 8;
// Ports that something else on this host holds are passed over, a bounded number of times.
constexpr int passive_attempts = 32;

constexpr const char* cause_names[] = {"complete", "no connection", "broken", "aborted", "stalled", "file error"};

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
      file_(context.reactor) {
  accept_op_.bind<&Transfer::on_accept_done>(*this);
  connect_op_.bind<&Transfer::on_connect_done>(*this);
  timer_.bind<&Transfer::on_timer>(*this);
  file_.bind<&Transfer::on_file_done>(*this);
}

Transfer::~Transfer() {
  close_listener();
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
    case To::await: return arm_timer(config_->data.connect_timeout_s);
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
  owner_.on_data_outcome({});
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
  io::Backend& backend = context_.reactor.backend();
  aim_ = peer_;
  int error = EADDRINUSE;
  for (int attempt = 0; attempt < passive_attempts && error == EADDRINUSE; ++attempt) {
    const auto port = context_.passive_ports.take(context_.random);
    if (!port) break;
    core::Endpoint at = local_;
    at.port = *port;
    const auto opened = backend.open_listener(to_address(at), passive_backlog);
    if (opened) {
      listener_ = *opened;
      passive_port_ = *port;
      accept_next();
      return owner_.on_data_outcome({.endpoint = at});
    }
    context_.passive_ports.give_back(*port);
    error = opened.error();
  }
  context_.log.warn("no passive port for {}: {}", address_text(peer_), strerror(error));
  state_ = State::idle;
  owner_.on_data_outcome({.error = error});
}

// ---- The data connection ----

void Transfer::accept_next() {
  accept_op_.accept(listener_);
  context_.reactor.submit(accept_op_);
}

// Only the control peer may take the file, unless third-party transfers are allowed (RFC 2577 8).
bool Transfer::may_connect(const core::Endpoint& peer) const {
  const auto& foreign = config_->data.foreign_addresses;
  return peer.same_address(peer_) ||
         std::ranges::any_of(foreign, [&](const core::Network& n) { return n.contains(peer); });
}

void Transfer::on_accept_done(io::Op& op) {
  const bool joining = state_ == State::dropping || state_ == State::stopping;
  if (op.result >= 0 && (joining || !may_connect(unmapped(to_endpoint(op.address))))) {
    context_.reactor.close(op.result);
    if (!joining) return accept_next();
  }
  if (joining) return try_join();
  if (op.result == -ECONNABORTED) return accept_next();
  close_listener();
  if (op.result < 0) return fail(TransferEnd::Cause::no_connection, -op.result);
  adopt(op.result);
  raise(Event::accepted);
}

// L-1 is the server's default data port (RFC 959 3.2), on the control connection's own address
// (RFC 1123 4.1.2.12); without PORT the client's default is its control port U.
void Transfer::connect() {
  if (!config_->data.active) return fail(TransferEnd::Cause::no_connection, ENOTCONN);
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
  adopt(*opened);
  arm_timer(config_->data.connect_timeout_s);
  connect_op_.connect(socket_, to_address(target));
  context_.reactor.submit(connect_op_);
}

void Transfer::on_connect_done(io::Op& op) {
  if (state_ == State::stopping) return try_join();
  if (op.result < 0) return fail(TransferEnd::Cause::no_connection, -op.result);
  raise(Event::connect_done);
}

void Transfer::adopt(int socket) {
  socket_ = socket;
  context_.reactor.backend().set_options(socket, {.no_delay = true, .keepalive = true, .notsent_lowat = 128 * 1024});
}

void Transfer::close_listener() {
  if (listener_ < 0) return;
  context_.reactor.backend().stop_listening(listener_);
  context_.reactor.close(std::exchange(listener_, -1));
  context_.passive_ports.give_back(passive_port_);
}

void Transfer::close_socket() {
  early_.reset();
  context_.reactor.close(std::exchange(socket_, -1));
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
  if (flowing_) flow_->cancel();
  try_join();
}

// Nothing is closed while an op could still use it; the unfinished file is dealt with last.
void Transfer::try_join() {
  if (!accept_op_.idle() || !connect_op_.idle() || flowing() || file_.busy()) return;
  flowing_ = false;
  close_listener();
  close_socket();
  if (state_ == State::stopping && !sends() && file_.file() >= 0 && !stored_ && phase_ != FilePhase::discarding) {
    phase_ = FilePhase::discarding;
    const std::int64_t length = flow_ ? flow_->written() : 0;
    return file_.discard(static_cast<std::uint64_t>(length), length == 0 || !config_->uploads.keep_partial);
  }
  raise(Event::joined);
}

void Transfer::on_timer() {
  if (state_ == State::kept) return raise(Event::lost);  // octets of a file that nobody stores
  if (state_ != State::moving) {
    if (state_ == State::connecting || state_ == State::awaiting) fail(TransferEnd::Cause::no_connection, ETIMEDOUT);
    return;
  }
  if (flow_ && flow_->octets() == seen_octets_) return fail(TransferEnd::Cause::stalled, ETIMEDOUT);
  seen_octets_ = flow_ ? flow_->octets() : 0;
  arm_timer(config_->data.stall_timeout_s);
}

void Transfer::report() {
  context_.reactor.disarm(timer_);
  end_.octets = flow_ ? flow_->octets() : 0;
  end_.stays_open = state_ == State::kept;
  flow_.reset();
  decoder_.reset();
  file_.release();
  root_.reset();
  phase_ = FilePhase::none;
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
}

void Transfer::close() {
  closing_ = true;
  if (phase_ == FilePhase::opening || phase_ == FilePhase::looking) return;  // on_file_done comes here again
  end_ = {.cause = TransferEnd::Cause::broken, .error = ECONNRESET};
  renewing_ = Event::drop;
  raise(Event::abort);
}

core::TransferProgress Transfer::progress() const {
  return {.octets = flow_ ? flow_->octets() : 0,
          .connected = state_ == State::moving || state_ == State::flushing || state_ == State::ending};
}

// ---- The file ----

void Transfer::start(const core::TransferSpec& spec, std::shared_ptr<Root> root, core::Rights rights) {
  kind_ = spec.kind;
  spec_ = spec;
  path_ = spec.path;
  unique_base_ = path_;
  pattern_ = spec.pattern;
  prefix_ = spec.prefix;
  given_ = spec.given;
  codec_state_ = spec.state;
  spec_.path = path_;
  spec_.pattern = pattern_;
  spec_.prefix = prefix_;
  spec_.given = given_;
  spec_.state = codec_state_;
  root_ = std::move(root);
  rights_ = rights;
  end_ = {};
  stored_ = false;
  seen_octets_ = 0;
  if (!takes_up_state()) return refused(ERANGE);
  if (!sends() && spec_.allocate > static_cast<std::uint64_t>(length_max())) return refused(EFBIG);
  open();
}

void Transfer::open() {
  phase_ = FilePhase::opening;
  if (kind_ == Kind::retrieve) return file_.open_for_reading(root_, path_);
  if (!lists()) return open_upload();
  if (!spec_.directory_itself) return file_.open_directory(root_, path_);
  phase_ = FilePhase::looking;
  file_.look(root_, path_);
}

// STOU: a name that begins as the client's does.
std::string Transfer::another_name() { return fmt::format("{}.{:08x}", unique_base_, context_.random() & 0xffffffff); }

void Transfer::open_upload() {
  FileTask::Upload upload{.publish = config_->uploads.publish,
                          .mode = static_cast<unsigned>(config_->uploads.file_mode),
                          .must_be_new = kind_ == Kind::store_unique,
                          .must_exist = kind_ == Kind::store && spec_.offset > 0,
                          .allocate = spec_.as.structure == core::Structure::page ? 0 : spec_.allocate,
                          .temporary_suffix = fmt::format("{:016x}", context_.random())};
  // What is continued must be there already: such an upload is written in place.
  if (kind_ == Kind::append || spec_.offset > 0) upload.publish = core::Publish::direct;
  // A name whose upload is unseen looks free to the next STOU as well: it gets one that nobody else has.
  if (upload.must_be_new && upload.publish != core::Publish::direct && path_ == unique_base_) path_ = another_name();
  file_.open_for_writing(root_, path_, upload);
}

void Transfer::on_file_done() {
  switch (phase_) {
    case FilePhase::opening:
    case FilePhase::looking: return closing_ ? abandon() : on_opened();
    case FilePhase::cutting: return on_target_ready();
    case FilePhase::publishing: return on_published();
    case FilePhase::discarding: return on_discarded();
    case FilePhase::none: assert(false);
  }
}

// The control connection went while the file was being opened.
void Transfer::abandon() {
  if (file_.error() == 0 && !sends()) {
    phase_ = FilePhase::discarding;
    return file_.discard(0, true);
  }
  on_discarded();
}

void Transfer::on_discarded() {
  phase_ = FilePhase::none;
  file_.release();
  if (state_ == State::stopping) return try_join();
  close();
}

void Transfer::on_published() {
  if (state_ == State::stopping) return try_join();
  if (file_.error() != 0) return fail(TransferEnd::Cause::file_error, file_.error());
  stored_ = true;
  leave_connection();
}

void Transfer::on_opened() {
  const bool opened_directory = lists() && phase_ == FilePhase::opening;
  const int error = file_.error();
  phase_ = FilePhase::none;
  // STOU: somebody has the name; take the next.
  if (error == EEXIST && kind_ == Kind::store_unique) {
    path_ = another_name();
    return open();
  }
  if (error == ENOTDIR && opened_directory && !spec_.directory_only) {
    phase_ = FilePhase::looking;
    return file_.look(root_, path_);
  }
  if (error != 0) return refused(error);
  const core::Entry entry = to_entry(file_.facts());
  if (const int unsuited = lists() ? 0 : suits(entry)) return refused(unsuited);
  if (kind_ == Kind::append) spec_.offset = entry.size;
  if (inbound() == io::Inbound::ended) raise(Event::lost);
  const bool connected = state_ == State::connected || state_ == State::kept;
  owner_.on_data_outcome({.entry = entry, .text = core::last_name(path_), .connected = connected});
}

// Whether REST's state can be taken up; what a download holds is never told. Makes the decoder of an upload.
bool Transfer::takes_up_state() {
  const core::Representation& as = spec_.as;
  if (sends() || (core::travels_unchanged(as) && !early_)) return spec_.state.empty();
  decoder_ = core::make_decoder(as);
  // A marker is ours only where what it promised was kept: an unseen upload keeps nothing.
  const bool marked = spec_.offset > 0 && core::keeps_connection(as);
  if (marked && kind_ == Kind::store && config_->uploads.publish != core::Publish::direct) return false;
  const unsigned unit = core::packs(as) ? core::octets_of_byte(as) : 1;
  return decoder_->restore(spec_.state) && spec_.offset % unit == 0;
}

// Whether the open file can be moved as the spec says: 0 or an errno value.
int Transfer::suits(const core::Entry& entry) {
  const core::Representation& as = spec_.as;
  const bool paged = as.structure == core::Structure::page;
  // Pages are stored where they say, also behind the end.
  const bool existing = sends() || (kind_ == Kind::store && spec_.offset > 0 && !paged);
  if (existing && spec_.offset > entry.size) return ERANGE;
  if (sends() && spec_.offset % core::resume_unit(as) != 0) return ERANGE;
  if (sends()) return paged && entry.size > core::paged_file_max(as) ? EFBIG : 0;
  const bool whole_bytes = entry.size % core::octets_of_byte(as) == 0;
  return kind_ == Kind::append && !whole_bytes ? EMEDIUMTYPE : 0;
}

// What a kept connection has for us. What came behind the last file is octets too.
io::Inbound Transfer::inbound() const {
  if (state_ != State::kept) return io::Inbound::nothing;
  return early_ ? io::Inbound::octets : context_.reactor.backend().inbound(socket_);
}

// One 4yz or 5yz and nothing else happened: a data connection that stands stays for the next command. But octets
// that came for a refused upload must not become the next one's.
void Transfer::refused(int error) {
  if (!sends() && inbound() == io::Inbound::octets) raise(Event::lost);
  file_.release();
  decoder_.reset();
  owner_.on_data_outcome({.error = error});
}

void Transfer::proceed() { raise(Event::start); }

// The old content goes only now that the new one has a connection to come by.
void Transfer::move() {
  arm_timer(config_->data.stall_timeout_s);
  flow_ = make_flow();
  if (!flow_->ready()) return fail(TransferEnd::Cause::file_error, ENOBUFS);
  if (kind_ == Kind::store && spec_.offset == 0 && file_.facts().stx_size > 0) {
    phase_ = FilePhase::cutting;
    return file_.truncate(0);
  }
  start_flow();
}

void Transfer::on_target_ready() {
  if (state_ == State::stopping) return try_join();
  if (file_.error() != 0) return fail(TransferEnd::Cause::file_error, file_.error());
  start_flow();
}

void Transfer::start_flow() {
  flowing_ = true;
  flow_->start();
}

// Kernel flows for octets as they are, codec flows where they change on the way or text is made.
std::unique_ptr<Flow> Transfer::make_flow() {
  io::Reactor& reactor = context_.reactor;
  io::BufferPool& buffers = context_.flow_buffers;
  const FlowEnds ends{.owner = *this,
                      .socket = socket_,
                      .file = file_.file(),
                      .offset = static_cast<std::int64_t>(spec_.offset),
                      .slice = static_cast<std::size_t>(config_->data.slice_kib) * 1024,
                      .length_max = length_max()};
  if (lists()) {
    auto source =
        std::make_unique<ListingSource>(reactor, root_, file_, spec_, rights_, reactor.backend().wall_clock());
    return make_codec_send(reactor, ends, buffers, core::make_listing_encoder(spec_.as), {.source = std::move(source)});
  }
  const std::uint64_t size = file_.facts().stx_size;
  if (sends() && core::travels_unchanged(spec_.as)) return make_kernel_send(reactor, ends, size);
  if (sends()) {
    const bool paged = spec_.as.structure == core::Structure::page;
    const core::Markers markers{.begin = spec_.offset,
                                .interval = static_cast<std::uint64_t>(config_->data.marker_interval_bytes)};
    return make_codec_send(
        reactor, ends, buffers, core::make_encoder(spec_.as, markers),
        {.size = size, .skip = spec_.skip, .page = paged ? static_cast<std::int64_t>(core::page_octets(spec_.as)) : 0});
  }
  if (!decoder_) return make_kernel_receive(reactor, ends);
  return make_codec_receive(reactor, ends, buffers, std::move(decoder_), std::exchange(early_, std::nullopt));
}

void Transfer::on_flow_end(const FlowEnd& end) {
  flowing_ = false;
  if (state_ == State::stopping) return try_join();
  if (end.error == 0) return raise(Event::moved);
  fail(end.file_failed ? TransferEnd::Cause::file_error : TransferEnd::Cause::broken, end.error);
}

// The marker of an upload that is unseen until it is whole promises nothing, and so is not answered.
bool Transfer::on_flow_marker(std::string_view sender, std::string_view own) {
  return closing_ || file_.is_unseen() || owner_.on_transfer_marker(sender, own);
}

// 226 says that our side is closed (RFC 959 5.2) and, for an upload, that the file is in its place.
void Transfer::flush() {
  if (sends()) return leave_connection();
  if (flow_->length() > length_max()) return fail(TransferEnd::Cause::file_error, EFBIG);
  early_ = flow_->take_rest();
  phase_ = FilePhase::publishing;
  // Pages come in any order: what was resumed may reach further already.
  const bool paged = spec_.as.structure == core::Structure::page;
  std::uint64_t length = static_cast<std::uint64_t>(flow_->length());
  if (paged && spec_.offset > 0) length = std::max(length, std::uint64_t{file_.facts().stx_size});
  file_.publish(length, paged);
}

// A MODE that marks the end of file leaves the connection open for the next (RFC 959 3.3), unless ABOR came.
void Transfer::leave_connection() {
  if (core::keeps_connection(spec_.as) && state_ == State::flushing && !closing_) return raise(Event::stays);
  if (sends()) context_.reactor.backend().shutdown_send(socket_);
  close_socket();
  raise(Event::flushed);
}

}  // namespace net
