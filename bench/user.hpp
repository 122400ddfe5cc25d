// A virtual user: one session, and operations on it one after another or some at a time. What is done in which
// order is here; how it is said and how octets travel is the user-PI's and the user-DTP's. RFC 959 2.3, 5.4.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/address.hpp"
#include "bench/entry.hpp"
#include "bench/group.hpp"
#include "bench/user_dtp.hpp"
#include "bench/user_pi.hpp"

namespace bench {

class User final : UserPiOwner, UserDtpOwner {
 public:
  User(Group& group, std::uint64_t number);

  void enter();  ///< connect and log in
  bool is_free() const;
  /// The latency counts from `intended`, which may have passed. Only when free.
  void start(io::Time intended);
  void leave();         ///< gives up what runs, then QUIT
  void drop();          ///< disconnects
  bool queued = false;  ///< the group's mark: it stands in the queue of who may take an operation
  bool fell_behind() const;
  void forget_behind();

 private:
  enum class State : std::uint8_t { away, entering, ready, leaving, closing, gone };

  /// What a command was sent for: its reply goes to that row of the table in user.cpp.
  enum class Step : std::uint8_t { entry, endpoint, transfer, remove, noop, quit };

  struct Operation {
    explicit Operation(std::unique_ptr<UserDtp> its_dtp = nullptr) : dtp(std::move(its_dtp)) {}

    std::unique_ptr<UserDtp> dtp;  ///< MODE S: each has its data connection
    io::Time intended = 0;
    std::string name;       ///< of the file or directory
    bool busy = false;      ///< given and not ended
    bool asked = false;     ///< the transfer command was sent
    bool open = false;      ///< its data connection has come about
    bool begun = false;     ///< 1yz came
    bool replied = false;   ///< its final reply came
    bool removing = false;  ///< what was stored is being deleted
    bool failed = false;    ///< counted as an error, or given up
  };

  // ---- Replies. ----
  void on_reply(const Asked& asked, core::Next next, const Reply& reply) override;
  void on_lost(std::string_view kind, const std::string& what) override;
  void on_pi_closed() override { settle(); }
  void on_entry_reply(const Asked& asked, core::Next next, const Reply& reply);
  void on_endpoint_reply(Operation& operation, core::Next next, const Reply& reply);
  void on_transfer_reply(Operation& operation, core::Next next, const Reply& reply);
  void on_remove_reply(Operation& operation, core::Next next, const Reply& reply);
  void on_noop_reply(Operation& operation, core::Next next, const Reply& reply);

  // ---- The data connection. ----
  void on_data_open(UserDtp& dtp) override;
  void on_data_octets(std::uint64_t octets) override;
  void on_file(const Copy& file) override;
  void on_data_end(UserDtp& dtp, int error) override;
  void on_data_closed(UserDtp& dtp) override;
  void open_data(Operation& operation, UserDtp& dtp);
  void match_files();
  void ask_transfer(Operation& operation);

  // ---- Operations. ----
  void begin_transfer(Operation& operation);
  void try_end(Operation& operation);
  void end(Operation& operation);
  void fail(Operation& operation, std::string_view kind, std::string_view what);
  Operation* operation_of(const UserDtp& dtp);
  std::uint32_t slot_of(const Operation& operation) const;

  // ---- The session. ----
  void ask(Step step, std::string_view verb, std::string_view argument = {}, std::uint32_t slot = 0);
  void become_ready();
  void lose(std::string_view kind, const std::string& what);
  void close_all();
  void settle();
  void quit_if_idle();
  void touch();
  void on_timer();

  const Load& load() const { return group_.terms().load; }
  const Scenario& scenario() const { return *load().scenario; }
  bool in_blocks() const { return scenario().mode == core::Mode::block; }

  Group& group_;
  std::uint64_t number_;
  TlsSession session_;  ///< of the control connection that had one last
  Entry entry_;
  UserPi pi_;
  std::unique_ptr<UserDtp> blocks_;  ///< MODE B: one data connection for all operations
  std::vector<Operation> operations_;
  std::deque<Copy> files_;           ///< MODE B: came, and their final replies have not
  std::deque<Operation*> answered_;  ///< MODE B: the other way round
  core::Endpoint listening_;         ///< active: where the server was last told to connect
  io::Address source_;
  bool has_source_ = false;
  State state_ = State::away;
  bool extended_ = true;  ///< EPSV and EPRT; PASV and PORT once the server has refused these
  bool fell_behind_ = false;
  bool endpoint_asked_ = false;  ///< MODE B: the data connection is on its way
  bool closing_all_ = false;
  bool give_up_ = false;
  unsigned failures_ = 0;  ///< since it was ready last
  std::uint64_t uploads_ = 0;
  io::Time progress_ = 0;
  io::Timer timer_;
};

}  // namespace bench
