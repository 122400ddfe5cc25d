// TLS on a connection of a client, as steps on a descriptor that does not block. No certificate is verified.
// Knows OpenSSL; must not know ops or FTP. RFC 4217, RFC 8446.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace bench {

struct TlsFree {
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_session_st* session) const;
  void operator()(ssl_st* stream) const;
};

/// The newest session that a server has given a user, for the next handshake to resume; or none.
using TlsSession = std::unique_ptr<ssl_session_st, TlsFree>;

struct TlsCounts {
  std::uint64_t handshakes = 0;  ///< that succeeded
  std::uint64_t resumed = 0;     ///< of these
};

/// What all connections of a worker share.
class TlsContext {
 public:
  /// `version`: "1.2", "1.3" or "any". `resume`: sessions are kept, and resumed.
  TlsContext(const std::string& version, bool resume);

  TlsCounts counts{};

 private:
  friend class TlsStream;
  std::unique_ptr<ssl_ctx_st, TlsFree> context_;
};

/// What a step came to. Neither `wait_for` nor `end` nor `error`: it is done.
struct TlsStep {
  std::size_t octets = 0;
  short wait_for = 0;  ///< POLLIN or POLLOUT: take the step again when the descriptor is so
  bool end = false;    ///< close_notify came
  int error = 0;       ///< for error_text()
};

class TlsStream {
 public:
  /// On a connected socket, which must outlive it. Resumes `session` if it is one; with `keeps` puts those into it that
  /// the server offers from now on.
  TlsStream(TlsContext& context, int socket, TlsSession& session, bool keeps);
  /// Tells the peer that nothing follows, if it can be told at once.
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  TlsStep shake_hands();
  bool is_ready() const { return ready_; }
  /// Reads until `into` is full or nothing is there. What else came of it is told behind the octets.
  TlsStep read(std::span<char> into);
  /// The last read() would have had more to tell, whatever the socket has.
  bool has_more() const { return more_; }
  /// Writes until nothing is left of `from`, which begins with what is not written yet.
  TlsStep write(std::span<const char>& from);
  /// Ends the stream, and waits for the peer to end its own.
  TlsStep finish();

 private:
  TlsStep step_of(int result);

  TlsContext& context_;
  int socket_;
  std::unique_ptr<ssl_st, TlsFree> stream_;
  TlsStep held_;  ///< came behind octets, and is told next
  bool ready_ = false, more_ = false, finished_ = false, failed_ = false;
};

/// Of an errno value, or of an error of TLS.
const char* error_text(int error);

}  // namespace bench
