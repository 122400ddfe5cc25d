// Each op is a small loop of "ask OpenSSL, wait for the socket, ask again". OpenSSL sees a socket that never waits.
#include "net/tls_stream.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace net {
namespace {

// Octets of a record (RFC 8446 5.1), and what header, padding and tag add to it at most.
constexpr std::size_t record_most = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t record_overhead = 256;
// Octets that are encrypted at a time: few enough to stay in the processor's cache, several records a system call.
constexpr std::size_t gather_most = 4 * record_most;

std::size_t encrypted_size(std::size_t octets) { return octets + (octets / record_most + 1) * record_overhead; }

}  // namespace

TlsStream::TlsStream(io::Reactor& reactor, std::shared_ptr<const TlsContext> context, int socket,
                     io::BufferPool& buffers, std::string_view host)
    : reactor_(reactor),
      buffers_(buffers),
      context_(std::move(context)),
      connection_{.data = false, .id = random_tls_id(), .keeper = context_->first(), .of_control = nullptr},
      socket_(socket),
      bio_(reactor.backend(), socket) {
  set_up(context_->certificate_of(host), false);
  if (made()) SSL_set_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);  // passwords come this way
}

TlsStream::TlsStream(io::Reactor& reactor, const TlsIdentity& identity, int socket, io::BufferPool& buffers, bool sends)
    : reactor_(reactor),
      buffers_(buffers),
      context_(identity.context),
      connection_{.data = true, .id = {}, .keeper = context_->first(), .of_control = identity.session.get()},
      socket_(socket),
      bio_(reactor.backend(), socket) {
  set_up(identity.shown.get(), sends && context_->kernel());
  if (!made()) return;
  // A client that uploads may never read: a ticket left unread would turn its close into a reset.
  SSL_set_num_tickets(ssl_.get(), 0);
}

// Reading ahead takes a record, or a whole flight of the handshake, in one system call. On control connections too:
// what is read ahead of CCC or REIN was sent ahead of their replies, and is thrown away.
void TlsStream::set_up(ssl_ctx_st* context, bool kernel) {
  reading_.inner.bind<&TlsStream::on_reading_done>(*this);
  writing_.inner.bind<&TlsStream::on_writing_done>(*this);
  Ssl ssl(SSL_new(context_->first()));  // which keeps the sessions of all
  if (!ssl) return;
  SSL_set_SSL_CTX(ssl.get(), context);
  BIO* const bio = kernel ? BIO_new_socket(socket_, BIO_NOCLOSE) : bio_.make();  // OpenSSL's own is the kernel's way in
  if (bio == nullptr) return;
  SSL_set_bio(ssl.get(), bio, bio);
  if (kernel) SSL_set_options(ssl.get(), SSL_OP_ENABLE_KTLS);
  SSL_set_app_data(ssl.get(), &connection_);
  SSL_set_read_ahead(ssl.get(), 1);
  SSL_set_accept_state(ssl.get());  // also where the server connects (RFC 4217 7)
  ssl_ = std::move(ssl);
}

TlsStream::~TlsStream() { assert(reading_.op == nullptr && writing_.op == nullptr); }

// ---- Ops ----

// What the kernel encrypts it takes as if it were in the clear.
bool TlsStream::to_kernel(const io::Op& op) const {
  return in_kernel_ && (op.kind == io::OpKind::send || op.kind == io::OpKind::send_file);
}

TlsStream::Lane& TlsStream::lane_of(const io::Op& op) {
  const bool reads = op.kind == io::OpKind::recv || op.kind == io::OpKind::recv_file;
  return reads ? reading_ : writing_;
}

void TlsStream::submit(io::Op& op) {
  if (to_kernel(op)) return reactor_.pass_on(op);
  Lane& lane = lane_of(op);
  assert(lane.op == nullptr);
  lane.op = &op;
  lane.moved = 0;
  // Control connections are idle mostly: asking in vain is a system call. A close_notify that came together with data
  // is read already, and nothing need come behind it.
  const bool ended = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  const bool idle = !ended && (drained_ || (!connection_.data && SSL_has_pending(ssl_.get()) == 0));
  if (&lane == &reading_ && idle && broken_ == 0) return wait(lane, POLLIN);
  step(lane);
}

void TlsStream::cancel(io::Op& op) {
  if (to_kernel(op)) return reactor_.cancel_passed(op);
  Lane& lane = lane_of(op);
  assert(lane.op == &op);
  if (lane.inner.kind != io::OpKind::write) reactor_.cancel(lane.inner);  // what was received must reach the file
}

void TlsStream::step(Lane& lane) {
  switch (lane.op->kind) {
    case io::OpKind::recv: return left_ ? receive_behind() : receive();
    case io::OpKind::recv_file: return receive_file();
    case io::OpKind::send: return lane.moved > 0 ? flush() : send();
    case io::OpKind::send_file: return lane.moved > 0 ? flush() : send_file();
    case io::OpKind::open_stream: return shake_hands();
    case io::OpKind::end_stream: return end_stream();
    default: assert(false && "not on a stream");
  }
}

void TlsStream::wait(Lane& lane, short events) {
  lane.inner.poll(socket_, events);
  reactor_.submit(lane.inner);
}

void TlsStream::finish(Lane& lane, std::int32_t result) {
  buffers_.give_back(std::exchange(lane.lent, nullptr));
  reactor_.finish(*std::exchange(lane.op, nullptr), result);
}

void TlsStream::on_inner_done(Lane& lane, io::Op& inner) {
  if (inner.kind == io::OpKind::read) return on_file_read(inner);
  if (inner.kind == io::OpKind::write) return on_file_written(inner);
  if (lane.op->cancelled) return stop(lane, -ECANCELED);
  if (inner.result < 0) return stop(lane, inner.result);
  step(lane);
}

// The op ends while it waits for the socket. Records of which the peer may have a part cannot be taken back, and what
// came behind them would not be understood: the stream is broken (io/op.hpp). What waits to be read stays where it is.
void TlsStream::stop(Lane& lane, std::int32_t result) {
  const bool begun = &lane == &writing_ && (lane.moved > 0 || lane.op->kind == io::OpKind::open_stream ||
                                            lane.op->kind == io::OpKind::end_stream);
  if (begun && broken_ == 0) broken_ = ECONNABORTED;
  finish(lane, result);
}

// ---- What OpenSSL says ----

std::int32_t TlsStream::outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: events_ = POLLIN; return -EAGAIN;
    case SSL_ERROR_WANT_WRITE: events_ = POLLOUT; return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: broken_ = bio_.error() != 0 ? bio_.error() : ECONNRESET; break;
    default: {
      const unsigned long error = ERR_peek_error();
      const bool cut = ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      const char* const reason = ERR_reason_error_string(error);
      if (reason != nullptr) reason_ = reason;
      broken_ = cut ? ECONNRESET : EPROTO;
    }
  }
  ERR_clear_error();
  return -broken_;
}

void TlsStream::shake_hands() {
  if (broken_ != 0) return finish(writing_, -broken_);
  ERR_clear_error();
  const int result = SSL_accept(ssl_.get());
  if (result != 1) {
    const std::int32_t why = outcome(result);
    if (why == -EAGAIN) return wait(writing_, events_);
    return finish(writing_, why == 0 ? -ECONNABORTED : why);
  }
  opened_ = true;
  settle_session(ssl_.get());
  BIO* const bio = SSL_get_wbio(ssl_.get());
  in_kernel_ = BIO_get_ktls_send(bio);
  const bool kernel_declined = !in_kernel_ && BIO_method_type(bio) == BIO_TYPE_SOCKET;
  if (kernel_declined) {
    BIO* const own = bio_.make();
    if (own == nullptr) return finish(writing_, -ENOMEM);
    SSL_set_bio(ssl_.get(), own, own);
  }
  finish(writing_, 0);
}

void TlsStream::end_stream() {
  if (broken_ != 0 || !opened_) return finish(writing_, broken_ != 0 ? -broken_ : -ENOTCONN);
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return finish(writing_, 0);  // whether the peer has said its end is its own affair
  const std::int32_t why = outcome(result);
  if (why == -EAGAIN) return wait(writing_, events_);
  finish(writing_, why);
}

void TlsStream::end_now() {
  if (broken_ != 0 || !opened_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// ---- Receiving ----

std::int32_t TlsStream::read(std::span<char> into) {
  if (broken_ != 0) return -broken_;
  std::size_t sum = 0;
  drained_ = false;
  while (sum < into.size()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), into.data() + sum, into.size() - sum, &count);
    sum += count;
    if (result != 1) {
      const std::int32_t why = outcome(result);
      drained_ = why == -EAGAIN && events_ == POLLIN;
      if (sum == 0) return why;
      break;
    }
    if (!connection_.data && SSL_has_pending(ssl_.get()) == 0) break;
  }
  return static_cast<std::int32_t>(sum);
}

void TlsStream::receive() {
  io::Op& op = *reading_.op;
  std::span<char> into{op.data, op.size};
  if (op.pool != nullptr) {
    char* const lent = op.pool->borrow();
    if (lent == nullptr) return finish(reading_, -ENOBUFS);
    into = {lent, op.pool->buffer_size()};
  }
  const std::int32_t result = read(into);
  if (op.pool != nullptr && result > 0) op.data = into.data();
  if (op.pool != nullptr && result <= 0) op.pool->give_back(into.data());
  if (result == -EAGAIN) return wait(reading_, events_);
  finish(reading_, result);
}

// Octets of `octets` that belong to records.
std::size_t TlsStream::pass_over_records(std::span<const char> octets) {
  constexpr unsigned char first_type = 20, last_type = 23;  // change_cipher_spec to application_data (RFC 8446 5.1)
  std::size_t taken = 0;
  while (taken < octets.size()) {
    if (record_left_ > 0) {
      const std::size_t count = std::min(record_left_, octets.size() - taken);
      record_left_ -= count;
      taken += count;
      continue;
    }
    const auto octet = static_cast<unsigned char>(octets[taken]);
    if (header_size_ == 0 && (octet < first_type || octet > last_type)) {
      behind_ = true;
      return taken;
    }
    header_[header_size_++] = octet;
    ++taken;
    if (header_size_ < header_.size()) continue;
    header_size_ = 0;
    record_left_ = std::size_t{header_[3]} << 8 | header_[4];
  }
  return taken;
}

void TlsStream::receive_behind() {
  io::Op& op = *reading_.op;
  assert(op.pool != nullptr);
  char* const lent = op.pool->borrow();
  if (lent == nullptr) return finish(reading_, -ENOBUFS);
  std::int32_t result = reactor_.backend().receive_now(socket_, {lent, op.pool->buffer_size()});
  if (result > 0) {
    const auto size = static_cast<std::size_t>(result);
    const std::size_t passed = pass_over_records({lent, size});
    std::copy(lent + passed, lent + size, lent);
    result = passed == size ? -EAGAIN : static_cast<std::int32_t>(size - passed);
  }
  if (result > 0) {
    op.data = lent;
  } else {
    op.pool->give_back(lent);
  }
  if (result == -EAGAIN) return wait(reading_, POLLIN);
  finish(reading_, result);
}

// The buffer is borrowed when octets are there, and given back before waiting for more.
void TlsStream::receive_file() {
  io::Op& op = *reading_.op;
  reading_.lent = buffers_.borrow();
  if (reading_.lent == nullptr) {
    op.file_failed = true;
    return finish(reading_, -ENOBUFS);
  }
  const std::int32_t result = read({reading_.lent, std::min(buffers_.buffer_size(), op.size)});
  if (result == -EAGAIN) {
    buffers_.give_back(std::exchange(reading_.lent, nullptr));
    return wait(reading_, events_);
  }
  if (result <= 0) return finish(reading_, result);
  reading_.held = {reading_.lent, static_cast<std::size_t>(result)};
  write_file();
}

void TlsStream::write_file() {
  const io::Op& op = *reading_.op;
  reading_.inner.write(op.fd2, reading_.held, op.offset + static_cast<std::int64_t>(reading_.moved));
  reactor_.submit(reading_.inner);
}

void TlsStream::on_file_written(const io::Op& inner) {
  if (inner.result <= 0) {
    reading_.op->file_failed = true;
    reading_.op->length = static_cast<std::int64_t>(reading_.moved + reading_.held.size());
    return finish(reading_, inner.result < 0 ? inner.result : -EIO);
  }
  const auto count = static_cast<std::size_t>(inner.result);
  reading_.moved += count;
  reading_.held = reading_.held.subspan(count);
  if (!reading_.held.empty()) return write_file();
  finish(reading_, static_cast<std::int32_t>(reading_.moved));
}

// ---- Sending ----

// Octets taken: all records that are begun here are gathered, so that none is ever half done.
std::int32_t TlsStream::encrypt(std::span<const char> from) {
  if (broken_ != 0) return -broken_;
  from = from.first(std::min(from.size(), gather_most));
  bio_.gather(encrypted_size(from.size()));
  std::size_t sum = 0;
  while (sum < from.size()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), from.data() + sum, std::min(from.size() - sum, record_most), &count);
    if (result != 1) {
      const std::int32_t why = outcome(result);
      return why == -EAGAIN || why == 0 ? -(broken_ = EPROTO) : why;
    }
    sum += count;
  }
  return static_cast<std::int32_t>(sum);
}

void TlsStream::send() {
  const io::Op& op = *writing_.op;
  if (op.size == 0) return finish(writing_, 0);
  const std::int32_t result = encrypt({op.data, op.size});
  if (result < 0) return finish(writing_, result);
  writing_.moved = static_cast<std::size_t>(result);
  flush();
}

// A client that does not read holds no buffer: what is encrypted waits, and the rest stays in the file.
void TlsStream::send_file() {
  io::Op& op = *writing_.op;
  writing_.lent = buffers_.borrow();
  if (writing_.lent == nullptr) {
    op.file_failed = true;
    return finish(writing_, -ENOBUFS);
  }
  const std::size_t size = std::min({buffers_.buffer_size(), op.size, gather_most});
  writing_.inner.read(op.fd2, {writing_.lent, size}, op.offset);
  reactor_.submit(writing_.inner);
}

void TlsStream::on_file_read(const io::Op& inner) {
  if (inner.result <= 0) {
    writing_.op->file_failed = inner.result != -ECANCELED;
    return finish(writing_, inner.result);
  }
  if (writing_.op->cancelled) return finish(writing_, -ECANCELED);
  const std::int32_t result = encrypt({inner.data, static_cast<std::size_t>(inner.result)});
  buffers_.give_back(std::exchange(writing_.lent, nullptr));
  if (result < 0) return finish(writing_, result);
  writing_.moved = static_cast<std::size_t>(result);
  flush();
}

// The op is done when its records have left: nothing waits here that nobody waits for.
void TlsStream::flush() {
  const std::int32_t result = bio_.flush();
  if (result == -EAGAIN) return wait(writing_, POLLOUT);
  if (result < 0) broken_ = -result;
  finish(writing_, result < 0 ? result : static_cast<std::int32_t>(writing_.moved));
}

// ---- Facts ----

std::shared_ptr<const TlsIdentity> TlsStream::identity() const {
  SSL_CTX* const shown = SSL_get_SSL_CTX(ssl_.get());
  SSL_CTX_up_ref(shown);
  return std::make_shared<TlsIdentity>(TlsIdentity{.context = context_,
                                                   .shown = SslContext(shown),
                                                   .id = tls_id_of(ssl_.get()),
                                                   .client = Certificate(SSL_get1_peer_certificate(ssl_.get())),
                                                   .session = session_of(ssl_.get())});
}

void TlsStream::give_ticket() {
  if (broken_ == 0 && opened_) net::give_ticket(ssl_.get());
  ERR_clear_error();
}

bool TlsStream::same_client(const TlsIdentity& identity) const {
  const X509* const shown = SSL_get0_peer_certificate(ssl_.get());
  if (identity.client == nullptr || shown == nullptr) return identity.client == nullptr;
  return X509_cmp(identity.client.get(), shown) == 0;
}

bool TlsStream::begun() const { return BIO_number_read(SSL_get_rbio(ssl_.get())) > 0; }

std::string TlsStream::description() const {
  return fmt::format("{} {}{}", SSL_get_version(ssl_.get()), SSL_get_cipher_name(ssl_.get()),
                     SSL_session_reused(ssl_.get()) == 1 ? ", resumed" : "");
}

io::Inbound TlsStream::inbound() {
  if (broken_ != 0) return io::Inbound::ended;
  char octet;
  std::size_t count = 0;
  ERR_clear_error();
  const int result = SSL_peek_ex(ssl_.get(), &octet, sizeof octet, &count);
  drained_ = false;
  if (result == 1) return io::Inbound::octets;
  return outcome(result) == -EAGAIN ? io::Inbound::nothing : io::Inbound::ended;
}

}  // namespace net
