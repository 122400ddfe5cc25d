// TLS between the ops of one connection and its socket: io::Layer. Carries send and recv as records, moves files
// through pooled buffers, or leaves both to the kernel where that encrypts. Knows OpenSSL and ops; must not know FTP.
// RFC 8446, RFC 5246.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/buffer_pool.hpp"
#include "io/reactor.hpp"
#include "net/tls_bio.hpp"
#include "net/tls_context.hpp"

namespace net {

/// What the handshake of a control connection settled, and its data connections have to fit. Outlives CCC.
struct TlsIdentity {
  std::shared_ptr<const TlsContext> context;
  SslContext shown;      ///< with the certificate that the client saw (RFC 4217 15.1.1)
  TlsId id;              ///< of its TLS session
  Certificate client;    ///< that the client showed; nullptr: none
  TlsSession session{};  ///< with TLS 1.2: what its data connections may resume by id
};

class TlsStream final : public io::Layer {
 public:
  /// For a control connection. `reactor` and `buffers`, which files are moved through, must outlive this. `host`: whose
  /// certificate a client is shown that asks for none.
  TlsStream(io::Reactor& reactor, std::shared_ptr<const TlsContext> context, int socket, io::BufferPool& buffers,
            std::string_view host);
  /// For a data connection of the control connection that `identity` is of. `sends`: the kernel may encrypt.
  TlsStream(io::Reactor& reactor, const TlsIdentity& identity, int socket, io::BufferPool& buffers, bool sends);
  ~TlsStream() override;

  /// False: there was no memory for it.
  bool made() const { return ssl_ != nullptr; }

  /// Results of recv, recv_file: 0 behind close_notify, -ECONNRESET when the connection ends without. A send_file
  /// whose buffer is not to be had ends with -ENOBUFS and `file_failed`. Of send and recv one at a time each;
  /// open_stream and end_stream stand in for send.
  void submit(io::Op& op) override;
  void cancel(io::Op& op) override;

  // ---- Behind open_stream. ----

  /// What data connections need of a control connection.
  std::shared_ptr<const TlsIdentity> identity() const;
  /// Whether a data connection resumes the session of its control connection.
  bool resumes(const TlsIdentity& identity) const { return net::resumes(ssl_.get(), identity.id); }
  /// Whether the client showed the certificate that it showed before (RFC 4217 15.1.2).
  bool same_client(const TlsIdentity& identity) const;
  /// Gives the client one more ticket, with what is sent next. For control connections, which clients read.
  void give_ticket();
  /// Whether the kernel encrypts what is sent.
  bool in_kernel() const { return in_kernel_; }
  /// "TLSv1.3 TLS_AES_128_GCM_SHA256", for the log.
  std::string description() const;
  /// Whether the peer has sent anything towards a handshake.
  bool begun() const;
  /// Why the handshake or the connection failed, in OpenSSL's words; empty when the socket did.
  const std::string& reason() const { return reason_; }
  std::vector<std::string> names() const { return client_names(ssl_.get()); }
  /// The host that the client asked for (SNI, RFC 6066 3); empty: none.
  const std::string& server_name() const { return connection_.server_name; }

  /// What there is to be read, as Backend::inbound.
  io::Inbound inbound();
  /// Says the end of the stream if that can be done at once. No sending op may be in flight.
  void end_now();
  /// Behind end_stream: from now on recv passes over records that the peer still sends, its close_notify among them,
  /// until the first octet that begins none. (Some clients never send a close_notify.)
  void leave() { left_ = true; }
  /// True once recv met octets behind the records: the layer is done with.
  bool left_behind() const { return behind_; }

 private:
  /// Reading and writing go on side by side, each one op at a time.
  struct Lane {
    io::Op* op = nullptr;        ///< that was submitted; while there is one, `inner` is in flight
    io::Op inner;                ///< waits for the socket, or is at the file
    std::size_t moved = 0;       ///< octets that the op is going to report
    char* lent = nullptr;        ///< of `buffers`, for file moves
    std::span<const char> held;  ///< octets in it, still to be written
  };

  void set_up(ssl_ctx_st* context, bool kernel);
  bool to_kernel(const io::Op& op) const;
  Lane& lane_of(const io::Op& op);
  void step(Lane& lane);
  void wait(Lane& lane, short events);
  void finish(Lane& lane, std::int32_t result);
  void stop(Lane& lane, std::int32_t result);
  void on_reading_done(io::Op& inner) { on_inner_done(reading_, inner); }
  void on_writing_done(io::Op& inner) { on_inner_done(writing_, inner); }
  void on_inner_done(Lane& lane, io::Op& inner);

  void shake_hands();
  void end_stream();
  void receive();
  void receive_behind();
  std::size_t pass_over_records(std::span<const char> octets);
  void receive_file();
  void write_file();
  void on_file_written(const io::Op& inner);
  void send();
  void send_file();
  void on_file_read(const io::Op& inner);
  void flush();

  /// Octets read; 0 behind close_notify; -EAGAIN: `events_` is to be waited for; or another negative errno.
  std::int32_t read(std::span<char> into);
  std::int32_t encrypt(std::span<const char> from);
  std::int32_t outcome(int result);

  io::Reactor& reactor_;
  io::BufferPool& buffers_;
  std::shared_ptr<const TlsContext> context_;
  TlsContext::Connection connection_;
  int socket_;
  TlsBio bio_;
  Ssl ssl_;
  Lane reading_, writing_;
  short events_ = 0;
  int broken_ = 0;  ///< the errno that all further ops end with
  std::string reason_;
  bool opened_ = false;
  bool drained_ = false;  ///< all that came was looked at: only the socket can bring more
  bool in_kernel_ = false;

  bool left_ = false, behind_ = false;
  std::array<unsigned char, 5> header_{};  ///< of a record that is passed over
  std::size_t header_size_ = 0, record_left_ = 0;
};

}  // namespace net
