// A world for one protocol interpreter: does its actions on a tree in memory, by a clock that the test
// moves, while a walker checks every reply. Knows core only; no sockets, no files, nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pi.hpp"
#include "tests/reply_walker.hpp"

namespace tests {

/// The accounts of all tests. Passwords are "secret": demo may do all but SITE WHO and KICK, warden those alone,
/// reader may list and read, keeper needs
/// ACCT vault too, guest needs no password, lodger ACCT vault and no password, clerk ACCT vault for
/// storing alone, archivist may mount archive; files may have 10^9 octets; anonymous may list and read. MODE B and
/// C need no FEAT.
core::Config world_config();
/// The same, with TLS.
core::Config secure_world_config();

class PiWorld {
 public:
  /// The connection stands and is greeted. The tree: /readme.txt (12 octets, 2 of them LF), /pub, /pub/image.bin
  /// (1000 octets).
  explicit PiWorld(const core::Config& config = world_config(), std::string_view local = "192.0.2.1:21",
                   std::string_view peer = "192.0.2.9:40021");

  // ---- The client. What comes back are the codes of the replies that came: "150 226". ----

  std::string talk(std::string_view line) { return octets(std::string(line) + "\r\n"); }
  std::string octets(std::string_view octets, bool urgent = false);
  std::string log_in(std::string_view user = "demo", std::string_view password = "secret");
  /// The last reply of all.
  const Reply& last() const { return last_; }
  std::string_view text() const { return last_.text(); }
  /// The replies since the last call of this.
  std::vector<Reply> replies() { return std::exchange(replies_, {}); }
  /// Goes on reading replies, or stops.
  std::string reads(bool reading);

  // ---- The tree. ----

  void add_file(const std::string& path, std::uint64_t size, std::uint64_t line_ends = 0);
  void add_directory(const std::string& path);
  void clear_tree();
  bool has(const std::string& path) const { return tree_.contains(path); }
  std::uint64_t size(const std::string& path) const { return tree_.at(path).entry.size; }
  core::Entry& entry(const std::string& path) { return tree_.at(path).entry; }

  // ---- What happens to actions. ----

  /// The next action that is told back ends with this errno.
  void fail_next(int error) { fail_next_ = error; }
  /// From now on every action on files and directories ends with this errno.
  void fail_files(int error) { files_error_ = error; }
  /// From now on no file or directory can be made.
  void fill_disk() { disk_full_ = true; }
  /// From now on there is no passive port.
  void take_passive_ports() { ports_taken_ = true; }
  /// Outcomes wait until release().
  void hold() { holding_ = true; }
  std::string release();
  /// The actions since the last call of this: "Look /pub", "StartTransfer retrieve /a text offset=3".
  std::vector<std::string> actions() { return std::exchange(actions_, {}); }

  // ---- Transfers end at once, unless told otherwise. ----

  void transfers_wait() { transfers_wait_ = true; }
  /// Abort only asks: the test says when and how the transfer ends.
  void aborts_wait() { aborts_wait_ = true; }
  /// A restart marker came on the data connection.
  std::string marker(std::string_view sender, std::string_view own);
  std::string end_transfer(const core::TransferEnd& end = {});
  /// Of the running transfer.
  const core::TransferSpec& transfer_spec() const { return transfer_.spec; }
  bool transfer_runs() const { return transfer_runs_; }
  /// Where in the file the running upload begins.
  std::uint64_t transfer_begin() const;
  /// Octets that the running RETR sends (TYPE I).
  std::uint64_t transfer_size() const;
  /// Octets that the client's next uploads hold.
  void uploads(std::uint64_t size) { upload_size_ = size; }
  /// The client has connected to the passive port before its transfer command.
  void client_connects() { connected_ = true; }

  // ---- Work that lasts ends at once, unless told otherwise. ----

  void works_wait() { works_wait_ = true; }
  std::string end_work();
  /// Those of SITE WHO; the first is this one.
  std::vector<core::SessionSight> sessions;

  // ---- Time. ----

  std::string wait(std::int64_t milliseconds);
  std::string shut_down();

  core::Pi& pi() { return pi_; }
  /// What the certificate says that the client shows in its handshake.
  std::vector<std::string> client_names;
  /// The host that the client asks for in its handshake (SNI).
  std::string server_name;
  const ReplyWalker& walker() const { return walker_; }

 private:
  struct Node {
    core::Entry entry;
    std::uint64_t line_ends = 0;
  };
  /// A transfer command's spec with strings of its own.
  struct Transfer {
    core::TransferSpec spec;
    std::string path;
  };

  std::string settle();
  void take_output();
  void check();
  void perform(const core::Action& action);
  int failure_of(const core::Action& action);
  core::Outcome outcome_of(const core::Action& action);
  core::Outcome look(std::string_view path);
  core::Outcome measure(std::string_view path, std::uint64_t until);
  core::Outcome make_directory(std::string_view path);
  core::Outcome remove(std::string_view path, bool directory);
  core::Outcome rename(std::string_view from, std::string_view to, bool replaces);
  core::Outcome set_facts(std::string_view path, const core::Modification& wanted);
  core::Outcome look_for_space(std::string_view path);
  core::Outcome end_session(std::uint64_t id) const;
  core::Outcome do_work(const core::WorkSpec& spec);
  core::Outcome digest(const core::WorkSpec& spec);
  core::Outcome drop();
  core::Outcome start(const core::TransferSpec& spec);
  core::Outcome list_to_control(const core::TransferSpec& spec);
  core::Outcome more_listing();
  void proceed();
  void store();
  void finish(const core::TransferEnd& end);
  int may_be_made(const std::string& path) const;

  core::Moment now_ = 1'000'000'000;
  core::Pi pi_;
  ReplyWalker walker_;
  std::int64_t longest_delay_ns_;
  Reply last_;
  std::string codes_;  ///< of the replies since the client spoke last
  std::vector<Reply> replies_;
  bool reading_ = true;

  std::map<std::string, Node> tree_;
  std::uint64_t next_inode_ = 1;
  std::uint16_t next_port_ = 50000;

  std::vector<std::string> actions_;
  int fail_next_ = 0, files_error_ = 0;
  bool disk_full_ = false, ports_taken_ = false;
  bool holding_ = false;
  std::optional<core::Outcome> held_;

  bool works_wait_ = false;
  core::Outcome held_work_;
  std::string hex_;  ///< what the outcome of a digest points to

  Transfer transfer_;
  bool transfers_wait_ = false, aborts_wait_ = false, transfer_runs_ = false, connected_ = false;
  std::uint64_t upload_size_ = 0;
  std::vector<std::string> listing_;  ///< lines of STAT not yet given
  std::string listing_line_;
  std::string told_;  ///< what an outcome's text points to
};

/// One who has logged in as demo.
struct LoggedIn : PiWorld {
  template <typename... Arguments>
  explicit LoggedIn(const Arguments&... arguments) : PiWorld(arguments...) {
    log_in();
    actions();
  }
};

}  // namespace tests
