// One connection of a client, TCP or TLS on it: made or accepted, read, written, closed and joined. Control and data
// connections are the same here. Knows ops and descriptors; must not know FTP, or what TLS does with octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "bench/tls.hpp"
#include "io/buffer_pool.hpp"
#include "io/reactor.hpp"

namespace bench {

/// What all users of a worker share.
struct Context {
  io::Reactor& reactor;
  TlsContext* tls = nullptr;  ///< where TLS is wanted
  io::BufferPool control_buffers{4 * 1024, 1024};
  io::BufferPool data_buffers{256 * 1024, 512};
};

/// Whom a connection tells. After each of these the connection is touched no more: the owner may do what it likes.
class ConnectionOwner {
 public:
  virtual void on_open() = 0;                                   ///< connected, or accepted; or secured
  virtual void on_received(std::span<const char> octets) = 0;   ///< after receive(); gone when it returns
  virtual void on_discarded(std::size_t octets, bool end) = 0;  ///< after discard(); `end`: and the stream ended
  virtual void on_sent(std::size_t octets) = 0;                 ///< after send()
  virtual void on_end(int error) = 0;                           ///< 0: of the stream, theirs or ours; or error_text()'s
  virtual void on_closed() = 0;                                 ///< after close(), when nothing is in flight any more

 protected:
  ~ConnectionOwner() = default;
};

class Connection {
 public:
  /// `buffers`: what receive() borrows from when octets are there.
  Connection(Context& context, io::BufferPool& buffers, ConnectionOwner& owner);
  ~Connection();

  /// Connects. `from`: the address to come from, or nullptr. `receive_buffer`: octets, 0: the kernel's default.
  void connect(const io::Address& to, const io::Address* from, int receive_buffer = 0);
  /// TLS from here on, until the connection is closed: at once where it is open, else when it is. `session` is resumed;
  /// with `keeps` it becomes what the server offers.
  void secure(TlsSession& session, bool keeps);
  /// Listens on a port of the kernel's choice and takes the first connection. The address, or an errno value.
  std::expected<io::Address, int> listen(io::Address at);

  void receive();
  /// Reads up to `most` octets without keeping them, as many as are there.
  void discard(std::size_t most);
  void send(std::span<const char> octets);
  /// Nothing will be sent any more: on_end(0) tells when the other end may know it.
  void finish();
  /// Ends at once what is in flight, and tells on_closed(): now, or when all is joined.
  void close();

  /// Octets may go.
  bool is_open() const { return fd_ >= 0 && (session_ == nullptr || (tls_ && tls_->is_ready())); }
  bool is_closing() const { return closing_; }
  /// Nothing is being received, discarded or accepted.
  bool may_read() const { return in_.idle(); }
  /// Nothing is open and nothing in flight.
  bool is_closed() const { return fd_ < 0 && listener_ < 0 && in_.idle() && out_.idle(); }
  io::Address local_address() { return context_.reactor.backend().local_address(fd_); }

 private:
  void on_in_done(io::Op& op);
  void on_out_done(io::Op& op);
  void on_lent(io::Op& op);
  void read_away();
  void shake_hands();
  void await(io::Op& op, short events);
  void await_protected();
  void read_protected();
  void write_protected();
  void close_descriptors();
  bool join();

  Context& context_;
  io::BufferPool& buffers_;
  ConnectionOwner& owner_;
  int fd_ = -1, listener_ = -1;
  bool closing_ = false;
  std::size_t discard_most_ = 0;  ///< TLS: 0 for receive()
  io::Op in_, out_;

  TlsSession* session_ = nullptr;  ///< with TLS
  bool keeps_session_ = false;
  std::unique_ptr<TlsStream> tls_;        ///< from the handshake on
  std::span<const char> to_send_, left_;  ///< TLS: after send(), and what is not written yet
  bool finishing_ = false;
};

}  // namespace bench
