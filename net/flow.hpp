// Octets between a file or listing and a data connection: four flows behind one interface.
// Kernel flows move octets that user space never sees; codec flows carry them through pooled buffers.
// Knows ops and codecs; must not know commands, replies or how the connection was made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

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

/// Whom a flow tells.
class FlowOwner {
 public:
  virtual ~FlowOwner() = default;
  virtual void on_flow_end(const FlowEnd& end) = 0;
  /// Receiving: all before a restart marker is stored and synced. `own` is what goes on from here: an offset and
  /// the codec's state. False: not now; the flow rests until resume().
  virtual bool on_flow_marker(std::string_view sender, std::string_view own) = 0;
};

/// A pooled buffer and what is still to be used of it. `data` is nullptr when the pool was empty.
struct LentBuffer {
  explicit LentBuffer(io::BufferPool& from) : pool(&from), data(from.borrow()) {}
  LentBuffer(LentBuffer&& other) noexcept
      : pool(other.pool), data(std::exchange(other.data, nullptr)), begin(other.begin), end(other.end) {}
  LentBuffer& operator=(LentBuffer&& other) noexcept {
    std::swap(pool, other.pool), std::swap(data, other.data), begin = other.begin, end = other.end;
    return *this;
  }
  ~LentBuffer() { pool->give_back(data); }

  std::span<char> room() const { return {data, pool->buffer_size()}; }
  std::span<char> behind() const { return room().subspan(end); }
  std::span<const char> held() const { return {data + begin, end - begin}; }
  void fill(std::size_t count) { begin = 0, end = count; }
  void take(std::size_t count) { begin += count; }
  void add(std::size_t count) { end += count; }
  bool empty() const { return begin == end; }

  io::BufferPool* pool;
  char* data;
  std::size_t begin = 0, end = 0;
};

class Flow {
 public:
  Flow(io::Reactor& reactor, FlowOwner& owner) : reactor_(reactor), owner_(owner) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  virtual ~Flow() = default;

  virtual void start() = 0;
  /// Ends the flow early; it still ends once, unless it rests. What flows before left goes first, which may take as
  /// long as the client likes: see give_up().
  virtual void cancel() = 0;
  /// Behind cancel(): ends it now.
  virtual void give_up() { cancel(); }
  /// True while a marker waits: no op is in flight.
  virtual bool resting() const { return false; }
  /// Tells a marker again that on_flow_marker() did not take; otherwise does nothing.
  virtual void resume() {}
  /// False when the buffers it needs were not there: start() would end with ENOBUFS.
  virtual bool ready() const { return true; }
  /// Octets that went over the data connection.
  std::uint64_t octets() const { return octets_; }
  /// The same and those of flows before: what shows that the connection moves.
  std::uint64_t passed() const { return octets_ + others_; }
  /// Receiving: up to where octets stand in the file.
  std::int64_t written() const { return written_; }
  /// Receiving: how far the file reaches by what came; further than written() where it ends with a hole.
  std::int64_t length() const { return std::max(length_, written_); }
  /// Receiving, after the end: what came behind the marked end of file. It belongs to the next one.
  virtual std::optional<LentBuffer> take_rest() { return std::nullopt; }
  /// Sending, after the end: what is still to be sent, before the connection is closed or anything else is sent.
  virtual std::optional<LentBuffer> take_unsent() { return std::nullopt; }
  /// Receiving: up to where space is set aside, and to be given back behind length().
  std::int64_t reserved() const { return reserved_; }

 protected:
  void end(const FlowEnd& how) { owner_.on_flow_end(how); }
  FlowOwner& owner() { return owner_; }

  io::Reactor& reactor_;
  std::uint64_t octets_ = 0;
  std::uint64_t others_ = 0;  ///< octets that flows before this one had left
  std::int64_t offset_ = 0;
  std::int64_t written_ = 0;
  std::int64_t length_ = 0;
  std::int64_t reserved_ = 0;

 private:
  FlowOwner& owner_;
};

/// How many octets an upload may write against those that came: behind the first `free`, `ratio` for each; 0: any.
struct Growth {
  std::uint64_t ratio = 0;
  std::uint64_t free = 64ull * 1024 * 1024;

  bool admits(std::uint64_t written, std::uint64_t came) const {
    return ratio == 0 || written <= free || (written - free) / ratio <= came;
  }
};

/// The two ends of a flow, whom it tells, and how much of it may have the loop at a time.
struct FlowEnds {
  FlowOwner& owner;
  int socket = -1;
  io::Layer* layer = nullptr;  ///< on the socket
  int file = -1;
  std::int64_t offset = 0;              ///< where in the file it begins
  std::size_t slice = 1024 * 1024;      ///< octets at a time
  std::int64_t length_max = INT64_MAX;  ///< receiving: nothing is written from here on; more than that ends with EFBIG
  Growth growth{};                      ///< receiving: more than that ends with EOVERFLOW
  std::int64_t reserve = 0;             ///< receiving: octets of space to set aside at a time; 0: none
  bool appends = false;                 ///< receiving: the file was opened with O_APPEND
};

/// File -> socket by io::Op::send_file. `size`: the file's when it was opened; one that ends before
/// was cut meanwhile, which must not pass for the whole.
std::unique_ptr<Flow> make_kernel_send(io::Reactor& reactor, const FlowEnds& ends, std::uint64_t size);
/// Socket -> file by io::Op::recv_file. `size`: the file's, or what is set aside for it already.
std::unique_ptr<Flow> make_kernel_receive(io::Reactor& reactor, const FlowEnds& ends, std::int64_t size);

/// What a codec flow sends, beside the codec.
struct Sending {
  std::uint64_t size = 0;  ///< the file's
  std::uint64_t skip = 0;  ///< octets of what the codec makes that are left out (REST)
  std::int64_t page = 0;   ///< octets of a page: holes are told to the codec and never read; 0: the file is read whole
  std::unique_ptr<Source> source{};  ///< what is sent in place of the file
  std::size_t gather = 0;  ///< fewer octets are left unsent at the end, for the next flow on this connection to add to
  std::optional<LentBuffer> unsent{};  ///< what the flow before left
};
/// File or listing -> codec -> socket.
std::unique_ptr<Flow> make_codec_send(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                      std::unique_ptr<core::Codec> codec, Sending what);
/// Socket -> codec -> file. `early`: what came on the connection before.
std::unique_ptr<Flow> make_codec_receive(io::Reactor& reactor, const FlowEnds& ends, io::BufferPool& buffers,
                                         std::unique_ptr<core::Codec> codec, std::optional<LentBuffer> early);

}  // namespace net
