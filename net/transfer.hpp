// The data transfer process of one session: its data connection and what moves over it. Raises the
// events of core/dtp's table and does its actions. Knows sockets and files; must not know replies.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/action.hpp"
#include "core/dtp.hpp"
#include "net/context.hpp"
#include "net/flow.hpp"
#include "net/storage.hpp"
#include "net/tls_stream.hpp"

namespace net {

/// What a session is told. All calls come from the reactor, or from within the call that asked.
class TransferOwner {
 public:
  virtual ~TransferOwner() = default;
  /// aim(), listen(), drop() or start() is answered.
  virtual void on_data_outcome(const core::Outcome& outcome) = 0;
  virtual void on_transfer_end(const core::TransferEnd& end) = 0;
  /// A restart marker came, and all before it is stored: core::Pi::on_marker. False: not now, until marker_again().
  virtual bool on_transfer_marker(std::string_view sender, std::string_view own) = 0;
  /// Of the control connection's TLS, which data connections have to fit; nullptr: there was none.
  virtual std::shared_ptr<const TlsIdentity> tls_identity() const = 0;
  /// A data connection has shaken hands, for which the client may have used up a ticket.
  virtual void on_data_secured() = 0;
  /// After close(): no op is in flight and nothing is open.
  virtual void on_data_closed() = 0;
};

class Transfer final : private FlowOwner {
 public:
  /// `local` and `peer` are the control connection's ends; `session_id` is for the log.
  Transfer(Context& context, std::shared_ptr<const core::Config> config, TransferOwner& owner, std::uint64_t session_id,
           const core::Endpoint& local, const core::Endpoint& peer);
  ~Transfer() override;

  /// PORT, EPRT: outcome at once, or when an earlier listener or connection is closed.
  void aim(const core::Endpoint& endpoint);
  /// PASV, EPSV: outcome with the endpoint that listens.
  void listen();
  /// ABOR without a transfer, REIN: back to the default ports.
  void drop();
  /// Opens what the spec names; the outcome comes before any data connection is touched.
  void start(const core::TransferSpec& spec, std::shared_ptr<Root> root, core::Rights rights);
  /// After start()'s good outcome: opens the data connection and moves. Ends with on_transfer_end().
  void proceed();
  /// Ends a running transfer early; on_transfer_end() says how it ended.
  void abort();
  /// The control connection is gone: everything ends, then on_data_closed(), and nobody else is told.
  void close();

  core::TransferProgress progress() const;
  /// True when on_transfer_marker() was answered false.
  bool marker_waits() const { return state_ == State::moving && flow_ && flow_->resting(); }
  void marker_again() { flow_->resume(); }

 private:
  using State = core::dtp::State;
  using Event = core::dtp::Event;

  void raise(Event event);
  void act(core::dtp::Action action);
  void dropped();
  void arm_timer(std::int64_t seconds);

  // The data connection.
  void renew(Event event);
  void open_listener();
  void connect();
  void secure();
  void on_secure_done(io::Op& op);
  void on_handshake_done(std::int32_t result);
  void on_farewell_done(const io::Op& op);
  void accept_next();
  bool may_connect(const core::Endpoint& peer) const;
  void stop();
  void hurry();
  void try_join();
  void push();
  void on_pushed(io::Op& op);
  void give_back_listener();
  void close_socket();
  void fail(core::TransferEnd::Cause cause, int error);
  void log_stranger(const core::Endpoint& stranger) const;
  void on_accept_done(io::Op& op);
  void on_connect_done(io::Op& op);
  void on_timer();

  // What moves.
  void begin();
  void open();
  void open_upload();
  std::string another_name();
  void on_file_done();
  void on_opened();
  void on_published();
  void on_discarded();
  void abandon();
  void on_target_ready();
  void refused(int error);
  io::Inbound inbound() const;
  std::int64_t length_max() const {
    const std::int64_t most = config_->uploads.file_max_bytes > 0 ? config_->uploads.file_max_bytes : INT64_MAX;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(most), spec_.end));
  }
  bool takes_up_state();
  int suits(const core::Entry& entry);
  void move();
  void start_flow();
  std::unique_ptr<Flow> make_flow();
  void flush();
  void leave_connection();
  void on_flow_end(const FlowEnd& end) override;
  bool on_flow_marker(std::string_view sender, std::string_view own) override;
  bool flowing() const { return flowing_ && !flow_->resting(); }
  void report();
  std::uint64_t moved() const { return flow_ ? flow_->passed() : pushed_; }
  bool sends() const { return kind_ == core::TransferSpec::Kind::retrieve || lists(); }
  bool fits_level() const { return spec_.secured == (secured_ != nullptr); }
  bool securing() const { return secured_ && !secured_->op.idle(); }
  bool lists() const { return kind_ == core::TransferSpec::Kind::list; }

  /// How long a client may take for what is left of its files when the connection is to be closed.
  static constexpr std::int64_t last_octets_s = 10;

  /// TLS of one data connection.
  struct Secured {
    Secured(io::Reactor& reactor, std::shared_ptr<const TlsIdentity> of, int socket, io::BufferPool& buffers,
            bool sends)
        : identity(std::move(of)), stream(reactor, *identity, socket, buffers, sends) {}

    std::shared_ptr<const TlsIdentity> identity;
    TlsStream stream;
    io::Op op;  ///< the handshake, and the end
  };

  /// What the file task is doing, so that its end is understood.
  enum class FilePhase : std::uint8_t { none, waiting, opening, looking, cutting, publishing, discarding };

  Context& context_;
  std::shared_ptr<const core::Config> config_;
  TransferOwner& owner_;
  std::uint64_t session_id_;
  core::Endpoint local_, peer_;

  State state_ = State::idle;
  Event renewing_ = Event::drop;  ///< what is raised again once the earlier connection is closed
  int refusal_ = 0;               ///< why an upload is refused whose connection is being closed first
  core::Endpoint aim_;
  PassiveListener listener_;  ///< lent to us while its socket is one
  int socket_ = -1;
  std::unique_ptr<Secured> secured_;  ///< of the connection, with PROT P
  io::Op accept_op_, connect_op_, push_op_;
  std::optional<LentBuffer> unsent_;  ///< what finished transfers left, on a connection that is kept
  io::Late pushing_;                  ///< sends it, unless another transfer takes it along
  std::uint64_t pushed_ = 0;          ///< octets
  io::Timer timer_;  ///< for the connection, for octets to move, for the last ones: by state, see on_timer()
  bool closing_ = false;
  bool aborted_ = false;  ///< while close_notify waited to be sent

  core::TransferSpec::Kind kind_ = core::TransferSpec::Kind::retrieve;
  core::TransferSpec spec_;
  std::string path_, pattern_, prefix_, given_, codec_state_;  ///< what spec_'s views point to
  std::string unique_base_;                                    ///< STOU: the name as the client gave it
  std::shared_ptr<Root> root_;
  core::Rights rights_;
  FileTask file_;
  FilePhase phase_ = FilePhase::none;
  std::unique_ptr<core::Codec> decoder_;  ///< of an upload that is opened, until its flow begins
  std::optional<LentBuffer> early_;       ///< came behind the last file's end, on a connection that is kept
  std::unique_ptr<Flow> flow_;
  bool flowing_ = false;
  bool stored_ = false;            ///< publish() is done: nothing to discard
  std::uint64_t seen_octets_ = 0;  ///< when the stall timer was last armed
  core::TransferEnd end_;
};

}  // namespace net
