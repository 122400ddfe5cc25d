// The protocol interpreter's frame: lines in, one command at a time, replies walked along the
// diagrams. The commands themselves are in pi_access, pi_parameters, pi_service and pi_information.
#include "core/pi.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "core/control_characters.hpp"
#include "core/limits.hpp"
#include "core/path.hpp"
#include "core/pi_reply.hpp"
#include "core/text.hpp"

namespace core {

namespace {

constexpr Moment second = 1'000'000'000;

/// A command that changes files or names when it is done.
bool changes(const CommandRow& row) {
  using enum Right;
  return row.right == write || row.right == remove || row.right == rename || row.right == make_dir;
}

}  // namespace

Pi::Pi(std::shared_ptr<const Config> config, const Endpoint& local, const Endpoint& peer, Moment now)
    : config_(std::move(config)),
      local_(unmapped(local)),
      peer_(unmapped(peer)),
      login_begun_(now),
      last_activity_(now) {
  default_parameters();
}

void Pi::greet(Moment now) {
  last_activity_ = login_begun_ = now;
  append_reply(output_, Code::service_ready, greeting());
}

void Pi::refuse(Phrase why) {
  append_reply(output_, Code::not_available, say(why));
  close_control();
}

void Pi::receive(std::string_view octets, bool urgent, Moment now) {
  now_ = now;
  if (closing_ || turning_) return;
  reader_.reserve(octets.size());
  // Urgent data without Telnet in it is only a client's way of sending (Ruby's last LF, for one).
  if (urgent && may_hold_telnet(octets)) {
    telnet_.begin_synch();
    drop_typed_ahead();
  }
  while (!octets.empty()) {
    octets.remove_prefix(telnet_.receive(octets, reader_.input(), output_));
    if (telnet_.take_synch()) drop_typed_ahead();
  }
}

// "Exactly one command is taken from the stream" behind a Synch (RFC 959 4.1), whatever waited before it.
void Pi::drop_typed_ahead() {
  reader_.clear();
  holding_ = false;
}

bool Pi::wants_input() const {
  return !closing_ && !input_ended_ && reader_.pending() < limits::input_pending_max &&
         output_.size() < limits::replies_pending_max;
}

std::optional<Action> Pi::next_action(Moment now) {
  now_ = now;
  while (!asked_ && may_take_command()) {
    if (waiting_ == Waiting::more_listing) {
      ask(action::MoreListing{}, &Pi::after_more_listing);
    } else if (draining_ && !transferring()) {
      refuse("The server is shutting down.");
    } else if (!take_line()) {
      if (must_abort_work()) asked_ = action::Abort{};
      if (input_ended_ && !transferring()) close_control();
      break;
    }
  }
  return std::exchange(asked_, std::nullopt);
}

bool Pi::may_take_command() const {
  const bool free = waiting_ == Waiting::nothing || waiting_ == Waiting::more_listing;
  return free && !closing_ && output_.size() < limits::replies_pending_max;
}

// One line, from its octets to its first reply or action. False when there is none to take now.
bool Pi::take_line() {
  if (!holding_) {
    const std::optional<Line> line = reader_.next();
    if (!line) return false;
    last_activity_ = now_;
    held_.assign(line->text);
    held_too_long_ = line->too_long;
    holding_ = true;
  }
  const Command command = split_line(held_);
  const CommandRow* row = find_command(command.verb);
  if (must_wait_for_transfer(row, command)) return false;
  holding_ = false;
  forget_sequences(row);
  if (row == nullptr) {
    const std::string_view why = held_too_long_ ? say("The command line is too long.") : say("Command not recognised.");
    append_reply(output_, Code::unrecognised, why);
    notices_.push_back(
        {.verb = std::string(command.verb), .object = {}, .code = Code::unrecognised, .text = std::string(why)});
  } else {
    run_command(*row, command);
  }
  wipe(std::span(held_));  // it may hold a password
  held_.clear();
  return true;
}

// Where no 1yz has told the client that a command takes long, replies keep their order: only what ends the work acts,
// and what asks for it (RFC 959 4.1.3 has STAT for "the operation in progress").
bool Pi::must_wait_for_transfer(const CommandRow* row, const Command& command) const {
  if (!transferring()) return false;
  if (row == nullptr || row->during_transfer == During::waits) return true;
  return working() && row->handler != &Pi::on_abor && (row->handler != &Pi::on_stat || command.has_argument);
}

// Behind a line that waits ABOR has to wait as well, and would come when there is nothing left to end: the work ends as
// soon as ABOR has come, and ABOR is answered in its turn. Asked once for each work.
bool Pi::must_abort_work() {
  constexpr auto is_abor = [](std::string_view line) {
    const Command command = split_line(line);
    return !command.has_argument && equal_without_case(command.verb, "ABOR");
  };
  if (!working() || aborted_ahead_ || !reader_.holds(is_abor)) return false;
  aborted_ahead_ = true;
  return true;
}

void Pi::run_command(const CommandRow& row, const Command& command) {
  assert(foreground_.row == nullptr);
  foreground_.row = &row;
  foreground_.diagram = row.diagram;
  foreground_.names_path = false;
  const bool secret = row.handler == &Pi::on_pass || row.handler == &Pi::on_acct;
  foreground_.argument.assign(secret ? std::string_view() : command.argument);
  if (may_run(row, command)) (this->*row.handler)(command.argument);
}

// Else it is answered.
bool Pi::may_run(const CommandRow& row, const Command& command) {
  const auto lacks = [&](Right right) { return !account_->rights.has(right); };
  const bool announces = row.handler == &Pi::on_pret;  // its codes are those of another row, which is asked then
  if (row.without_tls != 0 && !offers(row)) {
    reply(static_cast<Code>(row.without_tls), "There is no TLS here.");
  } else if (row.when == When::logged_in && !logged_in()) {
    reply(Code::not_logged_in, "Log in with USER and PASS first.");
  } else if (row.argument == Argument::none && command.has_argument) {
    reply(Code::bad_parameter, "{} takes no argument.", row.verb);
  } else if (row.argument == Argument::required && !command.has_argument) {
    reply(Code::bad_parameter, "Syntax: {} {}", row.verb, row.syntax);
  } else if ((row.right && lacks(*row.right)) || std::ranges::any_of(row.also, lacks)) {
    refuse_file({.error = EACCES});
  } else if (!announces && admits(row, number(Code::need_account_for_storing)) && lacks_account()) {
    reply(Code::need_account_for_storing, "Need account for storing files; send ACCT.");
  } else {
    return announces || !protection_missing(row);
  }
  return false;
}

// RNTO must come right behind RNFR (RFC 959 4.1.3); a line that is no command stands between them too. NOOP and what
// acts during a transfer affect nothing before them. REST waits for its transfer, whatever stands between, and USER for
// PASS: RFC 959 4.1.1 wants PASS right behind USER, but clients ask SYST or FEAT in between, and other servers let
// them.
void Pi::forget_sequences(const CommandRow* row) {
  if (row != nullptr && row->during_transfer == During::acts) return;
  const auto handler = row != nullptr ? row->handler : nullptr;
  if (handler != &Pi::on_rnto) renaming_ = false;
  if (handler != &Pi::on_site) copying_ = false;
}

void Pi::reply(Code code, Phrase phrase) { reply_to(foreground_, code, say(phrase)); }

void Pi::reply_to(Exchange& exchange, Code code, std::string_view text) {
  assert(exchange.row != nullptr && admits(*exchange.row, number(code)));
  const Next then = next(exchange.diagram, number(code));
  assert(then != Next::error);
  append_reply(output_, code, text);
  note(exchange, code, text);
  // A transfer command spends what REST and ALLO said, however it is answered.
  if (exchange.diagram == Diagram::transfer) forget_restart(), allocate_ = 0;
  // "A failure at any point in the sequence necessitates the repetition of the entire sequence" (4.2).
  if (then == Next::failure && exchange.row->during_transfer == During::waits) renaming_ = copying_ = false;
  if (then == Next::wait) {
    exchange.diagram = Diagram::transferring;
    return;
  }
  exchange.row = nullptr;
  if (&exchange == &foreground_) waiting_ = Waiting::nothing;
}

// What is told at the end of a transfer or of a long work is in the log of that.
void Pi::note(const Exchange& exchange, Code code, std::string_view text) {
  constexpr unsigned done = 200, pending = 300, refused = 500;
  const CommandRow& row = *exchange.row;
  const std::span<const CommandRow> site = site_table();
  const bool of_site = &row >= site.data() && &row < site.data() + site.size();
  const bool changed =
      number(code) >= done && number(code) < pending && (of_site ? row.right.has_value() : changes(row));
  if (&exchange == &transfer_ || (number(code) < refused && !changed)) return;
  std::string object = exchange.names_path ? quoted(path_) : exchange.argument;
  if (row.handler == &Pi::on_rnto && changed) object = fmt::format("{} to {}", quoted(rename_from_), object);
  notices_.push_back({.verb = fmt::format("{}{}", of_site ? "SITE " : "", row.verb),
                      .object = std::move(object),
                      .code = code,
                      .text = std::string(text)});
}

void Pi::refuse_file_to(Exchange& exchange, const Outcome& outcome) {
  const CommandRow& row = *exchange.row;
  const Refusal why = refusal(outcome.error, row.creates);
  // What an errno suggests and the command's list lacks becomes the plain "not available", or for RNTO,
  // which lacks that as well, "not allowed".
  const Code plain = admits(row, number(Code::unavailable)) ? Code::unavailable : Code::name_not_allowed;
  reply_to(exchange, admits(row, number(why.code)) ? why.code : plain, say(why.text));
}

void Pi::ask(const Action& action, After after) {
  assert(!asked_);
  asked_ = action;
  after_ = after;
  waiting_ = Waiting::outcome;
}

void Pi::on_outcome(const Outcome& outcome, Moment now) {
  now_ = now;
  last_activity_ = now;
  assert(waiting_ == Waiting::outcome && after_ != nullptr);
  (this->*std::exchange(after_, nullptr))(outcome);
}

void Pi::wait_for_transfer_end(After after) {
  after_ = after;
  waiting_ = Waiting::transfer_end;
}

// True between the first and the last line of STAT's listing. Replies are not nested (RFC 959 4.2).
bool Pi::inside_listing() const { return waiting_ == Waiting::more_listing || after_ == &Pi::after_more_listing; }

void Pi::on_transfer_end(const TransferEnd& end, Moment now) {
  now_ = now;
  last_activity_ = now;
  if (inside_listing()) {
    unreported_ = end;
  } else {
    finish_transfer(end);
  }
}

bool Pi::may_take_marker() const { return !inside_listing() && output_.size() < limits::replies_pending_max; }

void Pi::on_marker(std::string_view sender, std::string_view own, Moment now) {
  now_ = now;
  reply_to(transfer_, Code::restart_marker, fmt::format("MARK {} = {}", sender, own));
}

void Pi::finish_transfer(const TransferEnd& end) {
  using Cause = TransferEnd::Cause;
  switch (end.cause) {
    case Cause::complete:
      reply_to(transfer_, end.stays_open ? Code::file_action_okay : Code::closing_data, say("Transfer complete."));
      break;
    case Cause::no_connection: reply_to(transfer_, Code::cannot_open_data, say("Can't open data connection.")); break;
    case Cause::not_secured:
      reply_to(transfer_, Code::data_not_secured, say("The TLS handshake on the data connection failed."));
      break;
    case Cause::not_resumed:
      reply_to(transfer_, Code::data_not_secured,
               say("The data connection must resume the TLS session of the control connection."));
      break;
    case Cause::aborted: reply_to(transfer_, Code::transfer_aborted, say("Transfer aborted.")); break;
    case Cause::stalled:
      reply_to(transfer_, Code::transfer_aborted,
               say("The data connection moved nothing for too long; transfer aborted."));
      break;
    case Cause::broken:
    case Cause::file_error: {
      const Refusal why = transfer_refusal(end.error, end.cause == Cause::file_error);
      const Code code = admits(*transfer_.row, number(why.code)) ? why.code : Code::local_error;
      reply_to(transfer_, code, say(why.text));
    }
  }
  progress_ = {};
  if (waiting_ == Waiting::transfer_end) (this->*std::exchange(after_, nullptr))({});
}

// The exchange goes where a transfer's does: what follows waits for its end.
void Pi::begin_work(const WorkSpec& spec, After at_end) {
  assert(!asked_ && foreground_.row->lasts);
  asked_ = action::BeginWork{spec};
  working_ = at_end;
  aborted_ahead_ = false;
  transfer_ = std::exchange(foreground_, {});
  waiting_ = Waiting::nothing;
}

void Pi::on_work_end(const Outcome& outcome, Moment now) {
  now_ = now;
  last_activity_ = now;
  assert(working());
  (this->*std::exchange(working_, nullptr))(outcome);
  progress_ = {};
  if (waiting_ == Waiting::transfer_end) (this->*std::exchange(after_, nullptr))({});
}

// Then it is answered.
bool Pi::work_failed(const Outcome& outcome) {
  if (outcome.error == ECANCELED) {
    reply_to(transfer_, Code::transfer_aborted, say("Aborted."));
  } else if (outcome.error != 0) {
    refuse_file_to(transfer_, outcome);
  }
  return outcome.error != 0;
}

SessionSight Pi::sight(Moment now) const {
  const CommandRow* row = transferring() ? transfer_.row : foreground_.row;
  return {.id = 0,
          .user = std::string(user()),
          .client = client_,
          .doing = row != nullptr ? std::string(row->verb) : std::string(),
          .peer = peer_,
          .quiet_ns = now - last_activity_};
}

Moment Pi::deadline() const {
  if (closing_) return INT64_MAX;
  if (waiting_ == Waiting::delay) return delayed_until_;
  const bool moving = transferring() && !unreported_;
  if (moving || waiting_ == Waiting::outcome) return INT64_MAX;
  return std::min(idle_until(), login_until());
}

Moment Pi::idle_until() const {
  const std::int64_t idle_s = idle_timeout_s_.value_or(config().limits.idle_timeout_s);
  return idle_s == 0 ? INT64_MAX : last_activity_ + idle_s * second;
}

// Whatever else is sent: who has not logged in by then holds a session for nothing.
Moment Pi::login_until() const {
  const std::int64_t login_s = config().limits.login_timeout_s;
  return logged_in() || login_s == 0 ? INT64_MAX : login_begun_ + login_s * second;
}

void Pi::on_time(Moment now) {
  now_ = now;
  if (now < deadline()) return;
  if (inside_listing()) return close_control();  // the client reads nothing, and a 421 would stand inside the reply
  if (waiting_ != Waiting::delay)
    return now < idle_until() ? refuse("You did not log in in time.") : refuse("Idle for too long; good-bye.");
  if (login_failures_ >= config().limits.login_failures) return refuse("Too many failed logins.");
  reply(Code::not_logged_in, "Login incorrect.");
}

void Pi::end_input(Moment now) {
  now_ = now;
  input_ended_ = true;
}

void Pi::shut_down(Moment now) {
  now_ = now;
  draining_ = true;
}

bool Pi::resolve(std::string_view argument) {
  std::optional<std::string> path = resolve_path(directory_, argument);
  if (!path) {
    refuse_file({.error = ENAMETOOLONG});
    return false;
  }
  if (has_temporary_name(*path)) {  // another's upload, or a file that no listing would show
    refuse_file({.error = EINVAL});
    return false;
  }
  path_ = std::move(*path);
  foreground_.names_path = true;
  return true;
}

bool Pi::resolve_new(std::string_view argument) { return resolve(argument) && may_be_made(path_); }

// Nobody sees such a name as it is: replies and LIST show "?" and NLST leaves it out (listable()).
bool Pi::may_be_made(std::string_view name) {
  if (config().uploads.control_characters || !has_control(name)) return true;
  reply(Code::name_not_allowed, "Control characters are not allowed in new names.");
  return false;
}

bool Pi::resolve_many(std::span<const std::string> arguments, std::vector<std::string>& paths) {
  paths.clear();
  for (const std::string& argument : arguments) {
    if (!resolve(argument)) return false;
    paths.push_back(path_);
  }
  return true;
}

// SITE UMASK takes bits from what programs ask for on this system; without it the configuration says all.
std::uint32_t Pi::file_mode() const {
  return umask_ ? 0666 & ~*umask_ : static_cast<std::uint32_t>(config().uploads.file_mode);
}
std::uint32_t Pi::directory_mode() const {
  return umask_ ? 0777 & ~*umask_ : static_cast<std::uint32_t>(config().uploads.directory_mode);
}

void Pi::default_parameters() {
  directory_ = "/";
  as_ = {.level = default_level()};
  hash_ = {};
  epsv_only_ = false;
  facts_ = FactSet::defaults();
  client_.clear();
}

void Pi::forget_restart() {
  restart_ = 0;
  restart_state_.clear();
  range_.reset();
}

}  // namespace core
