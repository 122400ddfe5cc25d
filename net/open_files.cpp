// Finding, learning and forgetting.
#include "net/open_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <utility>

#include "core/path.hpp"

namespace net {
namespace {

// What a directory's time of change does not tell (a file system mounted over it, another host's changes on a network
// file system) is known after so long; and an unlinked file gives its space back.
constexpr io::Time kept_for = 2 * io::second;
// Changes within a tick of the file system's clock bear the same time: what has changed so lately may change again
// without showing it.
constexpr std::int64_t tick = 20 * io::millisecond;
// Directories that change all the time are asked about no oftener.
constexpr io::Time learn_interval = io::millisecond;
// Of so many descriptors one is left to sessions and transfers.
constexpr int left_share = 8;
constexpr int dropped_for_room = 64;

}  // namespace

OpenFiles::OpenFiles(io::Reactor& reactor, std::size_t limit, int descriptors)
    : reactor_(reactor), limit_(limit), highest_(descriptors - descriptors / left_share) {
  open_op_.bind<&OpenFiles::on_opened>(*this);
  timer_.bind<&OpenFiles::on_time>(*this);
}

OpenFiles::~OpenFiles() { close(); }

void OpenFiles::close() {
  limit_ = 0;
  reactor_.disarm(timer_);
  reactor_.cancel(open_op_);
  files_.clear();
  order_.clear();
  directories_.clear();
}

// ---- Finding ----

std::shared_ptr<const OpenFile> OpenFiles::find(const std::shared_ptr<Root>& root, std::string_view path) {
  if (files_.empty()) return nullptr;
  asked_.root = root.get();
  asked_.path.assign(path);
  const auto found = files_.find(asked_);
  if (found == files_.end()) return nullptr;
  const auto kept = found->second;
  if (kept->until > reactor_.now() && holds(*kept->in)) return kept->file;
  drop(kept);
  return nullptr;
}

// Whatever a client has seen before it sent the command that is carried out now, happened before that was received: one
// question after that is enough.
bool OpenFiles::holds(const Directory& directory) const {
  if (directory.until <= reactor_.now()) return false;
  if (directory.looked != doubts_) {
    if (reactor_.backend().changed_at(directory.fd()) != directory.changed) return false;
    directory.looked = doubts_;
  }
  return !directory.parent || holds(*directory.parent);
}

OpenFiles::Way OpenFiles::way_to(const std::shared_ptr<Root>& root, std::string_view path) {
  return limit_ > 0 ? directory_of(root, core::parent_path(path)) : nullptr;
}

// nullptr: it is not known, or has changed; then what is missing of the way is learnt, a directory at a time.
OpenFiles::Way OpenFiles::directory_of(const std::shared_ptr<Root>& root, std::string_view path) {
  asked_.root = root.get();
  asked_.path.assign(path);
  const auto found = directories_.find(asked_);
  if (found != directories_.end() && holds(*found->second)) return found->second;
  if (found != directories_.end()) directories_.erase(found);
  Way parent;
  if (path != "/") {
    parent = directory_of(root, core::parent_path(path));
    if (!parent) return nullptr;
  }
  learn(root, path, std::move(parent));
  return nullptr;
}

// ---- Learning ----

void OpenFiles::learn(const std::shared_ptr<Root>& root, std::string_view path, Way parent) {
  if (!open_op_.idle() || reactor_.now() < learn_next_) return;
  learn_next_ = reactor_.now() + learn_interval;
  learning_root_ = root;
  learning_parent_ = std::move(parent);
  learning_.assign(path);
  if (path == "/") {
    remember(-1);
    return end_learning();
  }
  learning_below_.assign(core::below_root(path));
  const open_how how{.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                     .mode = 0,
                     .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};
  open_op_.open(root->directory(), learning_below_.c_str(), how);
  reactor_.submit(open_op_);
}

void OpenFiles::on_opened(io::Op& op) {
  if (op.result >= 0) remember(op.result);
  end_learning();
}

void OpenFiles::end_learning() {
  learning_parent_.reset();
  learning_root_.reset();
}

// -1: the root's own descriptor.
void OpenFiles::remember(int fd) {
  io::Backend& backend = reactor_.backend();
  const std::int64_t changed = backend.changed_at(fd >= 0 ? fd : learning_root_->directory());
  auto file = fd >= 0 ? std::make_shared<const OpenFile>(reactor_, fd, changed) : nullptr;
  if (limit_ == 0 || changed < 0 || backend.wall_clock() - changed < tick) return;
  if (directories_.size() >= limit_ || fd > highest_) directories_.clear();
  if (fd > highest_) return;
  const Directory directory{.root = learning_root_,
                            .parent = learning_parent_,
                            .file = std::move(file),
                            .changed = changed,
                            .until = reactor_.now() + kept_for};
  directories_.insert_or_assign(Place{learning_root_.get(), learning_}, std::make_shared<const Directory>(directory));
  if (!timer_.armed()) reactor_.arm(timer_, directory.until);
}

// ---- Keeping ----

void OpenFiles::keep(const Way& way, std::string_view path, std::shared_ptr<const OpenFile> file) {
  if (limit_ == 0) return;
  asked_.root = way->root.get();
  asked_.path.assign(path);
  if (const auto old = files_.find(asked_); old != files_.end()) drop(old->second);
  if (files_.size() >= limit_) drop(order_.begin());
  if (file->fd() > highest_) return make_room();
  order_.push_back({asked_, std::move(file), way, reactor_.now() + kept_for});
  files_.emplace(asked_, std::prev(order_.end()));
}

// The lowest free number is given to what is opened: a high one says that few are left, and sessions need them.
void OpenFiles::make_room() {
  for (int i = 0; i < dropped_for_room && !order_.empty(); ++i) drop(order_.begin());
}

void OpenFiles::drop(std::list<Kept>::iterator kept) {
  files_.erase(kept->place);
  order_.erase(kept);
}

void OpenFiles::on_time() {
  const io::Time now = reactor_.now();
  while (!order_.empty() && order_.front().until <= now) drop(order_.begin());
  std::erase_if(directories_, [now](const auto& one) { return one.second->until <= now; });
  if (!directories_.empty() || !order_.empty()) reactor_.arm(timer_, now + kept_for);
}

}  // namespace net
