// What a transfer moves: the file or listing that is opened, the flow that moves it, the file that is put in its
// place. RFC 959 3.3, 3.4, 4.1.3.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "net/convert.hpp"
#include "net/listing_source.hpp"
#include "net/transfer.hpp"

namespace net {

using core::TransferEnd;
using Kind = core::TransferSpec::Kind;

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
  aborted_ = false;
  stored_ = false;
  seen_octets_ = 0;
  // What is moved another way comes only when the octets before it are gone.
  const bool joins_them = sends() && core::keeps_connection(spec_.as) && fits_level();
  if (unsent_ && !joins_them) {
    phase_ = FilePhase::waiting;
    return push();
  }
  begin();
}

void Transfer::begin() {
  phase_ = FilePhase::none;
  // A connection that is kept has the protection that it was opened with (RFC 4217 9).
  if (state_ == State::kept && !fits_level()) {
    if (secured_) secured_->stream.end_now();
    raise(Event::lost);
  }
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
  file_.look(root_, path_, FileTask::LinkAtEnd::itself);
}

// STOU: a name that begins as the client's does.
std::string Transfer::another_name() { return fmt::format("{}.{:08x}", unique_base_, context_.random() & 0xffffffff); }

void Transfer::open_upload() {
  // What is continued, or changed in part, must be there already: such an upload is written in place.
  const bool continues = kind_ == Kind::append || spec_.offset > 0 || spec_.ranged();
  FileTask::Upload upload{.unseen = core::is_unseen(config_->uploads.publish) && !continues,
                          .synced = core::is_synced(config_->uploads.publish),
                          .appends = kind_ == Kind::append,
                          .mode = spec_.file_mode,
                          .must_be_new = kind_ == Kind::store_unique,
                          .must_exist = kind_ == Kind::store && spec_.offset > 0,
                          .wanted = spec_.as.structure == core::Structure::page ? 0 : spec_.allocate,
                          .temporary_suffix = fmt::format("{:016x}", context_.random())};
  // A name whose upload is unseen looks free to the next STOU as well: it gets one that nobody else has.
  if (upload.must_be_new && upload.unseen && path_ == unique_base_) path_ = another_name();
  file_.open_for_writing(root_, path_, upload);
}

void Transfer::on_file_done() {
  switch (phase_) {
    case FilePhase::opening:
    case FilePhase::looking: return closing_ ? abandon() : on_opened();
    case FilePhase::cutting: return on_target_ready();
    case FilePhase::publishing: return on_published();
    case FilePhase::discarding: return on_discarded();
    case FilePhase::waiting:
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
    return file_.look(root_, path_, FileTask::LinkAtEnd::fallback);
  }
  if (error != 0) return refused(error);
  if (!sends()) context_.stale_uploads.written_to(root_, core::parent_path(path_));
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
  if (sends() && spec_.ranged()) return 0;  // what lies beyond the end are no octets (range 4.3)
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
  if (state_ != State::kept || unsent_) return io::Inbound::nothing;  // what is broken will be told by sending
  if (early_) return io::Inbound::octets;
  return secured_ ? secured_->stream.inbound() : context_.reactor.backend().inbound(socket_);
}

// One 4yz or 5yz and nothing else happened: a data connection that stands stays for the next command. But one by which
// a refused upload has come or may still come is closed first: its bytes must not become the next one's.
void Transfer::refused(int error) {
  file_.release();
  decoder_.reset();
  const bool may_bring_it = state_ == State::listening || state_ == State::connected || state_ == State::kept;
  if (sends() || !may_bring_it) return owner_.on_data_outcome({.error = error});
  refusal_ = error;
  drop();
}

void Transfer::proceed() { raise(Event::start); }

// The old content goes only now that the new one has a connection to come by.
void Transfer::move() {
  arm_timer(config_->data.stall_timeout_s);
  if (unsent_ && !push_op_.idle()) return;  // on_pushed comes here again
  flow_ = make_flow();
  if (!flow_->ready()) {
    unsent_ = flow_->take_unsent();
    return fail(TransferEnd::Cause::file_error, ENOBUFS);
  }
  if (kind_ == Kind::store && spec_.offset == 0 && !spec_.ranged() && file_.facts().stx_size > 0) {
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
  const core::Config::Tuning& tuning = config_->tuning;
  const FlowEnds ends{.owner = *this,
                      .socket = socket_,
                      .layer = secured_ ? &secured_->stream : nullptr,
                      .file = file_.file(),
                      .offset = static_cast<std::int64_t>(spec_.offset),
                      .slice = static_cast<std::size_t>(tuning.slice_kib) * 1024,
                      .length_max = length_max(),
                      .growth = {.ratio = static_cast<std::uint64_t>(config_->limits.inflate_ratio)},
                      .reserve = spec_.ranged() || kind_ == Kind::append ? 0 : tuning.preallocate_mib * 1024 * 1024,
                      .appends = kind_ == Kind::append};
  const std::size_t gather = core::keeps_connection(spec_.as) ? static_cast<std::size_t>(tuning.gather_kib) * 1024 : 0;
  if (lists()) {
    auto source = std::make_unique<ListingSource>(reactor, context_.listings, root_, file_, spec_, rights_,
                                                  reactor.backend().wall_clock());
    return make_codec_send(
        reactor, ends, buffers, core::make_listing_encoder(spec_.as),
        {.source = std::move(source), .gather = gather, .unsent = std::exchange(unsent_, std::nullopt)});
  }
  const std::uint64_t size = std::min<std::uint64_t>(file_.facts().stx_size, sends() ? spec_.end : UINT64_MAX);
  // A kernel flow asks the file once more where it seems to be empty: nothing of a range must stay nothing.
  const bool nothing = spec_.ranged() && spec_.offset >= size;
  if (sends() && core::travels_unchanged(spec_.as) && !nothing) return make_kernel_send(reactor, ends, size);
  if (sends()) {
    const bool paged = spec_.as.structure == core::Structure::page;
    const bool deflates = spec_.as.mode == core::Mode::deflate;
    const core::Markers markers{.begin = spec_.offset,
                                .interval = static_cast<std::uint64_t>(config_->data.marker_interval_bytes),
                                .skip = deflates ? spec_.skip : 0};
    return make_codec_send(reactor, ends, buffers, core::make_encoder(spec_.as, markers),
                           {.size = size,
                            .skip = deflates ? 0 : spec_.skip,
                            .page = paged ? static_cast<std::int64_t>(core::page_octets(spec_.as)) : 0,
                            .gather = gather,
                            .unsent = std::exchange(unsent_, std::nullopt)});
  }
  if (!decoder_) return make_kernel_receive(reactor, ends, static_cast<std::int64_t>(size));
  return make_codec_receive(reactor, ends, buffers, std::move(decoder_), std::exchange(early_, std::nullopt));
}

void Transfer::on_flow_end(const FlowEnd& end) {
  flowing_ = false;
  unsent_ = flow_->take_unsent();
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
  std::uint64_t length = static_cast<std::uint64_t>(flow_->length());
  if (flow_->length() > length_max()) return fail(TransferEnd::Cause::file_error, EFBIG);
  // "For a successful transfer, the client has to send the full range specified" (range 4.3).
  if (spec_.ranged() && length != spec_.end) return fail(TransferEnd::Cause::broken, ECONNRESET);
  early_ = flow_->take_rest();
  file_.set_aside(static_cast<std::uint64_t>(flow_->reserved()));
  phase_ = FilePhase::publishing;
  // Pages come in any order: what was resumed may reach further already. And what lies behind a range stays.
  const bool paged = spec_.as.structure == core::Structure::page;
  if ((paged && spec_.offset > 0) || spec_.ranged()) length = std::max(length, std::uint64_t{file_.facts().stx_size});
  file_.publish(length, paged);
}

// A MODE that marks the end of file leaves the connection open for the next (RFC 959 3.3), unless ABOR came.
void Transfer::leave_connection() {
  if (core::keeps_connection(spec_.as) && state_ == State::flushing && !closing_) {
    if (unsent_) context_.reactor.later(pushing_);
    return raise(Event::stays);
  }
  assert(!unsent_);
  if (secured_) {
    arm_timer(config_->data.stall_timeout_s);
    secured_->op.end_stream(socket_);
    return context_.reactor.submit(secured_->op);
  }
  close_socket();
  raise(Event::flushed);
}

}  // namespace net
