// Octets between a file or listing and a data connection: four flows behind one interface.
// Kernel flows move octets that user space never sees; codec flows carry them through pooled buffers.
// Knows ops and codecs; must not know commands, replies or how the connection was made.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/codec/codec.hpp"
#include "io/buffer_pool.hpp"
#include "io/reactor.hpp"

namespace net {

struct FlowEnd {
  int error = 0;             ///< errno value; 0: the end was reached in good order
  bool file_failed = false;  ///< the error is the file's, not the connection's
};

/// Where a codec flow's octets come from when it is no plain file: a listing.
class Source {
 public:
  virtual ~Source() = default;
  /// Fills up to into.size() octets and then calls told(to, result): octets, 0 at the end, or a
  /// negative errno. The call may come before pull() returns, and may destroy the source.
  virtual void pull(std::span<char> into, void (*told)(void* to, std::int32_t result), void* to) = 0;
  virtual void cancel() = 0;
  virtual bool busy() const = 0;
};

class Flow {
 public:
  explicit Flow(io::Reactor& reactor) : reactor_(reactor) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  virtual ~Flow() = default;

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    ended_ = [](void* to, const FlowEnd& end) { (static_cast<Owner*>(to)->*Method)(end); };
  }
  virtual void start() = 0;
  /// Ends the flow early; it still ends once, through the bound callback.
  virtual void cancel() = 0;
  /// Octets that went over the data connection.
  std::uint64_t octets() const { return octets_; }
  /// Where the next octet of the file would go: the length of a finished upload.
  std::int64_t offset() const { return offset_; }

 protected:
  void end(const FlowEnd& how) { ended_(owner_, how); }

  io::Reactor& reactor_;
  std::uint64_t octets_ = 0;
  std::int64_t offset_ = 0;

 private:
  void* owner_ = nullptr;
  void (*ended_)(void*, const FlowEnd&) = nullptr;
};

/// The two ends of a flow, and how much of it may have the loop at a time.
struct FlowEnds {
  int socket = -1;
  int file = -1;
  std::int64_t offset = 0;
  std::size_t slice = 512 * 1024;  ///< octets a turn
};

/// File -> socket by io::Op::send_file. `size`: the file's when it was opened; one that ends before
/// was cut meanwhile, which must not pass for the whole.
std::unique_ptr<Flow> make_kernel_send(io::Reactor& reactor, const FlowEnds& ends, std::uint64_t size);
/// Socket -> file by io::Op::recv_file.
std::unique_ptr<Flow> make_kernel_receive(io::Reactor& reactor, const FlowEnds& ends);
/// File or listing -> codec -> socket. No codec passes octets through. The first `skip` octets of what
/// the codec makes are left out (REST counts octets as they travel). `source` nullptr: the file.
std::unique_ptr<Flow> make_codec_send(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                      std::unique_ptr<core::Codec> codec, std::unique_ptr<Source> source,
                                      std::uint64_t skip);
/// Socket -> codec -> file.
std::unique_ptr<Flow> make_codec_receive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                         std::unique_ptr<core::Codec> codec);

}  // namespace net
