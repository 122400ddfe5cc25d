// One control connection: octets to the PI and back, the PI's actions done with files and the data
// connection. Knows how actions are performed; must not know commands or reply codes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/pi.hpp"
#include "net/context.hpp"
#include "net/listing_source.hpp"
#include "net/storage.hpp"
#include "net/tls_stream.hpp"
#include "net/transfer.hpp"
#include "net/work.hpp"

namespace net {

class Session;

/// Whom a session tells that it is over.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// No op of the session is in flight and nothing is open. The session is still on the stack: it may
  /// be destroyed once the reactor has the thread again.
  virtual void on_session_end(Session& session) = 0;
  /// Sessions for SITE WHO, `most` of them.
  virtual std::vector<core::SessionSight> sights(std::size_t most) const = 0;
  virtual std::size_t session_count() const = 0;
  /// Ends the session of that number. False: there is none.
  virtual bool end_session(std::uint64_t id) = 0;
};

class Session final : public TransferOwner {
 public:
  /// Takes over `socket`. `local` and `peer` are its ends, IPv4-mapped addresses as IPv4.
  Session(Context& context, SessionOwner& owner, std::uint64_t id, int socket, const core::Endpoint& local,
          const core::Endpoint& peer);
  ~Session() override = default;

  /// Greets with 220.
  void start();
  /// The same once the TLS handshake is over that the client begins with.
  void start_secured();
  /// Answers 421 and closes.
  void refuse(core::Phrase why);
  /// The server drains: a transfer may finish, then 421.
  void shut_down();
  /// Ends at once, whatever is going on.
  void close();

  /// An administrator ends it: 421 where no reply is under way.
  void kick();

  std::uint64_t id() const { return id_; }
  core::SessionSight sight() const;
  const core::Endpoint& peer() const { return pi_.peer(); }
  // The server's own.
  std::size_t slot = 0;
  core::Endpoint counted_as{};  ///< where SharedCounts has it

 private:
  /// What happens to the control connection once all output is sent and nothing is being read.
  enum class Turn : std::uint8_t { none, to_tls, to_clear };

  void pump();
  void log_notices();
  void perform(const core::Action& action);
  void verify(const core::action::Verify& wanted);
  void enter_root(const core::action::EnterRoot& wanted);
  void on_root_opened();
  void begin_work(const core::WorkSpec& spec);
  void on_work_done();
  void abort();
  void list_sessions(std::size_t most);
  void end_session(std::uint64_t id);
  void list_to_control(const core::TransferSpec& spec);
  void more_listing();
  Transfer& transfer();

  // TLS on the control connection.
  bool prepare_tls(std::string_view host);
  void turn_to(Turn turn);
  void take_turn();
  void on_tls_done(io::Op& op);
  void on_handshake_done(std::int32_t result);
  bool securing() const { return tls_ && !tls_->op.idle(); }

  void read_more();
  void forget(const io::Op& op);
  void send_output();
  bool says_something() { return sent_ < sending_.size() || !pi_.output().empty(); }
  void arm_timer();
  void hang_up();
  void try_end();

  void on_recv_done(io::Op& op);
  void on_send_done(io::Op& op);
  void on_verify_done(io::Op& op);
  void on_file_done();
  void on_timer();
  static void on_listing_pulled(void* self, std::int32_t result);
  void tell(const core::Outcome& outcome);
  void on_data_outcome(const core::Outcome& outcome) override;
  void on_transfer_end(const core::TransferEnd& end) override;
  bool on_transfer_marker(std::string_view sender, std::string_view own) override;
  void on_data_closed() override;
  std::shared_ptr<const TlsIdentity> tls_identity() const override { return tls_identity_; }
  void on_data_secured() override;

  /// A password that is being checked; an offload thread sees these copies and nothing else.
  struct Verification {
    std::string hash, user;
    core::Secret password;
    io::Op op{};
    /// Whether they fit: 0 or -EACCES; -ENOMEM: nobody can tell now. Takes a Verification.
    static int run(void* argument);
  };
  /// A root that is being opened, and for whom.
  struct Entering {
    Entering(Context& context, const core::action::EnterRoot& what)
        : opening(context.reactor, context.roots), wanted(what) {}
    RootOpening opening;
    core::action::EnterRoot wanted;
  };
  /// What is asked of the file system outside transfers. Made for a command and forgotten behind its reply: most
  /// sessions are idle most of the time.
  struct Errand {
    explicit Errand(io::Reactor& reactor) : file(reactor) {}
    bool over() const { return !file.busy() && !listing; }

    FileTask file;
    std::unique_ptr<ListingSource> listing;  ///< of STAT
    std::string listing_text;                ///< the piece of it that is being made
    core::TransferSpec listing_spec;
    std::string listing_path;
    bool looking_for_listing = false;
  };
  enum class State : std::uint8_t {
    open,
    lingering,  ///< all is said and FIN is sent: the peer may still read the last reply
    closing,    ///< ops are being joined
  };

  /// TLS of the control connection: made for the handshake, forgotten when the connection is clear again.
  struct Secured {
    Secured(Context& context, std::shared_ptr<const TlsContext> tls, int socket, std::string_view host)
        : stream(context.reactor, std::move(tls), socket, context.flow_buffers, host) {}

    TlsStream stream;
    io::Op op;  ///< the handshake, and the end
  };

  Errand& errand();
  FileTask& file() { return errand().file; }

  Context& context_;
  std::shared_ptr<const core::Config> config_;
  std::shared_ptr<const TlsContext> tls_context_;  ///< the same; nullptr: no TLS
  SessionOwner& owner_;
  std::uint64_t id_;
  int socket_;
  State state_ = State::open;
  bool pumping_ = false;
  bool data_closed_ = true;
  core::Endpoint local_;
  core::Pi pi_;
  core::Rights rights_;

  std::unique_ptr<Secured> tls_;
  std::shared_ptr<const TlsIdentity> tls_identity_;  ///< of the last handshake: data connections have to fit
  Turn turn_ = Turn::none;
  bool greets_secured_ = false;  ///< implicit TLS: 220 waits for the handshake
  io::Op recv_op_, send_op_;
  io::Timer timer_;
  io::Late saying_;
  std::string sending_;  ///< what the send in flight points to
  std::size_t sent_ = 0;

  std::shared_ptr<Root> root_;
  std::unique_ptr<Errand> errand_;
  std::unique_ptr<Work> work_;
  std::unique_ptr<Work> past_work_;  ///< is over, and may still stand on the stack
  std::unique_ptr<Verification> verification_;
  std::unique_ptr<Entering> entering_;
  std::unique_ptr<Transfer> transfer_;  ///< made by the first command that needs one
  bool ended_ = false;
  io::Time last_words_until_ = io::never;  ///< closing: replies may stay unread until then
  io::Time handshake_until_ = io::never;   ///< a handshake may take until then
};

}  // namespace net
