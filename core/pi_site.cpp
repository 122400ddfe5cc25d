// SITE, whose subcommands have rows as commands have (core/command.cpp). RFC 959 4.1.3 leaves them to each site; these
// are the ones that clients know from other servers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include "core/path.hpp"
#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {
namespace {

// SITE WHO's reply waits in memory until the client takes it.
constexpr std::size_t sessions_shown_max = 200;
constexpr std::int64_t idle_timeout_most_s = 604'800;

// "755 name" -> {"755", "name"}; the name keeps its blanks.
std::pair<std::string_view, std::string_view> split_first(std::string_view text) {
  const std::size_t space = text.find(' ');
  return {text.substr(0, space), space == std::string_view::npos ? std::string_view() : text.substr(space + 1)};
}

struct TimeToSet {
  FileTime modified;
  std::string_view pathname;
};

// "20200102030405 name", or "202001020304 name" without seconds.
std::optional<TimeToSet> parse_short_utime(std::string_view argument) {
  constexpr std::size_t without_seconds = 12;
  const auto [time, pathname] = split_first(argument);
  const auto modified = parse_time_value(time.size() == without_seconds ? std::string(time) + "00" : std::string(time));
  if (!modified || pathname.empty()) return std::nullopt;
  return TimeToSet{*modified, pathname};
}

// "name 20200102030405 20200102030405 20200102030405 UTC": accessed, modified, created. The second can be set.
std::optional<TimeToSet> parse_long_utime(std::string_view argument) {
  std::array<std::string_view, 4> behind;  // the zone and the three times, from the end
  for (std::string_view& word : behind) {
    const std::size_t space = argument.rfind(' ');
    if (space == std::string_view::npos) return std::nullopt;
    word = argument.substr(space + 1);
    argument = argument.substr(0, space);
  }
  const auto& [zone, created, modified, accessed] = behind;
  const auto time = parse_time_value(modified);
  const bool times = time && parse_time_value(created) && parse_time_value(accessed);
  if (!times || !equal_without_case(zone, "UTC") || argument.empty()) return std::nullopt;
  return TimeToSet{*time, argument};
}

std::string describe(const SessionSight& session) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  return fmt::format("{:>6}  {:<16} {:<24} {:<6} quiet for {} s{}{}", session.id,
                     session.user.empty() ? "-" : session.user, to_string(session.peer),
                     session.doing.empty() ? "-" : session.doing, session.quiet_ns / second_ns,
                     session.client.empty() ? "" : ", ", session.client);
}

}  // namespace

void Pi::on_site(std::string_view argument) {
  const Command command = split_line(argument);
  const CommandRow* row = find_site_command(command.verb);
  if (row == nullptr) return reply(Code::parameter_not_implemented, "No such SITE subcommand. SITE HELP lists them.");
  foreground_ = {row, row->diagram, std::string(command.argument)};
  if (row->handler != &Pi::on_site_cpto) copying_ = false;
  if (may_run(*row, command)) (this->*row->handler)(command.argument);
}

void Pi::on_site_help(std::string_view argument) {
  if (const CommandRow* row = find_site_command(argument))
    return reply(Code::help, "Syntax: SITE {} {}", row->verb, row->syntax);
  if (!argument.empty()) return reply(Code::bad_parameter, "No such SITE subcommand. SITE HELP lists them.");
  begin_reply(output_, Code::help, say("SITE subcommands:"));
  for (const CommandRow& row : site_table()) continue_reply(output_, fmt::format("{} {}", row.verb, row.syntax));
  reply(Code::help, "End.");
}

// ---- Files ----

void Pi::after_site_change(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  reply(Code::okay, "Command okay.");
}

void Pi::on_site_chmod(std::string_view argument) {
  const auto [mode, pathname] = split_first(argument);
  const auto parsed = parse_mode(mode);
  if (!parsed || pathname.empty())
    return reply(Code::bad_parameter, "Wanted: an octal mode up to 0777, and a pathname.");
  set_facts({.mode = parsed}, pathname, &Pi::after_site_change);
}

void Pi::on_site_utime(std::string_view argument) {
  auto wanted = parse_long_utime(argument);
  if (!wanted) wanted = parse_short_utime(argument);
  if (!wanted)
    return reply(Code::bad_parameter, "Wanted: YYYYMMDDhhmm[ss] and a pathname, or a pathname, three times and UTC.");
  set_facts({.modified = wanted->modified}, wanted->pathname, &Pi::after_site_change);
}

// -p is always on: what is there already is no mistake, as with mkdir -p.
void Pi::on_site_mkdir(std::string_view argument) {
  if (argument.starts_with("-p ")) argument.remove_prefix(3);
  if (!resolve_new(argument)) return;
  begin_work({.kind = WorkSpec::Kind::make_directories, .path = path_, .mode = directory_mode()},
             &Pi::after_site_mkdir);
}

void Pi::after_site_mkdir(const Outcome& outcome) {
  if (!work_failed(outcome)) reply_to(transfer_, Code::file_action_okay, say("The directory is there."));
}

// A link is written so that it leads to the same object for those who see more than this root. It leads out of the root
// once the directory that it stands in is moved up: then it is refused here, and other programs of the host follow it.
void Pi::on_site_symlink(std::string_view argument) {
  const auto words = split_words(argument);
  if (!words || words->size() != 2)
    return reply(Code::bad_parameter,
                 "Wanted: what the link leads to, and its name; names with blanks in double quotes.");
  if (!resolve_many(*words, paths_)) return;
  if (paths_[1] == "/") return refuse_file({.error = EEXIST});
  if (!may_be_made(paths_[1]) || !may_be_made(paths_[0])) return;
  given_ = relative_path(parent_path(paths_[1]), paths_[0]);
  ask(action::MakeLink{paths_[1], given_}, &Pi::after_site_change);
}

// ---- Copies ----

void Pi::on_site_cpfr(std::string_view argument) {
  if (resolve(argument)) ask(action::Look{path_}, &Pi::after_site_cpfr);
}

void Pi::after_site_cpfr(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  if (outcome.entry.kind != Entry::Kind::file) return reply(Code::unavailable, "Only files are copied.");
  copy_from_ = path_;
  copying_ = true;
  reply(Code::pending_further, "Send SITE CPTO with the name of the copy.");
}

void Pi::on_site_cpto(std::string_view argument) {
  if (!std::exchange(copying_, false)) return reply(Code::bad_sequence, "Send SITE CPFR first.");
  if (!resolve_new(argument)) return;
  paths_.assign(1, copy_from_);
  begin_work({.kind = WorkSpec::Kind::copy, .path = path_, .sources = paths_, .mode = file_mode()}, &Pi::after_work);
}

// ---- The session ----

void Pi::on_site_idle(std::string_view argument) {
  const auto& limits = config().limits;
  const std::int64_t most =
      limits.idle_timeout_s == 0 ? idle_timeout_most_s : std::max(limits.idle_timeout_s, limits.idle_timeout_max_s);
  if (!argument.empty()) {
    const auto wanted = parse_number(argument, static_cast<std::uint64_t>(most));
    if (!wanted || *wanted == 0) return reply(Code::bad_parameter, "Wanted: 1 to {} seconds.", most);
    idle_timeout_s_ = static_cast<std::int64_t>(*wanted);
  }
  const std::int64_t now_s = idle_timeout_s_.value_or(limits.idle_timeout_s);
  if (now_s == 0) return reply(Code::okay, "There is no idle limit; it may be 1 to {} seconds.", most);
  reply(Code::okay, "The idle limit is {} seconds; it may be 1 to {}.", now_s, most);
}

void Pi::on_site_umask(std::string_view argument) {
  if (!argument.empty()) {
    const auto mask = parse_mode(argument);
    if (!mask) return reply(Code::bad_parameter, "Wanted: an octal mask up to 0777.");
    umask_ = mask;
  }
  const std::string of_file = fmt::format("{:04o}", file_mode()),
                    of_directory = fmt::format("{:04o}", directory_mode());
  if (!umask_) return reply(Code::okay, "There is no umask: files get {}, directories {}.", of_file, of_directory);
  reply(Code::okay, "The umask is {}: files get {}, directories {}.", fmt::format("{:03o}", *umask_), of_file,
        of_directory);
}

// ---- The administrator ----

void Pi::on_site_who(std::string_view) { ask(action::ListSessions{sessions_shown_max}, &Pi::after_site_who); }

void Pi::after_site_who(const Outcome& outcome) {
  begin_reply(output_, Code::okay, say("Sessions: number, user, address, command."));
  for (const SessionSight& session : outcome.sessions) continue_reply(output_, describe(session));
  const std::size_t shown = outcome.sessions.size();
  if (config().server.workers == 1) return reply(Code::okay, "{} sessions; {} are shown.", outcome.number, shown);
  reply(Code::okay, "{} sessions, of this worker alone; {} are shown.", outcome.number, shown);
}

void Pi::on_site_kick(std::string_view argument) {
  const auto id = parse_number(argument);
  if (!id) return reply(Code::bad_parameter, "Wanted: the number of a session, from SITE WHO.");
  ask(action::EndSession{*id}, &Pi::after_site_kick);
}

void Pi::after_site_kick(const Outcome& outcome) {
  if (outcome.error == EBUSY) return reply(Code::parameter_not_implemented, "That is this session; send QUIT.");
  if (outcome.error != 0) return reply(Code::unavailable, "There is no such session here.");
  reply(Code::okay, "The session is ended.");
}

}  // namespace core
