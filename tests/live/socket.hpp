// A blocking TCP socket for tests: every wait has one generous limit, and going over it throws.
// Knows addresses, FIN, RST and urgent data; must not know FTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace live {

/// No test may fail because the machine was slow: what has not come after this is not coming.
inline constexpr std::chrono::seconds patience{20};

void pause_between_looks();

/// Asks until `condition` holds; false when it does not within the limit.
template <typename Condition>
bool eventually(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    pause_between_looks();
  }
  return true;
}

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  /// `from` with a port of 0 leaves the choice to the system; empty `from`: the address too.
  static Socket connect(const std::string& to, std::uint16_t port, const std::string& from = {},
                        std::uint16_t from_port = 0);
  /// Bound with SO_REUSEADDR and not connected; for those who want to connect or listen from there.
  static Socket bound(const std::string& at, std::uint16_t port);
  void connect_to(const std::string& to, std::uint16_t port);
  /// Begins to connect and does not wait for it.
  static Socket connecting(const std::string& to, std::uint16_t port);
  void listen(int backlog = 16);
  Socket accept();  ///< waits for the next one to come

  void send(std::string_view octets);
  /// Each octet as a segment of its own, the next one only when the peer's system has the last.
  void send_one_by_one(std::string_view octets);
  /// The last octet is urgent (MSG_OOB).
  void send_urgent(std::string_view octets);
  /// What the system takes now; 0 when it takes nothing.
  std::size_t send_some(std::string_view octets);

  /// At least one octet; empty at the end of the stream.
  std::string receive(std::size_t most = 64 * 1024);
  std::string receive_all();
  /// Exactly so many, or what came before the end.
  std::string receive_exactly(std::size_t count);
  /// Nothing came and nothing ended for so long.
  bool silent_for(std::chrono::milliseconds time) const;

  struct Ending {
    bool in_order;       ///< FIN; else RST
    std::size_t octets;  ///< that came before
  };
  /// Reads away what comes until the stream ends.
  Ending wait_for_end();

  void finish_sending();  ///< FIN
  void reset();           ///< RST
  void close();

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  std::string local_address() const;
  std::uint16_t local_port() const;
  std::string peer_address() const;
  std::uint16_t peer_port() const;
  /// Small buffers make a peer's system full soon.
  void set_buffers(int octets);

 private:
  int fd_ = -1;
};

/// Listens on a port of the system's choice, or on `port` if it is not 0.
class Listener {
 public:
  explicit Listener(const std::string& address, std::uint16_t port = 0);
  Socket accept() { return socket_.accept(); }
  bool nobody_comes_for(std::chrono::milliseconds time) const { return socket_.silent_for(time); }
  const std::string& address() const { return address_; }
  std::uint16_t port() const { return socket_.local_port(); }

 private:
  std::string address_;
  Socket socket_;
};

/// Accepts no connection and refuses none: its queue is full, so that whoever connects must wait.
class BlackHole {
 public:
  BlackHole();
  std::uint16_t port() const { return socket_.local_port(); }

 private:
  Socket socket_ = Socket::bound("127.0.0.1", 0);
  Socket fillers_[3];
};

}  // namespace live
