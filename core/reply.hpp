// Replies: the codes by their names in the RFCs, their form on the control connection, and the one
// table that turns errno values into codes. RFC 959 4.2, 5.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/phrase.hpp"

namespace core {

enum class Code : std::uint16_t {
  restart_marker = 110,
  data_connection_open = 125,
  file_status_okay = 150,
  okay = 200,
  superfluous = 202,
  system_status = 211,
  directory_status = 212,
  file_status = 213,
  help = 214,
  system_type = 215,
  service_ready = 220,
  closing_control = 221,
  data_connection_stays_open = 225,
  closing_data = 226,
  entering_passive = 227,
  entering_extended_passive = 229,  // RFC 2428
  logged_in = 230,
  authorized_by_tls = 232,  // RFC 2228
  security_agreed = 234,    // RFC 4217 4.2
  file_action_okay = 250,
  path_created = 257,
  need_password = 331,
  need_account = 332,
  pending_further = 350,
  not_available = 421,
  cannot_open_data = 425,
  transfer_aborted = 426,
  security_unavailable = 431,  // RFC 2228
  file_busy = 450,
  local_error = 451,
  insufficient_storage = 452,
  unrecognised = 500,
  bad_parameter = 501,
  not_implemented = 502,
  bad_sequence = 503,
  parameter_not_implemented = 504,
  protection_wanted = 521,     // RFC 4217 10.2
  unsupported_protocol = 522,  // RFC 2428
  data_not_secured = 522,      // RFC 4217 10.2
  not_logged_in = 530,
  need_account_for_storing = 532,
  command_unprotected = 533,  // RFC 2228
  refused_by_policy = 534,    // RFC 2228
  level_not_supported = 536,  // RFC 2228
  unavailable = 550,
  page_type_unknown = 551,
  not_deliverable = 551,  // HASH 3.5, RANG 5
  exceeded_allocation = 552,
  not_permitted = 552,  // the same
  name_not_allowed = 553,
  bad_restart = 554,     // RFC 1123 4.1.3.4
  type_mismatch = 555,   // RFC 1123 4.1.3.4
  against_policy = 556,  // HASH 3.5
};

constexpr unsigned number(Code code) { return static_cast<unsigned>(code); }

/// Appends "ddd text CR LF". Byte 255 is doubled, as Telnet wants. "?" stands for each control character of the text,
/// which may hold a pathname: a line end in it would be the end of a reply to many clients, even as LF alone, and
/// what follows it a reply that the server never gave.
void append_reply(std::string& out, Code code, std::string_view text);

/// A reply of several lines: "ddd-text", inner lines with one blank before them so that none can
/// pass for the last, "ddd text". RFC 959 4.2.
void begin_reply(std::string& out, Code code, std::string_view text);
void continue_reply(std::string& out, std::string_view text);
inline void end_reply(std::string& out, Code code, std::string_view text) { append_reply(out, code, text); }

/// What a refused file command answers, by errno.
struct Refusal {
  Code code;
  Phrase text;
};
/// `creates`: the command would have made the name (STOR, STOU, APPE, RNTO), where section 5.4 has
/// 553 for what is not allowed. Unknown values give 451, "the server's trouble".
Refusal refusal(int error, bool creates);

/// What became of a transfer that had begun: 426 when the peer broke off, 452 and 552 when the
/// storage is full, 551 for an unknown page type, 451 for the rest.
Refusal transfer_refusal(int error, bool file_failed);

}  // namespace core
