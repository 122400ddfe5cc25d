// The flows: each a small loop of "do one operation, look at the result, do the next".
#include "net/flow.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace net {
namespace {

// ---- Kernel flows ----

class KernelSend final : public Flow {
 public:
  KernelSend(io::Reactor& reactor, const FlowEnds& ends, std::uint64_t size)
      : Flow(reactor, ends.owner), ends_(ends), size_(static_cast<std::int64_t>(size)) {
    offset_ = ends.offset;
    op_.bind<&KernelSend::on_send_file_done>(*this);
    op_.via = ends.layer;
  }
  // An empty file may be one of /proc, which do not tell their size.
  void start() override {
    const auto left = static_cast<std::uint64_t>(size_ - offset_);
    const std::size_t count = left > 0 ? std::min<std::uint64_t>(ends_.slice, left) : ends_.slice;
    op_.send_file(ends_.socket, ends_.file, offset_, count, count == left);
    reactor_.submit(op_);
  }
  void cancel() override { reactor_.cancel(op_); }

 private:
  void on_send_file_done(io::Op& op) {
    if (op.result < 0) return end({-op.result, op.file_failed});
    if (op.result == 0) return end({offset_ < size_ ? EIO : 0, true});
    offset_ += op.result;
    octets_ += static_cast<std::uint64_t>(op.result);
    if (op.cancelled) return end({ECANCELED, false});
    if (offset_ == size_) return end({});
    start();
  }

  FlowEnds ends_;
  std::int64_t size_;
  io::Op op_;
};

class KernelReceive final : public Flow {
 public:
  KernelReceive(io::Reactor& reactor, const FlowEnds& ends, std::int64_t size)
      : Flow(reactor, ends.owner), ends_(ends), space_(std::max(ends.offset, size)) {
    offset_ = written_ = ends.offset;
    op_.bind<&KernelReceive::on_op_done>(*this);
    op_.via = ends.layer;
  }
  void start() override {
    const auto room = static_cast<std::uint64_t>(std::max<std::int64_t>(ends_.length_max - offset_, 0));
    if (room == 0) {  // is there one more? It must not reach the file
      op_.recv(ends_.socket, one_more_);
    } else if (wants_space()) {
      op_.reserve(ends_.file, space_, ends_.reserve);
    } else {
      op_.recv_file(ends_.socket, ends_.file, offset_, std::min<std::uint64_t>(ends_.slice, room), ends_.appends);
    }
    reactor_.submit(op_);
  }
  void cancel() override { reactor_.cancel(op_); }

 private:
  // Small files are not worth it: it begins behind the first slice.
  bool wants_space() const {
    const auto slice = static_cast<std::int64_t>(ends_.slice);
    return ends_.reserve > 0 && offset_ - ends_.offset >= slice && offset_ + slice > space_;
  }

  // Without space set aside it goes on as well: whether the disk is full is for the writes to say.
  void on_reserved(const io::Op& op) {
    space_ += ends_.reserve;
    if (op.result == 0) {
      reserved_ = space_;
    } else {
      ends_.reserve = 0;
    }
    if (op.cancelled) return end({ECANCELED, false});
    start();
  }

  void on_op_done(io::Op& op) {
    if (op.kind == io::OpKind::allocate) return on_reserved(op);
    if (op.file_failed) octets_ += static_cast<std::uint64_t>(op.length);  // they have come all the same
    if (op.result <= 0) return end({-op.result, op.file_failed});
    octets_ += static_cast<std::uint64_t>(op.result);
    if (op.kind == io::OpKind::recv) return end({EFBIG, true});
    written_ = offset_ += op.result;
    if (op.cancelled) return end({ECANCELED, false});
    start();
  }

  FlowEnds ends_;
  std::int64_t space_;  ///< up to here the file has it, as far as is known
  std::array<char, 1> one_more_{};
  io::Op op_;
};

// ---- Codec flows ----

// Both directions are the same pump: an input that is fetched, a codec, an output that is put. What
// differs is where the two ends are.
class CodecFlow : public Flow {
 public:
  CodecFlow(io::Reactor& reactor, const FlowEnds& ends, LentBuffer in, LentBuffer out,
            std::unique_ptr<core::Codec> codec)
      : Flow(reactor, ends.owner),
        ends_(ends),
        codec_(std::move(codec)),
        slow_(codec_->is_slow()),
        in_(std::move(in)),
        out_(std::move(out)) {
    offset_ = written_ = ends.offset;
    op_.bind<&CodecFlow::on_op_done>(*this);
    op_.via = ends.layer;
  }

  bool ready() const override { return in_.data != nullptr && out_.data != nullptr; }
  void start() override { pump(); }
  void cancel() override {
    cancelled_ = true;
    reactor_.cancel(op_);
  }

 protected:
  virtual void fetch() = 0;                         ///< more input, then on_fetched()
  virtual void put() = 0;                           ///< submits op_ for out_.held()
  virtual std::int32_t on_got(std::int32_t n) = 0;  ///< n octets of input came by op_, 0: the end; what to make of it
  virtual void on_put(std::int64_t n) = 0;          ///< n octets of output are gone
  /// A restart marker was passed on, and all before it is put. False: not told yet; pump() is called again.
  virtual bool on_marker() { return true; }
  virtual bool input_is_file() const = 0;
  /// True while it is better to make more output than to put what there is.
  virtual bool gathers() const { return false; }

  void on_fetched(std::int32_t result) {
    if (result < 0) return end({-result, input_is_file()});
    in_.fill(static_cast<std::size_t>(result));
    pump();
  }

  void pump() {
    while ((out_.empty() || gathers()) && !cancelled_) {
      if ((marks_ & core::mark::end_of_file) != 0) return end({});
      if ((marks_ & core::mark::restart) != 0) {  // in a loop: a buffer holds thousands of them
        if (!on_marker()) return;
        marks_ = core::mark::none;
        continue;
      }
      if (slow_) return begin_work();
      if (!use(run_codec(in_.held(), room()))) return;
    }
    if (cancelled_) return end({ECANCELED, false});  // with octets left too: what is put anew nobody would cancel
    doing_ = Doing::putting;
    put();
  }

  std::span<char> room() {
    if (out_.empty()) out_.fill(0);
    return out_.behind();
  }

  core::Progress run_codec(std::span<const char> in, std::span<char> out) {
    const bool all = in.size() == in_.held().size();
    return codec_->run(in, out, all && input_ended_ ? core::mark::end_of_file : core::mark::none);
  }

  // What compresses holds up whoever waits for it: a millisecond for 16 KiB at the highest level, a few for those that
  // inflate to most. So the loop never does it, and a thread does one such piece before others get their turn, who keep
  // a thread for themselves (io::Op::piece). The loop leaves the flow alone until then.
  static constexpr std::size_t slow_piece = 16 * 1024, slow_room = 64 * 1024;  ///< octets in and out
  void begin_work() {
    doing_ = Doing::working;
    op_.call(&CodecFlow::work, this, io::Lane::pieces);
    reactor_.submit(op_);
  }
  static int work(void* flow) {
    auto& self = *static_cast<CodecFlow*>(flow);
    const auto in = self.in_.held();
    const auto out = self.room();
    self.worked_ =
        self.run_codec(in.first(std::min(in.size(), slow_piece)), out.first(std::min(out.size(), slow_room)));
    return 0;
  }

  // What a run came to. False: nothing goes on from here, but what is fetched now.
  bool use(const core::Progress& done) {
    if (done.error != 0) {
      end({done.error, done.error != ECONNRESET});
      return false;
    }
    in_.take(done.taken);
    out_.add(done.made);
    marks_ = done.marks;
    if (done.at >= 0) place(done.at);
    drop_skipped();
    if (!done.idle()) return true;
    // Now the codec holds nothing that could still be made: it wants more, or the end came too early.
    if (in_.empty() && !input_ended_) {
      fetch();
    } else {
      end({ECONNRESET, false});
    }
    return false;
  }

  // Where in the file the octets just made belong.
  void place(std::int64_t at) {
    offset_ = at;
    length_ = std::max(length_, at);
  }

  void on_op_done(io::Op& op) {
    switch (std::exchange(doing_, Doing::getting)) {
      case Doing::getting: return on_fetched(op.result >= 0 ? on_got(op.result) : op.result);
      case Doing::putting:
        if (op.result < 0) return fail_to_put(op.result);
        out_.take(static_cast<std::size_t>(op.result));
        on_put(op.result);
        return pump();
      case Doing::looking: return on_looked(op);
      case Doing::working:
        if (cancelled_) return end({ECANCELED, false});
        if (op.result < 0) return end({-op.result, true});
        if (use(worked_)) pump();
    }
  }
  virtual void on_looked(io::Op& op) = 0;  ///< Doing::looking is over

  void fail_to_put(std::int32_t result) {
    marks_ = core::mark::none;  // the end of the file is not there to be sent later
    end({-result, !input_is_file()});
  }

  void drop_skipped() {
    const auto count = std::min<std::uint64_t>(skip_, out_.held().size());
    out_.take(count);
    skip_ -= count;
  }

  /// What op_ does: looking is for holes when sending, for the disk's word at a marker when receiving.
  enum class Doing : std::uint8_t { getting, putting, looking, working };

  FlowEnds ends_;
  std::unique_ptr<core::Codec> codec_;
  bool slow_;
  core::Progress worked_;  ///< by the thread
  io::Op op_;
  LentBuffer in_, out_;
  std::uint64_t skip_ = 0;
  core::Marks marks_ = core::mark::none;  ///< behind what is in out_
  bool input_ended_ = false;
  Doing doing_ = Doing::getting;
  bool cancelled_ = false;
};

class CodecSend final : public CodecFlow {
 public:
  CodecSend(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers, std::unique_ptr<core::Codec> codec,
            Sending what)
      : CodecFlow(reactor, ends, LentBuffer(buffers), what.unsent ? *std::move(what.unsent) : LentBuffer(buffers),
                  std::move(codec)),
        size_(static_cast<std::int64_t>(what.size)),
        page_(what.page),
        run_end_(what.page > 0 ? ends.offset : size_),
        source_(std::move(what.source)),
        gather_most_(std::min(what.gather, out_.room().size() / 2)),
        inherited_(out_.held().size()) {
    skip_ = what.skip;
    input_ended_ = !source_ && offset_ >= size_;
  }
  // The client has been told that it gets what earlier flows left: the op that carries it goes on.
  void cancel() override {
    cancelled_ = true;
    const bool owes = doing_ == Doing::putting && inherited_ > 0;
    if (!owes) reactor_.cancel(op_);
    if (source_) source_->cancel();
  }
  void give_up() override { CodecFlow::cancel(); }
  // Of a flow that was cut short only what is not its own: the client has been told that it got that.
  std::optional<LentBuffer> take_unsent() override {
    const bool whole = (marks_ & core::mark::end_of_file) != 0 && !cancelled_;
    if (!whole) out_.end = out_.begin + inherited_;
    if (out_.empty()) return std::nullopt;
    if (whole) octets_ += out_.held().size() - inherited_;
    return std::move(out_);
  }

 private:
  // What is skipped must not be sent: then nothing may stand before it.
  bool gathers() const override {
    return out_.held().size() < gather_most_ && out_.behind().size() >= gather_most_ && skip_ == 0;
  }
  void fetch() override {
    if (source_) return source_->pull(in_.room(), &CodecSend::on_pulled, this);
    if (offset_ >= run_end_) {
      doing_ = Doing::looking;
      op_.find_data(ends_.file, offset_);
    } else {
      const auto count = std::min<std::size_t>(in_.room().size(), static_cast<std::size_t>(run_end_ - offset_));
      op_.read(ends_.file, in_.room().first(count), offset_);
    }
    reactor_.submit(op_);
  }
  void put() override {
    op_.send(ends_.socket, out_.held());
    reactor_.submit(op_);
  }

  // The end is known before it is read, so that it goes out with the last octets. A file that ends before was
  // cut meanwhile: that must not pass for the whole.
  std::int32_t on_got(std::int32_t n) override {
    offset_ += n;
    input_ended_ = offset_ >= size_;
    return n == 0 ? -EIO : n;
  }

  // STRU P: a hole is told, not read. Where it ends the file, its size still has to be told: the last page is data.
  void on_looked(io::Op& op) override {
    if (op.result < 0) return end({-op.result, true});
    const bool end_is_there = op.kind == io::OpKind::read;
    if (end_is_there && op.result == 0) return end({EIO, true});
    const bool found = !end_is_there && op.length > 0 && op.offset < size_;
    if (!found && !end_is_there) return look_at_end();
    const std::int64_t target = found ? op.offset : size_;
    const std::int64_t behind = found ? op.offset + op.length : size_;
    const std::int64_t begin = target - target % page_;
    if (begin > offset_) codec_->jump(static_cast<std::uint64_t>(begin));
    offset_ = std::max(offset_, begin);
    run_end_ = std::min(size_, (behind + page_ - 1) / page_ * page_);
    input_ended_ = offset_ >= size_;
    pump();
  }

  // A hole up to the end: or was the file cut? Its last octet tells.
  void look_at_end() {
    doing_ = Doing::looking;
    op_.read(ends_.file, in_.room().first(1), size_ - 1);
    reactor_.submit(op_);
  }

  void on_put(std::int64_t n) override {
    const auto count = static_cast<std::uint64_t>(n);
    const std::uint64_t others = std::min(count, inherited_);
    inherited_ -= others;
    others_ += others;
    octets_ += count - others;
  }
  bool input_is_file() const override { return true; }
  static void on_pulled(void* to, std::int32_t result) {
    auto& self = *static_cast<CodecSend*>(to);
    self.input_ended_ = result == 0;
    self.on_fetched(result);
  }

  std::int64_t size_, page_;
  std::int64_t run_end_;  ///< up to here the file has octets to be read
  std::unique_ptr<Source> source_;
  std::size_t gather_most_;
  std::uint64_t inherited_;  ///< octets of out_ that earlier flows left
};

class CodecReceive final : public CodecFlow {
 public:
  CodecReceive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers, std::unique_ptr<core::Codec> codec,
               std::optional<LentBuffer> early)
      : CodecFlow(reactor, ends, early ? *std::move(early) : LentBuffer(buffers), LentBuffer(buffers),
                  std::move(codec)) {
    octets_ = in_.held().size();
    timer_.bind<&CodecReceive::sync>(*this);
  }
  void cancel() override {
    CodecFlow::cancel();
    reactor_.disarm(timer_);
  }
  bool resting() const override { return untold_ || waiting_; }
  void resume() override {
    if (untold_) pump();
  }
  std::optional<LentBuffer> take_rest() override {
    if (in_.empty()) return std::nullopt;
    octets_ -= in_.held().size();
    return std::move(in_);
  }

 private:
  void fetch() override {
    op_.recv(ends_.socket, in_.room());
    reactor_.submit(op_);
  }
  void put() override {
    if (offset_ + std::ssize(out_.held()) > ends_.length_max) return end({EFBIG, true});
    // Against what the codec took: what waits in the buffer is not made into anything yet.
    if (!ends_.growth.admits(put_ + out_.held().size(), octets_ - in_.held().size())) return end({EOVERFLOW, true});
    op_.write(ends_.file, out_.held(), offset_);
    reactor_.submit(op_);
  }
  std::int32_t on_got(std::int32_t n) override {
    octets_ += static_cast<std::uint64_t>(n);
    input_ended_ = n == 0;
    return n;
  }
  void on_put(std::int64_t n) override {
    offset_ += n;
    written_ = std::max(written_, offset_);
    unsynced_ += n;
    put_ += static_cast<std::uint64_t>(n);
  }
  bool input_is_file() const override { return false; }

  // "It SHOULD force the data to that point to be written to stable storage" (RFC 1123 4.1.3.4). But a client
  // does not decide how often the disk is told to: markers behind few octets wait for each other.
  bool on_marker() override {
    if (unsynced_ == 0) return tell_marker();
    const io::Time earliest = last_sync_ + sync_interval;
    if (unsynced_ >= worth_a_sync || reactor_.now() >= earliest) {
      sync();
    } else {
      waiting_ = true;
      reactor_.arm(timer_, earliest);
    }
    return false;
  }
  void sync() {
    waiting_ = false;
    unsynced_ = 0;
    last_sync_ = reactor_.now();
    doing_ = Doing::looking;
    op_.sync(ends_.file);
    reactor_.submit(op_);
  }
  void on_looked(io::Op& op) override {
    if (op.result < 0) return end({-op.result, true});
    pump();  // synced: it comes to the marker again
  }
  bool tell_marker() {
    std::string own = std::to_string(offset_);
    if (const std::string state = codec_->state(); !state.empty()) (own += '+') += state;
    untold_ = false;  // now: being told may end the transfer
    untold_ = !cancelled_ && !owner().on_flow_marker(codec_->marker(), own);
    return !untold_;
  }

  static constexpr io::Time sync_interval = 20 * io::millisecond;
  static constexpr std::int64_t worth_a_sync = 256 * 1024;  ///< octets

  io::Timer timer_;
  io::Time last_sync_ = -sync_interval;
  std::int64_t unsynced_ = 0;  ///< octets written since
  std::uint64_t put_ = 0;      ///< octets written in all
  bool waiting_ = false;       ///< for the timer
  bool untold_ = false;        ///< the owner did not take the marker
};

}  // namespace

std::unique_ptr<Flow> make_kernel_send(io::Reactor& reactor, const FlowEnds& ends, std::uint64_t size) {
  return std::make_unique<KernelSend>(reactor, ends, size);
}

std::unique_ptr<Flow> make_kernel_receive(io::Reactor& reactor, const FlowEnds& ends, std::int64_t size) {
  return std::make_unique<KernelReceive>(reactor, ends, size);
}

std::unique_ptr<Flow> make_codec_send(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                      std::unique_ptr<core::Codec> codec, Sending what) {
  return std::make_unique<CodecSend>(reactor, ends, buffers, std::move(codec), std::move(what));
}

std::unique_ptr<Flow> make_codec_receive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                         std::unique_ptr<core::Codec> codec, std::optional<LentBuffer> early) {
  return std::make_unique<CodecReceive>(reactor, ends, buffers, std::move(codec), std::move(early));
}

}  // namespace net
