// One digest of one file: opened below the user's root, read and digested a piece at a time, and remembered. Knows
// files, threads and what was made before; must not know commands or replies.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/action.hpp"
#include "core/digest.hpp"
#include "net/digests.hpp"
#include "net/flow.hpp"
#include "net/storage.hpp"

namespace net {

class DigestTask {
 public:
  DigestTask(io::Reactor& reactor, Digests& digests, io::BufferPool& buffers);
  ~DigestTask() { --digests_.running; }
  DigestTask(const DigestTask&) = delete;
  DigestTask& operator=(const DigestTask&) = delete;

  /// Whom to tell at the end; the task may be destroyed then.
  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    done_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }

  /// Of more than `most` octets: EFBIG; 0: any.
  void start(std::shared_ptr<Root> root, const core::action::Digest& wanted, std::uint64_t most);
  /// It ends soon, with ECANCELED.
  void cancel();
  core::TransferProgress progress() const;
  const core::DigestEnd& end() const { return end_; }

 private:
  enum class Doing : std::uint8_t { nothing, reading, digesting, looking };

  void on_opened();
  int fit_range(std::uint64_t size);
  void read_on();
  void digest();
  void look_again();
  void on_op_done(io::Op& op);
  void finish(int error);

  /// Runs on a thread, which touches the digest and the buffer and nothing else.
  static int update(void* task);

  io::Reactor& reactor_;
  Digests& digests_;
  io::BufferPool& buffers_;
  FileTask file_;
  io::Op op_;
  Doing doing_ = Doing::nothing;
  bool cancelled_ = false;

  bool inside_ = false;
  std::uint64_t most_ = 0;
  core::DigestEnd end_;
  std::optional<LentBuffer> buffer_;
  std::optional<core::Digest> digest_;
  DigestKey key_;  ///< as the file was before it was read
  std::int64_t asked_ns_ = 0;
  std::uint64_t offset_ = 0;  ///< up to here it is digested
  struct statx facts_{};      ///< as it is behind that

  void* owner_ = nullptr;
  void (*done_)(void*) = nullptr;
};

}  // namespace net
