// One digest of one file (HASH and its kin): opened below the user's root, read and digested a piece at a time, and
// remembered. Knows files, threads and what was made before; must not know commands or replies.
#pragma once

#include <cstdint>
#include <memory>

#include "core/digest.hpp"
#include "net/digests.hpp"
#include "net/flow.hpp"
#include "net/storage.hpp"
#include "net/work.hpp"

namespace net {

class DigestWork final : public Work {
 public:
  DigestWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root,
             const core::WorkSpec& spec);

 private:
  enum class Doing : std::uint8_t { nothing, reading, digesting, looking };

  void begin() override;
  void stop() override { reactor_.cancel(op_); }
  void on_opened();
  int fit_range(std::uint64_t size);
  void read_on();
  void digest();
  void look_again();
  void on_op_done(io::Op& op);
  void end(int error);

  /// Runs on a thread, which touches the digest and the buffer and nothing else.
  static int update(void* work);

  std::uint64_t octets_max_;  ///< 0: any
  std::shared_ptr<Root> root_;
  FileTask file_;
  io::Op op_;
  Doing doing_ = Doing::nothing;

  core::HashAlgorithm algorithm_;
  bool inside_;
  /// What a digest that is not remembered takes.
  struct Making {
    LentBuffer buffer;
    core::Digest digest;
  };
  std::unique_ptr<Making> making_;
  DigestKey key_;  ///< as the file was before it was read
  std::int64_t asked_ns_ = 0;
  std::uint64_t offset_ = 0;  ///< up to here it is digested
  struct statx facts_{};      ///< as it is behind that
};

}  // namespace net
