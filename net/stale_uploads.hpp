// What crashed uploads left behind: files with temporary names that nobody writes any more. They are removed when their
// directory is next written to, or is to be removed. A running upload, of any process, holds a lock on its file.
// Knows directories, names and locks; must not know sessions or commands.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/dir_batch.hpp"
#include "io/reactor.hpp"
#include "net/root.hpp"

namespace net {

/// One walk through one directory. The bound callback is told once, never from within start().
class StaleSweep {
 public:
  explicit StaleSweep(io::Reactor& reactor);

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    done_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }

  /// `alone`: only where nothing else is in the directory; it ends at the first other name.
  void start(std::shared_ptr<Root> root, std::string_view directory, bool alone);
  /// Ends it soon.
  void cancel();
  bool busy() const { return root_ != nullptr; }
  std::size_t removed() const { return removed_; }
  /// There are files too young to be judged.
  bool met_young() const { return young_; }

 private:
  using Then = void (StaleSweep::*)(std::int32_t result);

  void submit(Then then);
  void on_op_done(io::Op& op) { (this->*then_)(op.result); }
  void on_opened(std::int32_t result);
  void read();
  void on_read(std::int32_t result);
  void next_name();
  void on_file_opened(std::int32_t result);
  void on_file_known(std::int32_t result);
  void on_locked(std::int32_t result);
  void on_removed(std::int32_t result);
  void end();

  io::Reactor& reactor_;
  io::Op op_;
  Then then_ = nullptr;
  std::shared_ptr<Root> root_;
  std::string path_;
  bool alone_ = false, others_ = false, young_ = false, cancelled_ = false;
  int directory_ = -1, file_ = -1;
  std::unique_ptr<io::DirBatch> batch_;
  std::vector<std::string> names_;  ///< still to be looked at
  std::string name_;
  struct statx facts_{};
  std::size_t removed_ = 0;
  void* owner_ = nullptr;
  void (*done_)(void*) = nullptr;
};

/// The directories that were written to, each walked through once in this process's life, one at a time; again, some
/// time later, where young files were met.
class StaleUploads {
 public:
  explicit StaleUploads(io::Reactor& reactor) : reactor_(reactor), sweep_(reactor) {
    sweep_.bind<&StaleUploads::on_swept>(*this);
  }

  /// An upload has begun in this directory.
  void written_to(const std::shared_ptr<Root>& root, std::string_view directory);
  /// From now on nothing is looked at. busy() is to be waited for.
  void close();
  bool busy() const { return sweep_.busy(); }

 private:
  /// A directory by its root, of which no pointer will do: roots come and go, and addresses are used again.
  using Place = std::pair<Root::Identity, std::string>;
  struct Waiting {
    std::shared_ptr<Root> root;
    Place place;
  };
  void next();
  void on_swept();

  io::Reactor& reactor_;
  StaleSweep sweep_;
  std::deque<Waiting> waiting_;
  std::map<Place, io::Time> seen_;  ///< from when on they are worth another look
  Place sweeping_;
  bool closed_ = false;
};

}  // namespace net
