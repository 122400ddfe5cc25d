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
      : Flow(reactor), ends_(ends), size_(static_cast<std::int64_t>(size)) {
    offset_ = ends.offset;
    op_.bind<&KernelSend::on_send_file_done>(*this);
  }
  void start() override {
    op_.send_file(ends_.socket, ends_.file, offset_, ends_.slice);
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
    start();
  }

  FlowEnds ends_;
  std::int64_t size_;
  io::Op op_;
};

class KernelReceive final : public Flow {
 public:
  KernelReceive(io::Reactor& reactor, const FlowEnds& ends) : Flow(reactor), ends_(ends) {
    offset_ = ends.offset;
    op_.bind<&KernelReceive::on_recv_file_done>(*this);
  }
  void start() override {
    op_.recv_file(ends_.socket, ends_.file, offset_, ends_.slice);
    reactor_.submit(op_);
  }
  void cancel() override { reactor_.cancel(op_); }

 private:
  void on_recv_file_done(io::Op& op) {
    if (op.result <= 0) return end({-op.result, op.file_failed});
    offset_ += op.result;
    octets_ += static_cast<std::uint64_t>(op.result);
    if (op.cancelled) return end({ECANCELED, false});
    start();
  }

  FlowEnds ends_;
  io::Op op_;
};

// ---- Codec flows ----

class Identity final : public core::Codec {
 public:
  core::Progress run(std::span<const char> in, std::span<char> out, bool) override {
    const std::size_t count = std::min(in.size(), out.size());
    std::memcpy(out.data(), in.data(), count);
    return {count, count};
  }
};

// A pooled buffer and what is still to be used of it.
struct Buffer {
  explicit Buffer(io::BufferPool& from) : pool(from), data(from.borrow()) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { pool.give_back(data); }

  std::span<char> room() const { return {data, pool.buffer_size()}; }
  std::span<const char> held() const { return {data + begin, end - begin}; }
  void fill(std::size_t count) { begin = 0, end = count; }
  void take(std::size_t count) { begin += count; }
  bool empty() const { return begin == end; }

  io::BufferPool& pool;
  char* data;
  std::size_t begin = 0, end = 0;
};

// Both directions are the same pump: an input that is fetched, a codec, an output that is put. What
// differs is where the two ends are.
class CodecFlow : public Flow {
 public:
  CodecFlow(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers, std::unique_ptr<core::Codec> codec)
      : Flow(reactor),
        ends_(ends),
        codec_(codec ? std::move(codec) : std::make_unique<Identity>()),
        in_(buffers),
        out_(buffers) {
    op_.bind<&CodecFlow::on_op_done>(*this);
  }

  void start() override {
    if (in_.data == nullptr || out_.data == nullptr) return end({ENOBUFS, true});
    pump();
  }
  void cancel() override {
    cancelled_ = true;
    reactor_.cancel(op_);
  }

 protected:
  virtual void fetch() = 0;                 ///< more input, then on_fetched()
  virtual void put() = 0;                   ///< submits op_ for out_.held()
  virtual void on_got(std::int64_t n) = 0;  ///< n octets of input came by op_
  virtual void on_put(std::int64_t n) = 0;  ///< n octets of output are gone
  virtual bool input_is_file() const = 0;

  void on_fetched(std::int32_t result) {
    if (result < 0) return end({-result, input_is_file()});
    in_.fill(static_cast<std::size_t>(result));
    input_ended_ = result == 0;
    pump();
  }

  void pump() {
    if (cancelled_) return end({ECANCELED, false});
    while (out_.empty()) {
      if (in_.empty() && !input_ended_) return fetch();
      const core::Progress progress = codec_->run(in_.held(), out_.room(), input_ended_);
      in_.take(progress.taken);
      out_.fill(progress.made);
      drop_skipped();
      if (in_.empty() && input_ended_ && progress.made == 0) return end({});
    }
    putting_ = true;
    put();
  }

  void on_op_done(io::Op& op) {
    if (!std::exchange(putting_, false)) {
      if (op.result > 0) on_got(op.result);
      return on_fetched(op.result);
    }
    if (op.result < 0) return end({-op.result, !input_is_file()});
    out_.take(static_cast<std::size_t>(op.result));
    on_put(op.result);
    pump();
  }

  void drop_skipped() {
    const auto count = std::min<std::uint64_t>(skip_, out_.held().size());
    out_.take(count);
    skip_ -= count;
  }

  FlowEnds ends_;
  std::unique_ptr<core::Codec> codec_;
  io::Op op_;
  Buffer in_, out_;
  std::uint64_t skip_ = 0;
  bool input_ended_ = false;
  bool putting_ = false;
  bool cancelled_ = false;
};

class CodecSend final : public CodecFlow {
 public:
  CodecSend(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers, std::unique_ptr<core::Codec> codec,
            std::unique_ptr<Source> source, std::uint64_t skip)
      : CodecFlow(reactor, ends, buffers, std::move(codec)), source_(std::move(source)) {
    skip_ = skip;
    offset_ = ends.offset;
  }
  void cancel() override {
    CodecFlow::cancel();
    if (source_) source_->cancel();
  }

 private:
  void fetch() override {
    if (source_) return source_->pull(in_.room(), &CodecSend::on_pulled, this);
    op_.read(ends_.file, in_.room(), offset_);
    reactor_.submit(op_);
  }
  void put() override {
    op_.send(ends_.socket, out_.held());
    reactor_.submit(op_);
  }
  void on_got(std::int64_t n) override { offset_ += n; }
  void on_put(std::int64_t n) override { octets_ += static_cast<std::uint64_t>(n); }
  bool input_is_file() const override { return true; }
  static void on_pulled(void* self, std::int32_t result) { static_cast<CodecSend*>(self)->on_fetched(result); }

  std::unique_ptr<Source> source_;
};

class CodecReceive final : public CodecFlow {
 public:
  CodecReceive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers, std::unique_ptr<core::Codec> codec)
      : CodecFlow(reactor, ends, buffers, std::move(codec)) {
    offset_ = ends.offset;
  }

 private:
  void fetch() override {
    op_.recv(ends_.socket, in_.room());
    reactor_.submit(op_);
  }
  void put() override {
    op_.write(ends_.file, out_.held(), offset_);
    reactor_.submit(op_);
  }
  void on_got(std::int64_t n) override { octets_ += static_cast<std::uint64_t>(n); }
  void on_put(std::int64_t n) override { offset_ += n; }
  bool input_is_file() const override { return false; }
};

}  // namespace

std::unique_ptr<Flow> make_kernel_send(io::Reactor& reactor, const FlowEnds& ends, std::uint64_t size) {
  return std::make_unique<KernelSend>(reactor, ends, size);
}

std::unique_ptr<Flow> make_kernel_receive(io::Reactor& reactor, const FlowEnds& ends) {
  return std::make_unique<KernelReceive>(reactor, ends);
}

std::unique_ptr<Flow> make_codec_send(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                      std::unique_ptr<core::Codec> codec, std::unique_ptr<Source> source,
                                      std::uint64_t skip) {
  return std::make_unique<CodecSend>(reactor, ends, buffers, std::move(codec), std::move(source), skip);
}

std::unique_ptr<Flow> make_codec_receive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                         std::unique_ptr<core::Codec> codec) {
  return std::make_unique<CodecReceive>(reactor, ends, buffers, std::move(codec));
}

}  // namespace net
