// Extensions on files and sessions: MFMT and MFF (draft-somers-ftp-mfxx), AVBL, DSIZ, RMDA and CSID
// (draft-peterson-streamlined-ftp-command-extensions), and what practice has: CLNT, COMB, PRET.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/path.hpp"
#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

constexpr std::size_t client_name_max = 64;

// What a client calls itself, as SITE WHO shows it on a line: without what would end the line or steer a terminal.
std::string name_of_client(std::string_view text) {
  std::string name(text);
  std::erase_if(name, is_control);
  return name.substr(0, client_name_max);
}

// What a fact's value may not hold.
std::string without_separators(std::string_view text) {
  std::string value(text);
  std::erase_if(value, [](char c) { return c == ';' || c == '='; });
  return value;
}

// The value of "Name=value;" among others, all without case, parted by blanks or not.
std::string_view fact_value(std::string_view facts, std::string_view name) {
  while (!facts.empty()) {
    facts.remove_prefix(std::min(facts.find_first_not_of(' '), facts.size()));
    const std::string_view fact = facts.substr(0, facts.find(';'));
    const std::size_t equals = fact.find('=');
    if (equals != std::string_view::npos && equal_without_case(fact.substr(0, equals), name))
      return fact.substr(equals + 1);
    facts.remove_prefix(std::min(fact.size() + 1, facts.size()));
  }
  return {};
}

}  // namespace

// ---- Facts ----

void Pi::set_facts(const Modification& wanted, std::string_view pathname, After then) {
  modification_ = wanted;
  given_.assign(pathname);
  if (resolve(given_)) ask(action::SetFacts{path_, modification_}, then);
}

void Pi::on_mfmt(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  const auto modified = parse_time_value(argument.substr(0, space));
  if (!modified || space == std::string_view::npos || space + 1 == argument.size())
    return reply(Code::bad_parameter, "Wanted: YYYYMMDDhhmmss, a date that there is, and a pathname.");
  set_facts({.modified = modified}, argument.substr(space + 1), &Pi::after_facts_set);
}

void Pi::on_mff(std::string_view argument) {
  const std::size_t space = argument.find(' ');
  const auto wanted = parse_modification(argument.substr(0, space));
  if (!wanted && !wanted.error().unknown.empty())
    return reply(Code::parameter_not_implemented, "No such fact can be set: {}", wanted.error().unknown);
  if (!wanted || space == std::string_view::npos || space + 1 == argument.size())
    return reply(Code::bad_parameter, "Wanted: name=value; for each fact, and a pathname.");
  // What SITE CHMOD may not do is not to be had this way either.
  if (wanted->mode && !account_->rights.has(Right::site)) return refuse_file({.error = EACCES});
  set_facts(*wanted, argument.substr(space + 1), &Pi::after_facts_set);
}

// What the file system made of it, which may be less exact than what was asked for (3.1, 5.1).
void Pi::after_facts_set(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  std::string facts;
  if (modification_.modified) facts += fmt::format("Modify={};", exact_time_value(outcome.entry.modified));
  if (modification_.mode) facts += fmt::format("UNIX.mode={:04o};", outcome.entry.mode);
  reply_as_is(Code::file_status, fmt::format("{} {}", facts, given_));
}

// ---- Directories ----

void Pi::on_avbl(std::string_view argument) {
  if (resolve(argument)) ask(action::LookForSpace{path_}, &Pi::after_avbl);
}

void Pi::after_avbl(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply_as_is(Code::file_status, std::to_string(outcome.number));
}

void Pi::on_dsiz(std::string_view argument) {
  if (resolve(argument)) begin_work({.kind = WorkSpec::Kind::measure_tree, .path = path_}, &Pi::after_dsiz);
}

void Pi::after_dsiz(const Outcome& outcome) {
  if (!work_failed(outcome)) reply_to(transfer_, Code::file_status, std::to_string(outcome.number));
}

void Pi::on_rmda(std::string_view argument) {
  if (!resolve(argument)) return;
  if (path_ == "/") return refuse_root();
  begin_work({.kind = WorkSpec::Kind::remove_tree, .path = path_}, &Pi::after_work);
}

void Pi::after_work(const Outcome& outcome) {
  if (!work_failed(outcome)) reply_to(transfer_, Code::file_action_okay, say("File action okay, completed."));
}

// As the servers have it that clients know it from: the parts go behind what the target holds, and are gone then.
void Pi::on_comb(std::string_view argument) {
  const auto words = split_words(argument);
  if (!words || words->size() < 2)
    return reply(Code::bad_parameter, "Wanted: a target and its parts, each in double quotes.");
  if (!resolve_many(std::span(*words).subspan(1), paths_) || !resolve_new(words->front())) return;
  std::vector<std::string> different = paths_;
  different.push_back(path_);
  std::ranges::sort(different);
  if (std::ranges::adjacent_find(different) != different.end())
    return reply(Code::bad_parameter, "No file can be in it twice.");
  begin_work({.kind = WorkSpec::Kind::combine, .path = path_, .sources = paths_, .mode = file_mode()}, &Pi::after_work);
}

// ---- Who is who ----

void Pi::on_clnt(std::string_view argument) {
  client_ = name_of_client(argument);
  reply(Code::okay, "Noted.");
}

// "The server-FTP process should return no errors", and no version, which would help attackers alone (6.2, 6.4).
void Pi::on_csid(std::string_view argument) {
  const std::string_view name = fact_value(argument, "Name"), version = fact_value(argument, "Version");
  client_ = name_of_client(fmt::format("{}{}{}", name, version.empty() ? "" : " ", version));
  reply_as_is(Code::okay, fmt::format("Name={}; CaseSensitive=1;", without_separators(config().server.name)));
}

// ---- What comes next ----

// What the command would be refused for, whatever its file, is refused now, before a data connection is made; and RETR
// for its file too.
void Pi::on_pret(std::string_view argument) {
  const Command command = split_line(argument);
  const CommandRow* row = find_command(command.verb);
  if (row == nullptr || row->diagram != Diagram::transfer || !row->right)
    return reply(Code::parameter_not_implemented, "Not a transfer command.");
  if (!may_run(*row, command)) return;
  if (row->handler != &Pi::on_retr) return reply(Code::okay, "{} may come.", row->verb);
  if (resolve(command.argument)) ask(action::Look{path_}, &Pi::after_pret);
}

void Pi::after_pret(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  if (outcome.entry.kind == Entry::Kind::directory) return refuse_file({.error = EISDIR});
  reply(Code::okay, "{} may come.", "RETR");
}

}  // namespace core
