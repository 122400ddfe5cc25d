// Access control commands: USER PASS ACCT CWD CDUP SMNT REIN QUIT. RFC 959 4.1.1, RFC 2577.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "core/pi_reply.hpp"

namespace core {

// A new USER begins login anew and keeps the transfer parameters. Whether the name exists shows
// nowhere: the answer is the same, and so is the time until PASS fails (RFC 2577 7).
void Pi::on_user(std::string_view argument) {
  log_out();
  user_name_.assign(argument);
  account_ = accounts().find(argument);
  by_certificate_ = account_ != nullptr && certificate_suits(*account_);
  const bool password_needed = account_ == nullptr || account_->asks_password();
  if (by_certificate_ || !password_needed) return password_accepted();
  login_ = Login::password_wanted;
  reply(Code::need_password, "User name okay, need password.");
}

void Pi::on_pass(std::string_view argument) {
  if (logged_in() && (by_certificate_ || !account_->asks_password()))
    return reply(Code::superfluous, "No password is needed.");
  if (login_ != Login::password_wanted) return reply(Code::bad_sequence, "Send USER first.");
  login_ = Login::user_wanted;
  if (account_ != nullptr && account_->anonymous) return password_accepted();
  secret_.assign(argument);
  tried_at_ = now_;
  const bool known = account_ != nullptr && !account_->password_hash.empty();
  const std::string_view hash = known ? account_->password_hash : accounts().decoy_hash(user_name_);
  ask(action::Verify{hash, secret_.view(), user_name_}, &Pi::after_verify);
}

void Pi::after_verify(const Outcome& outcome) {
  secret_.clear();
  if (outcome.error == EBUSY) return refuse("Too many log ins are waiting; try again later.");
  if (outcome.error == ENOMEM) {
    log_out();
    return reply(Code::local_error, "The password cannot be verified now; try again later.");
  }
  const bool known = account_ != nullptr && !account_->password_hash.empty();
  if (outcome.error == 0 && known) return password_accepted();
  fail_login();
}

void Pi::password_accepted() {
  if (account_->account.empty() || account_->account_for != AccountFor::login) return enter();
  login_ = Login::account_wanted;
  reply(Code::need_account, "Need account for login.");
}

void Pi::on_acct(std::string_view argument) {
  if (login_ == Login::done && !lacks_account()) return reply(Code::superfluous, "No account is needed.");
  if (login_ == Login::done) {
    account_given_ = same_secret(argument, account_->account);
    tried_at_ = now_;
    return account_given_ ? reply(Code::logged_in, "Account accepted; you may store files.") : refuse_late();
  }
  if (login_ != Login::account_wanted) return reply(Code::bad_sequence, "Send USER and PASS first.");
  login_ = Login::user_wanted;
  tried_at_ = now_;
  if (same_secret(argument, account_->account)) return enter();
  fail_login();
}

// RFC 959 4.1.1: an account may be needed for storing files alone, and given at any time.
bool Pi::lacks_account() const {
  return account_->account_for == AccountFor::storing && !account_->account.empty() && !account_given_;
}

void Pi::enter() {
  action::EnterRoot wanted{.account = account_, .root = &account_->root};
  if (account_->create_root) wanted.make_with_mode = directory_mode();
  ask(wanted, &Pi::after_enter_root);
}

void Pi::after_enter_root(const Outcome& outcome) {
  if (outcome.error != 0) {
    log_out();
    // What is missing stays so until somebody mends it; what the server lacks may be there the next time.
    const bool lasts = refusal(outcome.error, false).code == Code::unavailable;
    return reply(lasts ? Code::not_logged_in : Code::local_error, "Your directory cannot be opened now.");
  }
  login_ = Login::done;
  directory_ = "/";
  // 232 answers USER alone (RFC 2228 5).
  const bool at_once = by_certificate_ && foreground_.row->handler == &Pi::on_user;
  reply(at_once ? Code::authorized_by_tls : Code::logged_in, "User {} logged in.", account_->name);
}

void Pi::log_out() {
  if (logged_in()) login_begun_ = now_;
  login_ = Login::user_wanted;
  account_ = nullptr;
  account_given_ = false;
  by_certificate_ = false;
  renaming_ = false;
  copying_ = false;
  idle_timeout_s_.reset();
  umask_.reset();
  forget_restart();
  allocate_ = 0;
}

void Pi::fail_login() {
  log_out();
  refuse_late();
}

// The answer comes late, which slows guessing down and holds up nobody else (RFC 2577 5). The time runs from PASS on,
// so that it does not show what the hash cost.
void Pi::refuse_late() {
  ++login_failures_;
  waiting_ = Waiting::delay;
  delayed_until_ = tried_at_ + config().limits.login_failure_delay_ms * 1'000'000;
}

void Pi::on_cwd(std::string_view argument) {
  if (resolve(argument)) ask(action::Look{.path = path_, .to_enter = true}, &Pi::after_cwd);
}

void Pi::on_cdup(std::string_view) {
  path_ = parent_path(directory_);
  ask(action::Look{.path = path_, .to_enter = true}, &Pi::after_cwd);
}

void Pi::after_cwd(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  if (outcome.entry.kind != Entry::Kind::directory) return refuse_file({.error = ENOTDIR});
  directory_ = path_;
  reply(Code::file_action_okay, "Directory is now {}.", quoted(directory_));
}

// One of the user's mounts becomes "/"; "/" itself is the root of the login.
void Pi::on_smnt(std::string_view argument) {
  if (account_->mounts.empty())
    return reply(Code::superfluous, "You have one file system structure, and it is mounted.");
  const std::string_view name = argument.substr(argument.starts_with('/') ? 1 : 0);
  const auto mount = std::ranges::find(account_->mounts, name, &Mount::name);
  if (!name.empty() && mount == account_->mounts.end()) return reply(Code::unavailable, "No such structure.");
  ask(action::EnterRoot{.account = account_, .root = name.empty() ? &account_->root : &mount->root}, &Pi::after_smnt);
}

void Pi::after_smnt(const Outcome& outcome) {
  if (outcome.error != 0) return refuse_file(outcome);
  directory_ = "/";
  reply(Code::file_action_okay, "Structure mounted; the directory is \"/\".");
}

void Pi::on_rein(std::string_view) { ask(action::DropData{}, &Pi::after_rein); }

void Pi::after_rein(const Outcome&) {
  log_out();
  default_parameters();
  features_asked_ = false;  // another client may follow
  forget_data_protection();
  const bool stays_secured = implicit_ && tls_ == Tls::on;
  if (!stays_secured) server_name_.clear();
  select_host({});
  reply(Code::service_ready, "Service ready for new user.");
  // The reply goes under TLS still (RFC 4217 13). On a listener of implicit TLS there is nothing to go back to.
  if (stays_secured) return;
  const bool under_tls = std::exchange(tls_, Tls::off) == Tls::on;
  if (under_tls) end_tls();
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
