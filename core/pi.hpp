// The protocol interpreter of one session: octets of the control connection and results of actions
// in; replies and actions out. Knows the commands; must not know sockets, files, clocks or threads:
// time comes in as an argument. RFC 959 4.1, 5; handlers are in the pi_*.cpp files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/action.hpp"
#include "core/command.hpp"
#include "core/config.hpp"
#include "core/line_reader.hpp"
#include "core/phrase.hpp"
#include "core/reply.hpp"
#include "core/secret.hpp"
#include "core/telnet.hpp"

namespace core {

/// A moment on a monotonic clock, in nanoseconds.
using Moment = std::int64_t;

/// For the log: a command that has changed something, or was refused (5yz), but for transfers and what takes long,
/// which net/ reports.
struct Notice {
  std::string verb;      ///< "DELE", "SITE CHMOD", or what the client wrote for one
  std::string object{};  ///< the paths that it names, else its argument; nothing that is secret
  Code code{};
  std::string text{};  ///< of the reply
};

class Pi {
 public:
  /// `local` and `peer` are the ends of the control connection (ports L and U), which came at `now`.
  Pi(std::shared_ptr<const Config> config, const Endpoint& local, const Endpoint& peer, Moment now = 0);

  // ---- In: what happened. Each entry names the moment. ----

  /// The connection stands: 220.
  void greet(Moment now);
  /// The connection stands and is under TLS since its first octet: 220. `names`: the client's, in its certificate;
  /// `server_name`: the host that it asked for in the handshake, empty: none.
  void greet_secured(std::span<const std::string> names, std::string_view server_name, Moment now);
  /// No service: 421, then the connection closes.
  void refuse(Phrase why);
  /// Octets came. `urgent`: urgent data stands ahead of what was read (RFC 854 Synch).
  void receive(std::string_view octets, bool urgent, Moment now);
  /// The pending action ended.
  void on_outcome(const Outcome& outcome, Moment now);
  /// The transfer that was told to proceed ended.
  void on_transfer_end(const TransferEnd& end, Moment now);
  /// What BeginWork asked for ended; ECANCELED: by Abort.
  void on_work_end(const Outcome& outcome, Moment now);
  /// The transfer was sent a restart marker, and stored all before it: 110 (RFC 1123 4.1.3.4). `sender` is the
  /// marker's text, `own` what REST takes to go on from there. Only while may_take_marker().
  void on_marker(std::string_view sender, std::string_view own, Moment now);
  /// False while so many replies wait, or one is half written, that the transfer has to wait with its markers.
  bool may_take_marker() const;
  /// deadline() has come.
  void on_time(Moment now);
  /// The client sends nothing more: FIN, or close_notify. What it sent is answered, whatever is under way ends with its
  /// reply, then the connection is closing(). A reset is no such end: it acts as ABOR and QUIT (RFC 959 4.1.1).
  void end_input(Moment now);
  bool input_ended() const { return input_ended_; }
  /// The server drains: a transfer may finish, then 421 and the end.
  void shut_down(Moment now);
  /// For STAT: how far the running transfer is.
  void set_progress(const TransferProgress& progress) { progress_ = progress; }

  // ---- Out. ----

  /// Takes commands from what was received until one needs the world, and says what it needs. Call
  /// after anything came in and after output was sent; nothing means that there is nothing to do now.
  std::optional<Action> next_action(Moment now);
  /// Replies to be sent; the caller takes octets off the front as they leave.
  std::string& output() { return output_; }
  /// When on_time() is wanted; INT64_MAX: never.
  Moment deadline() const;
  /// True when the control connection is to be closed once output() is sent and no transfer runs.
  bool closing() const { return closing_; }
  /// False while so much is held unanswered that reading should stop.
  bool wants_input() const;
  /// A transfer moves, or work is being done that takes long.
  bool transferring() const { return transfer_.row != nullptr; }
  /// It is work.
  bool working() const { return working_ != nullptr; }
  /// Nothing is being answered or waited for, such as the handshake behind 234: a 421 stands between two replies.
  bool resting() const { return foreground_.row == nullptr && waiting_ == Waiting::nothing && !transferring(); }

  /// Those since the last call.
  std::vector<Notice> take_notices() { return std::exchange(notices_, {}); }
  /// For the log: who is logged in (empty before).
  std::string_view user() const { return logged_in() ? std::string_view(account_->name) : std::string_view(); }
  /// For SITE WHO, all but the number of the session.
  SessionSight sight(Moment now) const;
  const Endpoint& peer() const { return peer_; }
  /// The address and port that a transfer without PORT or PASV connects to: the default data port U.
  const Endpoint& default_data_port() const { return peer_; }

 private:
  friend struct CommandTable;

  /// A command from its line to its final reply.
  struct Exchange {
    const CommandRow* row = nullptr;
    Diagram diagram = Diagram::simple;
    std::string argument{};   ///< for the log; nothing of PASS and ACCT
    bool names_path = false;  ///< path_ is that of the argument
  };
  using After = void (Pi::*)(const Outcome&);
  enum class Login : std::uint8_t { user_wanted, password_wanted, account_wanted, done };
  enum class Waiting : std::uint8_t { nothing, outcome, transfer_end, delay, more_listing };

  // Dispatch (pi.cpp).
  void drop_typed_ahead();
  void take_command(std::string_view line);
  void run_command(const CommandRow& row, const Command& command);
  bool may_take_command() const;
  bool take_line();
  bool may_run(const CommandRow& row, const Command& command);
  bool must_wait_for_transfer(const CommandRow* row, const Command& command) const;
  bool must_abort_work();
  void forget_sequences(const CommandRow* row);
  void reply_to(Exchange& exchange, Code code, std::string_view text);
  /// A text of the table, in the session's language (pi_reply.hpp).
  void reply(Code code, Phrase phrase);
  template <typename... Args>
  void reply(Code code, PhraseWith<sizeof...(Args)> phrase, const Args&... args);
  /// What is part of the protocol, and the same in all languages.
  void reply_as_is(Code code, std::string_view text) { reply_to(foreground_, code, text); }
  std::string_view say(Phrase phrase) const;
  template <typename... Args>
  std::string say(PhraseWith<sizeof...(Args)> phrase, const Args&... args) const;
  void refuse_file(const Outcome& outcome) { refuse_file_to(foreground_, outcome); }
  void refuse_file_to(Exchange& exchange, const Outcome& outcome);
  void refuse_root();
  bool may_replace() const;
  void ask(const Action& action, After after);
  void note(const Exchange& exchange, Code code, std::string_view text);
  void wait_for_transfer_end(After after);
  void finish_transfer(const TransferEnd& end);
  bool inside_listing() const;
  void close_control() { closing_ = true; }
  bool logged_in() const { return login_ == Login::done; }
  const Config& config() const { return *config_; }
  /// The absolute path of an argument in path_; replies 553 or 550 and gives false when it is none.
  bool resolve(std::string_view argument);
  /// The same for a name that is to be made: 553 where it has control characters and these are not allowed.
  bool resolve_new(std::string_view argument);
  bool may_be_made(std::string_view name);
  bool resolve_many(std::span<const std::string> arguments, std::vector<std::string>& paths);
  void default_parameters();
  Moment idle_until() const;
  Moment login_until() const;

  bool offers(const CommandRow& row) const;
  std::uint32_t file_mode() const;
  std::uint32_t directory_mode() const;

  // What may take long, and the extensions of pi_extensions.cpp: MFMT MFF AVBL DSIZ RMDA CSID CLNT COMB PRET.
  void begin_work(const WorkSpec& spec, After at_end);
  bool work_failed(const Outcome& outcome);
  void on_mfmt(std::string_view argument);
  void on_mff(std::string_view argument);
  void on_avbl(std::string_view argument);
  void on_clnt(std::string_view argument);
  void on_csid(std::string_view argument);
  void on_dsiz(std::string_view argument);
  void on_rmda(std::string_view argument);
  void on_comb(std::string_view argument);
  void on_pret(std::string_view argument);
  void set_facts(const Modification& wanted, std::string_view pathname, After then);
  void after_facts_set(const Outcome& outcome);
  void after_avbl(const Outcome& outcome);
  void after_dsiz(const Outcome& outcome);
  void after_work(const Outcome& outcome);
  void after_pret(const Outcome& outcome);

  // SITE (pi_site.cpp).
  void on_site(std::string_view argument);
  void on_site_help(std::string_view argument);
  void on_site_chmod(std::string_view argument);
  void on_site_cpfr(std::string_view argument);
  void on_site_cpto(std::string_view argument);
  void on_site_idle(std::string_view argument);
  void on_site_kick(std::string_view argument);
  void on_site_mkdir(std::string_view argument);
  void on_site_symlink(std::string_view argument);
  void on_site_umask(std::string_view argument);
  void on_site_utime(std::string_view argument);
  void on_site_who(std::string_view argument);
  void after_site_change(const Outcome& outcome);
  void after_site_cpfr(const Outcome& outcome);
  void after_site_mkdir(const Outcome& outcome);
  void after_site_kick(const Outcome& outcome);
  void after_site_who(const Outcome& outcome);

  // RFC 7151, RFC 2640 4 (pi_names.cpp).
  void on_host(std::string_view argument);
  void on_lang(std::string_view argument);
  void select_host(std::string_view name);
  void choose_host();
  bool is_own_address(const Endpoint& address) const;
  bool fits_handshake(std::string_view host) const;
  const Accounts& accounts() const;
  std::string_view title() const;
  std::string greeting() const;
  Language language() const;

  // RFC 2228, RFC 4217, security (pi_security.cpp).
  void on_auth(std::string_view argument);
  void on_pbsz(std::string_view argument);
  void on_prot(std::string_view argument);
  void on_ccc(std::string_view argument);
  void after_prepare_tls(const Outcome& outcome);
  void after_auth_dropped(const Outcome& outcome);
  void after_begin_tls(const Outcome& outcome);
  void after_end_tls(const Outcome& outcome);
  void begin_tls();
  void take_up_tls(std::span<const std::string> names, std::string_view server_name);
  void end_tls();
  void forget_data_protection();
  bool protection_missing(const CommandRow& row);
  bool certificate_suits(const Account& account) const;

  // RFC 959 4.1.1, access control (pi_access.cpp).
  void on_user(std::string_view argument);
  void on_pass(std::string_view argument);
  void on_acct(std::string_view argument);
  void on_cwd(std::string_view argument);
  void on_cdup(std::string_view argument);
  void on_rein(std::string_view argument);
  void on_quit(std::string_view argument);
  void after_verify(const Outcome& outcome);
  void after_enter_root(const Outcome& outcome);
  void after_cwd(const Outcome& outcome);
  void on_smnt(std::string_view argument);
  void after_smnt(const Outcome& outcome);
  bool lacks_account() const;
  void after_rein(const Outcome& outcome);
  void after_quit(const Outcome& outcome);
  void enter();
  void log_out();
  void fail_login();
  void refuse_late();
  void password_accepted();

  // 4.1.2, transfer parameters (pi_parameters.cpp).
  void on_port(std::string_view argument);
  void on_pasv(std::string_view argument);
  void on_eprt(std::string_view argument);
  void on_epsv(std::string_view argument);
  void on_type(std::string_view argument);
  void on_stru(std::string_view argument);
  void on_mode(std::string_view argument);
  void aim(const Endpoint& endpoint);
  void after_aim(const Outcome& outcome);
  void after_pasv(const Outcome& outcome);
  void after_epsv(const Outcome& outcome);
  void after_epsv_all(const Outcome& outcome);
  bool refused_after_epsv_all();
  std::string offered_modes(std::string_view separator) const;

  // 4.1.3, service (pi_service.cpp).
  void on_retr(std::string_view argument);
  void on_stor(std::string_view argument);
  void on_stou(std::string_view argument);
  void on_appe(std::string_view argument);
  void on_allo(std::string_view argument);
  void on_rest(std::string_view argument);
  void on_rnfr(std::string_view argument);
  void on_rnto(std::string_view argument);
  void on_abor(std::string_view argument);
  void on_dele(std::string_view argument);
  void on_rmd(std::string_view argument);
  void on_mkd(std::string_view argument);
  void on_pwd(std::string_view argument);
  void on_list(std::string_view argument);
  void on_nlst(std::string_view argument);
  void on_mlsd(std::string_view argument);
  void on_mlsr(std::string_view argument);
  void on_size(std::string_view argument);
  void on_mdtm(std::string_view argument);
  void on_mlst(std::string_view argument);
  void transfer_file(TransferSpec::Kind kind, std::string_view argument);
  void start_transfer();
  void forget_restart();
  bool listing_spec(std::string_view argument, ListFormat format, TransferSpec& spec);
  void list(std::string_view argument, ListFormat format);
  static bool may_be_pattern(const TransferSpec& spec);
  void take_as_pattern(TransferSpec& spec);
  void after_list_looked(const Outcome& outcome);
  void list_for_machines(std::string_view argument, bool recursive);
  void after_restart_measured(const Outcome& outcome);
  void after_start_transfer(const Outcome& outcome);
  void after_no_directory(const Outcome& outcome);
  std::string pathname_of_unique(std::string_view name) const;
  void after_rnfr(const Outcome& outcome);
  void after_rename(const Outcome& outcome);
  void after_move(const Outcome& outcome);
  void after_file_action(const Outcome& outcome);
  void after_mkd(const Outcome& outcome);
  void after_abor(const Outcome& outcome);
  void after_size(const Outcome& outcome);
  void after_measure(const Outcome& outcome);
  Representation listing_representation() const;
  void after_mdtm(const Outcome& outcome);
  void after_mdtm_looked(const Outcome& outcome);
  void after_mlst(const Outcome& outcome);

  // HASH and RANG (pi_digest.cpp), MODE Z (pi_deflate.cpp).
  void on_rang(std::string_view argument);
  void on_hash(std::string_view argument);
  void on_checksum(std::string_view argument);
  void begin_digest(std::string_view name, WorkSpec wanted, After at_end);
  void after_hash(const Outcome& outcome);
  void after_checksum(const Outcome& outcome);
  void refuse_digest(int error);
  void opts_hash(std::string_view options);
  void opts_mode(std::string_view options);
  int default_level() const;

  // 4.1.3, information and the rest (pi_information.cpp).
  void on_syst(std::string_view argument);
  void on_stat(std::string_view argument);
  void on_help(std::string_view argument);
  void on_noop(std::string_view argument);
  void on_feat(std::string_view argument);
  void on_opts(std::string_view argument);
  void on_unimplemented(std::string_view argument);
  void after_stat_looked(const Outcome& outcome);
  void after_stat(const Outcome& outcome);
  void after_more_listing(const Outcome& outcome);
  void stat_session();
  void stat_transfer();

  std::shared_ptr<const Config> config_;
  Endpoint local_, peer_;
  Moment now_ = 0;  ///< when the last entry was called

  TelnetFilter telnet_;
  LineReader reader_;
  std::string held_;  ///< a line that waits for the end of the transfer
  bool holding_ = false;
  bool held_too_long_ = false;
  std::string output_;

  Exchange foreground_;                 ///< the command being answered
  Exchange transfer_;                   ///< a transfer command between its 1yz and its final reply, or work
  Waiting waiting_ = Waiting::nothing;  ///< what foreground_ waits for
  After after_ = nullptr;
  std::optional<Action> asked_;
  std::vector<Notice> notices_;
  TransferProgress progress_;
  After working_ = nullptr;                ///< transfer_ is work: what replies at its end
  bool aborted_ahead_ = false;             ///< it was ended by an ABOR that is still to be answered
  std::optional<TransferEnd> unreported_;  ///< of a transfer that ended inside STAT's reply

  // Host and language.
  std::string host_name_;    ///< as HOST said, in lower case; empty: it did not come
  std::string server_name_;  ///< as the TLS handshake said (SNI); empty: it said none
  const Config::Host* host_ = nullptr;
  std::optional<Language> chosen_language_;  ///< by LANG

  // Login.
  Login login_ = Login::user_wanted;
  const Account* account_ = nullptr;
  bool account_given_ = false;  ///< ACCT, behind the login
  Secret secret_;               ///< the password, while it is being verified
  std::string user_name_;       ///< as USER gave it
  int login_failures_ = 0;
  Moment login_begun_ = 0;  ///< since when nobody is logged in
  Moment tried_at_ = 0;     ///< when PASS or ACCT came that is being answered

  // Security.
  enum class Tls : std::uint8_t { off, on, cleared };  ///< cleared: by CCC; what was agreed on for data holds
  Tls tls_ = Tls::off;
  bool implicit_ = false;           ///< TLS from the first octet on: REIN does not end it
  bool turning_ = false;            ///< TLS begins or ends: octets of the control connection are no commands
  bool buffer_size_known_ = false;  ///< PBSZ came
  bool data_secured_ = false;       ///< PROT P
  std::vector<std::string> certificate_names_;
  bool by_certificate_ = false;  ///< the login needed no password

  // Parameters, all with the defaults of section 5.1.
  std::string directory_ = "/";
  Representation as_;
  bool epsv_only_ = false;
  FactSet facts_ = FactSet::defaults();
  bool features_asked_ = false;  ///< FEAT came: until REIN, for AUTH and USER leave the client what it is
  std::uint64_t allocate_ = 0;
  HashAlgorithm hash_ = HashAlgorithm::sha_256;

  std::string client_;                          ///< CLNT, CSID
  std::optional<std::int64_t> idle_timeout_s_;  ///< SITE IDLE; nothing: the configuration's
  std::optional<std::uint32_t> umask_;          ///< SITE UMASK; nothing: the configuration's modes hold

  // Sequences of two commands.
  std::uint64_t restart_ = 0;  ///< MODE S: octets as they travel; MODE B and C: of the file
  std::string restart_state_;  ///< behind the "+" of a marker
  std::optional<OctetRange> range_;
  std::string rename_from_;
  bool renaming_ = false;
  std::string copy_from_;
  bool copying_ = false;

  // The arguments that actions point to.
  std::string path_, path2_, given_;
  std::vector<std::string> paths_;              ///< of COMB and CPTO
  Modification modification_;                   ///< of MFMT, MFF, and MDTM with a time
  TransferSpec spec_;                           ///< of the transfer command
  TransferSpec listed_;                         ///< of STAT, which may come while a transfer moves
  Code listing_code_ = Code::directory_status;  ///< of the STAT reply that is being written

  Moment last_activity_ = 0;  ///< the last whole command, or the end of what one began
  Moment delayed_until_ = INT64_MAX;
  bool closing_ = false;
  bool draining_ = false;
  bool input_ended_ = false;
};

}  // namespace core
