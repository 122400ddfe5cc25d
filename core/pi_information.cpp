// Informational commands: SYST STAT HELP NOOP FEAT OPTS, and those known but not implemented.
// RFC 959 4.1.3, RFC 2389.
#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
void Pi::on_syst(std::string_view) { reply_as_is(Code::system_type, "UNIX Type: L8"); }

void Pi::on_noop(std::string_view) { reply(Code::okay, "Command okay."); }

void Pi::on_unimplemented(std::string_view) {
  reply(static_cast<Code>(foreground_.row->codes.front()), "Command not implemented.");
}

// ---- STAT ----

void Pi::on_stat(std::string_view argument) {
  if (argument.empty()) return stat_session();
  if (!logged_in()) return reply(Code::not_logged_in, "Log in with USER and PASS first.");
  if (!account_->rights.has(Right::list)) return reply(Code::unavailable, "Permission denied.");
  // A transfer's actions point into path_ no more once it runs, so a listing may take its place.
  if (!listing_spec(argument, ListFormat::list, listed_)) return;
  if (may_be_pattern(listed_)) return ask(action::Look{path_}, &Pi::after_stat_looked);
  ask(action::ListToControl{listed_}, &Pi::after_stat);
}

void Pi::after_stat_looked(const Outcome& outcome) {
  if (outcome.error != 0) take_as_pattern(listed_);
  ask(action::ListToControl{listed_}, &Pi::after_stat);
}

void Pi::stat_session() {
  begin_reply(output_, Code::system_status, say("{} status", title()));
  continue_reply(output_, say("Connected to {}", address_text(peer_)));
  continue_reply(output_, logged_in() ? say("Logged in as {}", account_->name) : std::string(say("Not logged in")));
  continue_reply(output_,
                 fmt::format("TYPE: {}, STRU: {}, MODE: {}", type_text(as_), letter(as_.structure), letter(as_.mode)));
  if (config().tls.offered())
    continue_reply(output_, say("Control connection: {}, data connections: {}", tls_ == Tls::on ? "TLS" : say("clear"),
                                data_secured_ ? say("private") : say("clear")));
  stat_transfer();
  reply(Code::system_status, "End of status.");
}

void Pi::stat_transfer() {
  const auto& [octets, total, objects, connected] = progress_;
  const std::string_view verb = transferring() ? transfer_.row->verb : std::string_view();
  if (!transferring()) {
    continue_reply(output_, say("No transfer in progress"));
  } else if (!working()) {
    continue_reply(output_, say("{} in progress: {} octets moved, data connection {}", verb, octets,
                                connected ? say("open") : say("being opened")));
  } else if (total > 0) {
    continue_reply(output_, say("{} in progress: {} of {} octets done", verb, octets, total));
  } else {
    continue_reply(output_, say("{} in progress: {} octets, {} objects done", verb, octets, objects));
  }
}

void Pi::after_stat(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  const bool directory = outcome.entry.kind == Entry::Kind::directory;
  listing_code_ = directory ? Code::directory_status : Code::file_status;
  begin_reply(output_, listing_code_,
              directory ? say("Status of the directory follows.") : say("Status of the file follows."));
  waiting_ = Waiting::more_listing;
}

// Lines go out as fast as the client reads them: next_action() asks for more when there is room.
void Pi::after_more_listing(const Outcome& outcome) {
  std::string_view text = outcome.text;
  for (std::size_t end = 0; (end = text.find("\r\n")) != std::string_view::npos; text.remove_prefix(end + 2))
    continue_reply(output_, text.substr(0, end));
  if (!outcome.last && outcome.error == 0) {
    waiting_ = Waiting::more_listing;
    return;
  }
  reply(listing_code_, outcome.error == 0 ? Phrase("End of status.")
                                          : Phrase("End of status; the directory could not be read whole."));
  if (!unreported_) return;
  finish_transfer(*unreported_);
  unreported_.reset();
}

// ---- HELP ----

void Pi::on_help(std::string_view argument) {
  const std::string about = upper(argument);
  if (about == "SITE") return on_site_help({});
  if (about.starts_with("SITE ")) return on_site_help(argument.substr(argument.find(' ') + 1));
  if (const CommandRow* row = about.empty() ? nullptr : find_command(about)) {
    if (!offers(*row)) return reply(Code::not_implemented, "{} is not implemented.", row->verb);
    if (row->handler == &Pi::on_mode) return reply(Code::help, "Syntax: {} {}", row->verb, offered_modes(" | "));
    return reply(Code::help, "Syntax: {} {}", row->verb, row->syntax);
  }
  if (!about.empty()) return reply(Code::bad_parameter, "No such command. HELP alone lists them.");
  begin_reply(output_, Code::help, say("These commands are implemented:"));
  std::string line;
  std::size_t in_line = 0;
  for (const CommandRow& row : command_table()) {
    if (!offers(row)) continue;
    fmt::format_to(std::back_inserter(line), "{:<8}", row.verb);
    if (++in_line % 9 == 0) continue_reply(output_, std::exchange(line, {}));
  }
  if (!line.empty()) continue_reply(output_, line);
  reply(Code::help, "HELP <command> shows its syntax.");
}

// ---- RFC 2389 ----

void Pi::on_feat(std::string_view) {
  features_asked_ = true;
  begin_reply(output_, Code::system_status, say("Features:"));
  for (const CommandRow& row : command_table())
    if (!row.feature.empty() && offers(row)) continue_reply(output_, row.feature);
  for (const CommandRow& row : site_table())
    if (!row.feature.empty()) continue_reply(output_, row.feature);
  continue_reply(output_, hash_feature(hash_));
  continue_reply(output_, feat_line(facts_));
  continue_reply(output_, lang_line(language()));
  for (const char mode : offered_modes(""))
    if (mode != letter(Mode::stream)) continue_reply(output_, fmt::format("MODE {}", mode));
  continue_reply(output_, "TVFS");
  continue_reply(output_, "UTF8");
  reply_as_is(Code::system_status, "End");  // RFC 2389 3.2
}

void Pi::on_opts(std::string_view argument) {
  argument = without_trailing_blank(argument);
  const std::size_t space = argument.find(' ');
  const std::string target = upper(argument.substr(0, space));
  const std::string_view options = space == std::string_view::npos ? std::string_view() : argument.substr(space + 1);
  if (target == "UTF8" && (options.empty() || upper(options) == "ON"))
    return reply(Code::okay, "Names are octets; UTF-8 is always on.");
  if (target == "MLST" && parse_fact_list(options, facts_))
    return reply_as_is(Code::okay, fmt::format("MLST OPTS{}{}", facts_ == FactSet() ? "" : " ", fact_list(facts_)));
  if (target == "HASH") return opts_hash(options);
  if (target == "MODE") return opts_mode(options);
  reply(Code::bad_parameter, "No such option.");
}

}  // namespace core
