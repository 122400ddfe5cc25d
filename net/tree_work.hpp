// A directory and all below it: measured (DSIZ) or removed (RMDA). Depth first, with one directory open at a time, and
// memory for the names of directories that were seen and not yet entered.
// Symbolic links below the top are objects here, and are never followed: all is opened from the top with
// RESOLVE_NO_SYMLINKS, so that nobody who swaps a directory for a link meanwhile leads it elsewhere. A link to the top
// itself is followed to measure, not to remove.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "io/dir_batch.hpp"
#include "net/work.hpp"

namespace net {

class TreeWork final : public Work {
 public:
  TreeWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root, std::string_view path,
           bool removes);

 private:
  using Then = void (TreeWork::*)(std::int32_t result);

  void begin() override;
  void stop() override { reactor_.cancel(op_); }
  void end(int error);
  void submit(Then then);
  void on_op_done(io::Op& op) { (this->*then_)(op.result); }
  void open(int directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve, Then then);
  void close(int& directory);
  void note(std::int32_t result);
  bool ends_early() const { return cancelled() || (!removes_ && first_error_ != 0); }

  void on_holder_opened(std::int32_t result);
  void open_top();
  void on_top_opened(std::int32_t result);
  void on_top_known(std::int32_t result);
  void visit();
  void enter();
  void on_entered(std::int32_t result);
  void read();
  void on_read(std::int32_t result);
  void next_entry();
  bool take(const io::DirEntry& entry);
  void on_entry_known(std::int32_t result);
  void on_entry_removed(std::int32_t result);
  void remember(std::string_view name);
  void leave();
  void on_above_opened(std::int32_t result);
  void remove_directory();
  void on_directory_removed(std::int32_t result);
  void count(const struct statx& facts);

  io::Op op_;
  Then then_ = nullptr;
  std::shared_ptr<Root> root_;
  bool removes_;

  int holder_ = -1;     ///< removing: the directory that holds the top
  int top_ = -1;        ///< all below is opened from here
  int directory_ = -1;  ///< whose entries are read, or what holds the one that is removed
  std::string name_;    ///< of the entry or directory that the op in flight is about
  std::string here_;    ///< from the top: ".", "./a", "./a/b"
  /// Names, a slash behind each: directories to be entered, the last one first. An empty name: leave the one that is.
  std::string pending_;
  io::DirBatch batch_;
  std::size_t next_ = 0;  ///< of the batch
  struct statx facts_{};
  std::set<std::pair<std::uint64_t, std::uint64_t>>
      linked_;  ///< files with several names that are counted: device, inode
  int first_error_ = 0;
  bool removed_here_ = false;  ///< something was, since a directory was last found not empty
};

}  // namespace net
