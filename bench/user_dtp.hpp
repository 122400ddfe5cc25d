// The user-DTP: one data connection, and what becomes of the octets on it. Knows streams and blocks, rates and
// checksums; must not know commands or replies. RFC 959 3.2, 3.4.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/checksum.hpp"
#include "bench/connection.hpp"
#include "bench/statistics.hpp"
#include "core/codec/codec.hpp"

namespace bench {

class UserDtp;

class UserDtpOwner {
 public:
  virtual void on_data_open(UserDtp& dtp) = 0;
  /// So many octets came or went just now.
  virtual void on_data_octets(std::uint64_t octets) = 0;
  /// MODE B: a whole file has come, others may follow.
  virtual void on_file(const Copy& file) = 0;
  /// Nothing more will come or go: the file's end (0), or what error_text() knows. The owner has to close().
  virtual void on_data_end(UserDtp& dtp, int error) = 0;
  virtual void on_data_closed(UserDtp& dtp) = 0;

 protected:
  ~UserDtpOwner() = default;
};

/// What becomes of octets that come.
enum class Sink : std::uint8_t {
  discard,  ///< dropped in the kernel
  copy,     ///< copied to user space and dropped there
  check,    ///< a checksum is taken
  keep,     ///< kept, as text
  blocks,   ///< MODE B: files behind each other, a checksum of each
};

class UserDtp final : ConnectionOwner {
 public:
  /// `session`: with TLS, resuming this.
  UserDtp(Context& context, UserDtpOwner& owner, TlsSession* session);

  /// Makes ready for another data connection. `rate`: octets a second that are taken at most, 0: all; with
  /// Sink::discard only. `first_read`: when a held stream reads first, so that many do not read at once.
  void prepare(Sink sink, double rate = 0, io::Time first_read = 0);
  void connect(const io::Address& to, const io::Address* from);
  std::expected<io::Address, int> listen(const io::Address& at);

  void receive();
  /// Sends `octets` octets of noise and ends the stream.
  void send(std::uint64_t octets);
  /// Nothing is left to be sent, though the other end may have to take it still.
  bool has_sent_all() const { return has_sent_all_; }
  void close();

  bool is_closed() const { return connection_.is_closed(); }
  bool is_open() const { return connection_.is_open() && !connection_.is_closing(); }
  Copy copy() const { return {octets_, checksum_.value()}; }
  const std::string& text() const { return text_; }
  /// The server owed more than a second's octets at some moment since the last prepare() with a rate.
  bool fell_behind() const { return behind_; }
  void forget_behind() { behind_ = false; }

 private:
  void on_open() override { owner_.on_data_open(*this); }
  void on_received(std::span<const char> octets) override;
  void on_discarded(std::size_t octets, bool end) override;
  void on_sent(std::size_t octets) override;
  void on_end(int error) override;
  void on_closed() override { owner_.on_data_closed(*this); }

  void on_pace();
  bool decode(std::span<const char> octets);
  void secure();
  void send_some();

  Context& context_;
  UserDtpOwner& owner_;
  Connection connection_;
  TlsSession* session_;
  Sink sink_ = Sink::discard;
  std::uint64_t octets_ = 0;
  std::uint64_t left_ = 0;  ///< octets still to be sent
  bool has_sent_all_ = false;
  Checksum checksum_;
  std::string text_;
  std::unique_ptr<core::Codec> decoder_;

  double rate_ = 0;       ///< octets a second
  double allowance_ = 0;  ///< octets that may be read now: a token bucket of one second
  io::Time filled_ = 0;   ///< when the allowance was last counted
  bool behind_ = false;
  io::Timer pace_timer_;
};

}  // namespace bench
