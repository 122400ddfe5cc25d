// A client that says what it is told to say, octet by octet if need be, and reads replies as RFC 959
// 4.2 writes them. Knows replies and data connections; must not know what the server should answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/live/live_server.hpp"
#include "tests/live/socket.hpp"

namespace live {

struct Reply {
  int code = 0;
  std::vector<std::string> lines;  ///< without codes and CR LF; Telnet's and the NVT's escapes undone
  std::string text() const;        ///< the lines, each with LF
  bool contains(std::string_view part) const { return text().find(part) != std::string::npos; }
};

class FtpClient {
 public:
  /// Connects; the greeting is still to be read. Empty `from`: the system's choice.
  explicit FtpClient(const LiveServer& server, const std::string& to = "127.0.0.1", const std::string& from = {});
  /// Takes a control connection that stands already.
  explicit FtpClient(Socket control) : control_(std::move(control)) {}

  // ---- The control connection. ----

  void send(std::string_view line);
  /// The next line without CR LF; throws when the connection ends before.
  std::string line();
  /// The next reply, whatever it says.
  Reply reply();
  /// The next reply, which must have that code.
  Reply reply(int code);
  /// Sends a line; its reply must have that code.
  Reply ask(std::string_view line, int code);
  /// Sends a transfer command; its reply must be 125 or 150.
  Reply begin(std::string_view line);
  /// 220, USER and PASS.
  void log_in(std::string_view user = "demo", std::string_view password = "secret");
  Socket& control() { return control_; }
  /// Nothing was said for so long, and nothing is left unread.
  bool silent_for(std::chrono::milliseconds time) const { return unread_.empty() && control_.silent_for(time); }

  // ---- Data connections. ----

  /// EPSV; the connection is made before the transfer command.
  Socket passive();
  std::uint16_t pasv();  ///< the port of 227; its address must be the control connection's
  std::uint16_t epsv();
  Socket connect_to(std::uint16_t port) const;
  bool refuses(std::uint16_t port) const;  ///< nobody listens there, or not any more
  /// PORT or EPRT with the listener's address.
  void aim_at(const Listener& listener);

  // ---- Whole transfers, over EPSV; each checks its replies. ----

  std::string retrieve(std::string_view name) { return fetch("RETR " + std::string(name)); }
  std::string fetch(std::string_view command);
  void store(std::string_view name, std::string_view content) { put("STOR " + std::string(name), content); }
  void put(std::string_view command, std::string_view content);

 private:
  Socket control_;
  std::string unread_;
  std::string transcript_;  ///< of the last replies and commands, for messages
};

/// 220 read, "demo" logged in, TYPE I.
FtpClient logged_in(const LiveServer& server, const std::string& to = "127.0.0.1", const std::string& from = {});

/// The port that a 227 or a 229 names.
std::uint16_t port_in(const std::string& reply);
/// "127,0,0,1,4,1".
std::string host_port(const std::string& address, std::uint16_t port);

}  // namespace live
