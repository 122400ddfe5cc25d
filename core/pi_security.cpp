// Security commands: AUTH PBSZ PROT CCC, and what policy makes of the others. RFC 2228, RFC 4217.
#include <algorithm>
#include <cstdint>

#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {

// Without a certificate there is no TLS, and the commands answer as in a server that has not heard of it. What HELP and
// FEAT list is there: PORT and EPRT are 504 with data.active = false.
bool Pi::offers(const CommandRow& row) const {
  const bool active_only = row.handler == &Pi::on_port || row.handler == &Pi::on_eprt;
  if (active_only && !config().data.active) return false;
  return row.handler != &Pi::on_unimplemented && (row.without_tls == 0 || config().tls.offered());
}

// ---- AUTH ----

// "TLS-C" is a synonym from before RFC 4217 (17).
void Pi::on_auth(std::string_view argument) {
  const std::string mechanism = upper(without_trailing_blank(argument));
  if (mechanism != "TLS" && mechanism != "TLS-C")
    return reply(Code::parameter_not_implemented, "The only mechanism is TLS.");
  if (tls_ == Tls::on) return reply(Code::refused_by_policy, "The connection is under TLS already.");
  ask(action::PrepareTls{host_name_}, &Pi::after_prepare_tls);
}

void Pi::after_prepare_tls(const Outcome& outcome) {
  if (outcome.error != 0) return reply(Code::security_unavailable, "TLS cannot begin now; try again later.");
  ask(action::DropData{}, &Pi::after_auth_dropped);
}

// "Almost as if a REIN command was issued" (RFC 4217 4.2). What was sent ahead of the handshake anybody on the way may
// have sent: it is thrown away.
void Pi::after_auth_dropped(const Outcome&) {
  log_out();
  default_parameters();
  forget_data_protection();
  server_name_.clear();
  choose_host();
  reply(Code::security_agreed, "Begin the TLS handshake.");
  begin_tls();
}

void Pi::begin_tls() {
  turning_ = true;
  drop_typed_ahead();
  telnet_ = {};
  ask(action::BeginTls{}, &Pi::after_begin_tls);
}

void Pi::after_begin_tls(const Outcome& outcome) {
  turning_ = false;
  waiting_ = Waiting::nothing;
  take_up_tls(outcome.names, outcome.server_name);
}

// A handshake for another host than HOST named is nobody's: its certificate says so to the client (RFC 7151 3.2.2). One
// for a host that is down ends as HOST would: who names a host shall not meet another's files.
void Pi::take_up_tls(std::span<const std::string> names, std::string_view server_name) {
  tls_ = Tls::on;
  certificate_names_.assign(names.begin(), names.end());
  server_name_ = lower(server_name);
  if (!host_name_.empty() && !fits_handshake(host_name_)) return refuse("The TLS handshake was for another host.");
  const Config::Host* const named = config().find_host(server_name_);
  if (named != nullptr && named->state == HostState::down)
    return refuse("That host is not available now; try again later.");
  choose_host();
}

void Pi::greet_secured(std::span<const std::string> names, std::string_view server_name, Moment now) {
  implicit_ = true;
  take_up_tls(names, server_name);
  if (!closing()) greet(now);
}

// ---- PBSZ, PROT ----

// TLS streams have no blocks: the only size is 0 (RFC 4217 9).
void Pi::on_pbsz(std::string_view argument) {
  if (tls_ != Tls::on) return reply(Code::bad_sequence, "Send AUTH TLS first.");
  const auto size = parse_number(without_trailing_blank(argument));
  if (!size || *size > UINT32_MAX) return reply(Code::bad_parameter, "Wanted: a number below 2^32.");
  buffer_size_known_ = true;
  reply_as_is(Code::okay, "PBSZ=0");
}

void Pi::on_prot(std::string_view argument) {
  if (tls_ != Tls::on || !buffer_size_known_) return reply(Code::bad_sequence, "Send AUTH TLS and PBSZ first.");
  const std::string level = upper(without_trailing_blank(argument));
  if (level == "S" || level == "E") return reply(Code::level_not_supported, "TLS has the levels C and P alone.");
  if (level != "C" && level != "P") return reply(Code::parameter_not_implemented, "The levels are C and P.");
  if (level == "C" && config().tls.require == "data")
    return reply(Code::refused_by_policy, "Data connections must be protected; send PROT P.");
  data_secured_ = level == "P";
  if (data_secured_) return reply(Code::okay, "Data connections are private.");
  reply(Code::okay, "Data connections are clear.");
}

// ---- CCC ----

void Pi::on_ccc(std::string_view) {
  if (!config().tls.ccc) return reply(Code::unrecognised, "CCC is not allowed here.");
  if (tls_ != Tls::on) return reply(Code::command_unprotected, "The connection is not under TLS.");
  if (config().tls.require != "never" && !logged_in())
    return reply(Code::refused_by_policy, "Not before you have logged in.");
  reply(Code::okay, "The control connection is clear from here on.");
  tls_ = Tls::cleared;
  end_tls();
}

// What came behind the command under TLS is not "in plaintext", and what came in plain text was too early.
void Pi::end_tls() {
  turning_ = true;
  drop_typed_ahead();
  ask(action::EndTls{}, &Pi::after_end_tls);
}

void Pi::after_end_tls(const Outcome&) {
  turning_ = false;
  waiting_ = Waiting::nothing;
}

// The initial state of data connections is Clear (RFC 4217 9).
void Pi::forget_data_protection() {
  buffer_size_known_ = false;
  data_secured_ = false;
}

// ---- Policy ----

// RFC 4217 10.1: who sends a name or a password in the clear is refused; 10.2: and who opens a data connection so.
bool Pi::protection_missing(const CommandRow& row) {
  const std::string& require = config().tls.require;
  const bool tells_secrets = row.handler == &Pi::on_user || row.handler == &Pi::on_pass || row.handler == &Pi::on_acct;
  if (tells_secrets && require != "never" && tls_ != Tls::on) {
    reply(Code::refused_by_policy, "Send AUTH TLS first.");
    return true;
  }
  if (admits(row, number(Code::protection_wanted)) && require == "data" && !data_secured_) {
    reply(Code::protection_wanted, "The data connection must be protected; send AUTH, PBSZ and PROT P.");
    return true;
  }
  return false;
}

// The name was verified with the certificate: no password is needed (RFC 4217 12.2).
bool Pi::certificate_suits(const Account& account) const {
  return tls_ == Tls::on && !account.certificate.empty() &&
         std::ranges::find(certificate_names_, account.certificate) != certificate_names_.end();
}

}  // namespace core
