// OpenSSL's calls and what their results mean.
#include "bench/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bench {
namespace {

// One call to the kernel brings several records.
constexpr std::size_t read_ahead_octets = 64 * 1024;

struct Version {
  const char* name;
  int least, most;  ///< 0: OpenSSL's own bound
};
constexpr std::array versions = {Version{"any", 0, 0}, Version{"1.2", TLS1_2_VERSION, TLS1_2_VERSION},
                                 Version{"1.3", TLS1_3_VERSION, TLS1_3_VERSION}};

// With TLS 1.3 sessions come when the handshake is long over. A copy is kept: OpenSSL gives up the connection's own
// when the server ends it without close_notify, as many do behind 221.
int keep_session(SSL* stream, SSL_SESSION* session) {
  if (auto* keeper = static_cast<TlsSession*>(SSL_get_app_data(stream))) keeper->reset(SSL_SESSION_dup(session));
  return 0;  // the connection's own is not taken
}

}  // namespace

void TlsFree::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsFree::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }
void TlsFree::operator()(ssl_st* stream) const { SSL_free(stream); }

TlsContext::TlsContext(const std::string& version, bool resume) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  for (const Version& row : versions) {
    if (version != row.name) continue;
    SSL_CTX_set_min_proto_version(context, row.least);
    SSL_CTX_set_max_proto_version(context, row.most);
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);  // idle sessions are many
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, read_ahead_octets);
  if (!resume) return;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &keep_session);
}

TlsStream::TlsStream(TlsContext& context, int socket, TlsSession& session, bool keeps)
    : context_(context), socket_(socket), stream_(SSL_new(context.context_.get())) {
  SSL_set_fd(stream_.get(), socket);
  SSL_set_connect_state(stream_.get());
  // A copy again: with TLS 1.3 OpenSSL lets a session be resumed once, and each data connection resumes the same one.
  const TlsSession copy(session ? SSL_SESSION_dup(session.get()) : nullptr);
  if (copy) SSL_set_session(stream_.get(), copy.get());
  if (keeps) SSL_set_app_data(stream_.get(), &session);
}

TlsStream::~TlsStream() {
  ERR_clear_error();
  if (ready_ && !failed_) SSL_shutdown(stream_.get());
}

TlsStep TlsStream::step_of(int result) {
  const int system_error = errno;
  switch (SSL_get_error(stream_.get(), result)) {
    case SSL_ERROR_NONE: return {};
    case SSL_ERROR_WANT_READ: return {.wait_for = POLLIN};
    case SSL_ERROR_WANT_WRITE: return {.wait_for = POLLOUT};
    case SSL_ERROR_ZERO_RETURN: return {.end = true};
    case SSL_ERROR_SYSCALL: failed_ = true; return {.error = system_error != 0 ? system_error : ECONNRESET};
    default: failed_ = true; return {.error = static_cast<int>(ERR_peek_error())};
  }
}

TlsStep TlsStream::shake_hands() {
  ERR_clear_error();
  const TlsStep step = step_of(SSL_do_handshake(stream_.get()));
  if (step.end) return {.error = ECONNABORTED};
  if (step.error != 0 || step.wait_for != 0) return step;
  ready_ = true;
  more_ = SSL_has_pending(stream_.get()) == 1;  // the first octets may have come with the server's Finished
  ++context_.counts.handshakes;
  context_.counts.resumed += SSL_session_reused(stream_.get()) == 1 ? 1 : 0;
  return step;
}

// An end of the connection without close_notify is an error: somebody may have cut the stream.
TlsStep TlsStream::read(std::span<char> into) {
  if (held_.end || held_.error != 0) return std::exchange(held_, {});
  TlsStep sum;
  more_ = true;
  while (!into.empty()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(stream_.get(), into.data(), into.size(), &count);
    sum.octets += count;
    into = into.subspan(count);
    if (result == 1) continue;
    const TlsStep last = step_of(result);
    more_ = last.wait_for == 0;
    if (sum.octets == 0) return last;
    held_ = last;
    break;
  }
  return sum;
}

TlsStep TlsStream::write(std::span<const char>& from) {
  while (!from.empty()) {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(stream_.get(), from.data(), from.size(), &count);
    if (result != 1) return step_of(result);
    from = from.subspan(count);
  }
  return {};
}

// What the peer sends behind its handshake (session tickets) must be read before the close: the kernel answers octets
// that nobody has read with a reset, and that would cut what the peer has not read yet.
TlsStep TlsStream::finish() {
  ERR_clear_error();
  if (!finished_) {
    const int result = SSL_shutdown(stream_.get());
    if (result < 0) {
      if (const TlsStep step = step_of(result); step.wait_for != 0 || step.error != 0) return step;
    }
    ::shutdown(socket_, SHUT_WR);
    finished_ = true;
  }
  std::array<char, 4096> rest;
  TlsStep step;
  do {
    step = read(rest);
  } while (step.octets > 0);
  return {.wait_for = step.wait_for};  // however the peer ends, it has all
}

const char* error_text(int error) {
  constexpr int last_errno = 4095;
  const char* of_tls = error > last_errno ? ERR_reason_error_string(static_cast<unsigned long>(error)) : nullptr;
  return of_tls != nullptr ? of_tls : std::strerror(error);
}

}  // namespace bench
