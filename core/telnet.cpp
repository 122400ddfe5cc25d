// The Telnet filter as a state machine over octets, with a fast path for text that holds no IAC.
// Knows RFC 854 (commands, Synch), RFC 855 (subnegotiation), RFC 1123 3.2; refuses every option
// (RFC 1123 4.1.2.12). Must not know FTP commands or sockets.
#include "core/telnet.hpp"

namespace core {
namespace {

/// The command codes that mean something here (RFC 854, Telnet command structure); others are removed.
enum TelnetCode : std::uint8_t {
  subnegotiation_end = 240,
  data_mark = 242,
  interrupt_process = 244,
  subnegotiation_begin = 250,
  will_option = 251,
  wont_option = 252,
  do_option = 253,
  dont_option = 254,
  interpret_as_command = 255,
};

constexpr char iac = static_cast<char>(interpret_as_command);

/// An offer or a request is refused. DONT and WONT only confirm what holds anyway: answering them
/// could begin a loop (RFC 854, General Considerations 3).
void refuse(std::uint8_t verb, char option, std::string& answers) {
  const std::uint8_t refusal = verb == do_option ? wont_option : verb == will_option ? dont_option : 0;
  if (refusal == 0) return;
  answers += iac;
  answers += static_cast<char>(refusal);
  answers += option;
}

}  // namespace

bool may_hold_telnet(std::string_view octets) { return octets.find(iac) != std::string_view::npos; }

std::size_t TelnetFilter::receive(std::string_view octets, std::string& text, std::string& answers) {
  std::size_t at = 0;
  while (at < octets.size() && !synch_ended_) {
    if (state_ == State::text || state_ == State::subnegotiation) {
      const std::size_t end = octets.find(iac, at);
      const std::string_view run = octets.substr(at, end == std::string_view::npos ? end : end - at);
      if (state_ == State::text && !synch_) text += run;
      if (state_ == State::text && !run.empty()) interrupted_ = false;
      at += run.size();
      if (at == octets.size()) break;
      state_ = state_ == State::text ? State::command : State::subnegotiation_command;
      ++at;
    } else {
      on_escaped(octets[at++], text, answers);
    }
  }
  return at;
}

void TelnetFilter::on_escaped(char octet, std::string& text, std::string& answers) {
  switch (state_) {
    case State::option:
      refuse(verb_, octet, answers);
      state_ = State::text;
      break;
    case State::subnegotiation_command:
      // IAC IAC is a parameter octet 255. Any other command means that IAC SE was never sent: the
      // command counts, so that a broken subnegotiation cannot swallow the rest of the session.
      if (octet == iac) {
        state_ = State::subnegotiation;
      } else {
        on_command(octet, text);
      }
      break;
    default: on_command(octet, text); break;
  }
}

void TelnetFilter::on_command(char octet, std::string& text) {
  state_ = State::text;
  switch (const auto code = static_cast<std::uint8_t>(octet)) {
    case interpret_as_command:
      if (!synch_) text += iac;
      break;
    case will_option:
    case wont_option:
    case do_option:
    case dont_option:
      verb_ = code;
      state_ = State::option;
      break;
    case subnegotiation_begin: state_ = State::subnegotiation; break;
    case interrupt_process: interrupted_ = true; break;
    case data_mark:
      synch_ended_ = synch_ || interrupted_;
      synch_ = interrupted_ = false;
      break;
    default: break;  // NOP, AO, AYT, EC, EL, GA, SE without SB, and codes below 240
  }
}

}  // namespace core
