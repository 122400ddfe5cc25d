// Files put together into one (SITE CPTO, COMB), a file moved to another file system (RNTO), and directories made down
// a path (SITE MKDIR).
// A copy is made under a temporary name and appears when it is whole, so that a target that was there stays what it was
// until then, and lends it its permissions; the kernel copies, sharing blocks where the file system can.
#pragma once

#include <string>
#include <vector>

#include "net/storage.hpp"
#include "net/work.hpp"

namespace net {

class CopyWork final : public Work {
 public:
  struct Job {
    std::vector<std::string> sources;
    FileTask::Upload target;
    std::uint64_t length_max = UINT64_MAX;
    bool combines = false;  ///< behind what the target holds; the sources are removed at the end
    bool moves = false;     ///< one source, with its mode and time, which is removed when the target is whole
  };
  CopyWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root, std::string_view path,
           Job job);

 private:
  /// What is under way. A task that ends goes on with what follows.
  enum class Phase : std::uint8_t {
    choosing,  ///< looks whether what is moved can be
    looking,   ///< at the target
    opening,   ///< a source
    creating,
    copying,
    comparing,  ///< looks whether what is moved has changed meanwhile
    setting_mode,
    setting_time,
    publishing,
    finding,  ///< looks whether the source's name is still its own
    removing,
    discarding,
  };

  void begin() override;
  void stop() override;
  void on_source_done();
  void on_target_known();
  void on_target_done();
  void on_source_open();
  void copy_piece();
  void on_op_done(io::Op& op);
  void on_copied(io::Op& op);
  void on_source_known();
  void on_copy_whole();
  void on_compared();
  void publish();
  void next_source();
  void remove_sources();
  void fail(int error);
  void end(int error);

  io::Op op_;
  std::shared_ptr<Root> root_;
  FileTask from_, to_;
  Job job_;
  Phase phase_ = Phase::looking;
  std::size_t at_ = 0;  ///< which source
  std::uint64_t offset_ = 0;
  struct statx target_facts_{};   ///< mode 0: there was none
  struct statx moved_{}, now_{};  ///< the source of a move, at first and when it is copied
  int why_ = 0;                   ///< it failed, while what was begun is taken back
};

class PathWork final : public Work {
 public:
  /// `synced`: as FileTask::make_directory().
  PathWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root, std::string_view path,
           unsigned mode, bool synced);

 private:
  void begin() override { next_name(); }
  void stop() override { reactor_.cancel(op_); }
  void next_name();
  void make();
  void end(int error);
  void open();
  void on_op_done(io::Op& op);

  io::Op op_;
  std::shared_ptr<Root> root_;
  unsigned mode_;
  std::size_t end_ = 0;  ///< of the name that is made, in path()
  int above_ = -1;
  std::string name_;
  bool synced_;            ///< what is made is synced
  bool readable_ = false;  ///< the directory that is open can be synced
  enum class Doing : std::uint8_t { opening, making, syncing } doing_ = Doing::opening;
};

}  // namespace net
