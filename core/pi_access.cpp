// Access control commands: USER PASS ACCT CWD CDUP REIN QUIT. RFC 959 4.1.1, RFC 2577.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/path.hpp"
#include "core/pi.hpp"

namespace core {

// A new USER begins login anew and keeps the transfer parameters. Whether the name exists shows
// nowhere: the answer is the same, and so is the time until PASS fails (RFC 2577 7).
void Pi::on_user(std::string_view argument) {
  log_out();
  account_ = config().accounts.find(argument);
  if (account_ != nullptr && !account_->anonymous && account_->password_hash.empty()) return password_accepted();
  login_ = Login::password_wanted;
  reply(Code::need_password, "User name okay, need password.");
}

void Pi::on_pass(std::string_view argument) {
  if (login_ != Login::password_wanted) return reply(Code::bad_sequence, "Send USER first.");
  login_ = Login::user_wanted;
  if (account_ != nullptr && account_->anonymous) return password_accepted();
  secret_.assign(argument);
  ask(action::Verify{account_ != nullptr ? std::string_view(account_->password_hash) : decoy_hash(), secret_},
      &Pi::after_verify);
}

void Pi::after_verify(const Outcome& outcome) {
  std::ranges::fill(secret_, '\0');
  secret_.clear();
  if (outcome.error == 0 && account_ != nullptr) return password_accepted();
  fail_login();
}

// Any user's hash, so that an unknown name costs the same work.
std::string_view Pi::decoy_hash() const {
  for (const Account& account : config().accounts.all())
    if (!account.password_hash.empty()) return account.password_hash;
  return "$6$millrace$decoy";  // nobody has a password: there is nothing to guess
}

void Pi::password_accepted() {
  if (account_->account.empty()) return enter();
  login_ = Login::account_wanted;
  reply(Code::need_account, "Need account for login.");
}

void Pi::on_acct(std::string_view argument) {
  if (login_ == Login::done) return reply(Code::superfluous, "No account is needed.");
  if (login_ != Login::account_wanted) return reply(Code::bad_sequence, "Send USER and PASS first.");
  login_ = Login::user_wanted;
  if (argument == account_->account) return enter();
  fail_login();
}

void Pi::enter() { ask(action::EnterRoot{account_}, &Pi::after_enter_root); }

void Pi::after_enter_root(const Outcome& outcome) {
  if (outcome.error != 0) {
    log_out();
    return reply(Code::local_error, "Your directory cannot be opened now.");
  }
  login_ = Login::done;
  login_failures_ = 0;
  directory_ = "/";
  reply(Code::logged_in, fmt::format("User {} logged in.", account_->name));
}

void Pi::log_out() {
  login_ = Login::user_wanted;
  account_ = nullptr;
  renaming_ = false;
  restart_ = 0;
}

// The answer comes late, which slows guessing down and holds up nobody else (RFC 2577 5).
void Pi::fail_login() {
  log_out();
  ++login_failures_;
  waiting_ = Waiting::delay;
  delayed_until_ = now_ + config().limits.login_failure_delay_ms * 1'000'000;
}

void Pi::on_cwd(std::string_view argument) {
  if (resolve(argument)) ask(action::Look{path_}, &Pi::after_cwd);
}

void Pi::on_cdup(std::string_view) {
  path_ = parent_path(directory_);
  ask(action::Look{path_}, &Pi::after_cwd);
}

void Pi::after_cwd(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  if (outcome.entry.kind != Entry::Kind::directory) return refuse_file({.error = ENOTDIR});
  directory_ = path_;
  reply(Code::file_action_okay, fmt::format("Directory is now {}.", quoted(directory_)));
}

void Pi::on_rein(std::string_view) { ask(action::DropData{}, &Pi::after_rein); }

void Pi::after_rein(const Outcome&) {
  log_out();
  default_parameters();
  reply(Code::service_ready, "Service ready for new user.");
}

// During a transfer the connection stays until the transfer's final reply is sent.
void Pi::on_quit(std::string_view) {
  if (transferring()) return wait_for_transfer_end(&Pi::after_quit);
  after_quit({});
}

void Pi::after_quit(const Outcome&) {
  reply(Code::closing_control, "Good-bye.");
  close_control();
}

}  // namespace core
