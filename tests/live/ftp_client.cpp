// Replies are taken apart strictly: what a lenient client would forgive fails here.
#include "tests/live/ftp_client.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <system_error>

#include "tests/catch.hpp"

namespace live {
namespace {

constexpr std::size_t transcript_size = 2000;

// Octet 255 comes doubled and CR with a NUL (RFC 854).
std::string from_nvt(std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    text += line[i];
    const bool doubled = line[i] == '\xff' && i + 1 < line.size() && line[i + 1] == '\xff';
    const bool padded = line[i] == '\r' && i + 1 < line.size() && line[i + 1] == '\0';
    if (doubled || padded) ++i;
  }
  return text;
}

bool begins_with_code(std::string_view line) {
  return line.size() >= 4 &&
         std::all_of(line.begin(), line.begin() + 3, [](unsigned char c) { return std::isdigit(c); }) &&
         (line[3] == ' ' || line[3] == '-');
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end, from + begin.size());
  if (from == std::string::npos || to == std::string::npos)
    throw std::runtime_error("no " + begin + end + " in: " + text);
  return text.substr(from + begin.size(), to - from - begin.size());
}

}  // namespace

std::string Reply::text() const {
  std::string all;
  for (const std::string& line : lines) (all += line) += '\n';
  return all;
}

FtpClient::FtpClient(const LiveServer& server, const std::string& to, const std::string& from)
    : control_(Socket::connect(to, server.port(), from)) {}

void FtpClient::send(std::string_view line) {
  (transcript_ += "C: ").append(line) += '\n';
  control_.send(std::string(line) + "\r\n");
}

std::string FtpClient::line() {
  std::size_t end = 0;
  while ((end = unread_.find("\r\n")) == std::string::npos) {
    const std::string octets = control_.receive();
    if (octets.empty()) throw std::runtime_error("the control connection ended; so far:\n" + transcript_);
    unread_ += octets;
  }
  const std::string line = from_nvt(std::string_view(unread_).substr(0, end));
  unread_.erase(0, end + 2);
  (transcript_ += "S: ").append(line) += '\n';
  if (transcript_.size() > 2 * transcript_size) transcript_.erase(0, transcript_.size() - transcript_size);
  return line;
}

Reply FtpClient::reply() {
  std::string next = line();
  if (!begins_with_code(next)) throw std::runtime_error("not a reply; so far:\n" + transcript_);
  const std::string code = next.substr(0, 3);
  Reply reply{.code = std::stoi(code), .lines = {next.substr(4)}};
  bool more = next[3] == '-';
  while (more) {
    next = line();
    const bool last = next.starts_with(code + " ");
    // No inner line may pass for the last one of any reply (RFC 959 4.2).
    if (!last && begins_with_code(next)) throw std::runtime_error("nested replies; so far:\n" + transcript_);
    reply.lines.push_back(last ? next.substr(4) : next);
    more = !last;
  }
  return reply;
}

Reply FtpClient::reply(int code) {
  Reply reply = this->reply();
  INFO("so far:\n" << transcript_);
  REQUIRE(reply.code == code);
  return reply;
}

Reply FtpClient::ask(std::string_view line, int code) {
  send(line);
  return reply(code);
}

Reply FtpClient::begin(std::string_view line) {
  send(line);
  Reply reply = this->reply();
  INFO("so far:\n" << transcript_);
  REQUIRE((reply.code == 125 || reply.code == 150));
  return reply;
}

void FtpClient::log_in(std::string_view user, std::string_view password) {
  reply(220);
  ask("USER " + std::string(user), 331);
  ask("PASS " + std::string(password), 230);
}

std::uint16_t FtpClient::pasv() {
  const std::string text = ask("PASV", 227).text();
  const std::uint16_t port = port_in(text);
  CHECK(between(text, "(", ")") == host_port(control_.peer_address(), port));
  return port;
}

std::uint16_t FtpClient::epsv() { return port_in(ask("EPSV", 229).text()); }

Socket FtpClient::connect_to(std::uint16_t port) const {
  return Socket::connect(control_.peer_address(), port, control_.local_address());
}

bool FtpClient::refuses(std::uint16_t port) const {
  try {
    connect_to(port);
    return false;
  } catch (const std::system_error&) {
    return true;
  }
}

Socket FtpClient::passive() { return connect_to(epsv()); }

void FtpClient::aim_at(const Listener& listener) {
  if (listener.address().find(':') == std::string::npos) {
    ask("PORT " + host_port(listener.address(), listener.port()), 200);
  } else {
    ask("EPRT |2|" + listener.address() + "|" + std::to_string(listener.port()) + "|", 200);
  }
}

std::string FtpClient::fetch(std::string_view command) {
  Socket data = passive();
  begin(command);
  std::string content = data.receive_all();
  reply(226);
  return content;
}

void FtpClient::put(std::string_view command, std::string_view content) {
  Socket data = passive();
  begin(command);
  data.send(content);
  data.close();
  reply(226);
}

FtpClient logged_in(const LiveServer& server, const std::string& to, const std::string& from) {
  FtpClient client(server, to, from);
  client.log_in();
  client.ask("TYPE I", 200);
  return client;
}

std::uint16_t port_in(const std::string& reply) {
  if (reply.find("(|||") != std::string::npos)
    return static_cast<std::uint16_t>(std::stoi(between(reply, "(|||", "|)")));
  const std::string numbers = between(reply, "(", ")");
  const std::size_t low = numbers.rfind(','), high = numbers.rfind(',', low - 1);
  return static_cast<std::uint16_t>(256 * std::stoi(numbers.substr(high + 1)) + std::stoi(numbers.substr(low + 1)));
}

std::string host_port(const std::string& address, std::uint16_t port) {
  std::string text = address;
  std::ranges::replace(text, '.', ',');
  return text + ',' + std::to_string(port >> 8) + ',' + std::to_string(port & 0xff);
}

}  // namespace live
