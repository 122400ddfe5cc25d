// The walk: visit() takes what is pending next, enter() reads a directory, leave() removes it.
#include "net/tree_work.hpp"

#include <fcntl.h>

#include <cerrno>

#include "core/limits.hpp"
#include "core/path.hpp"

namespace net {
namespace {

constexpr std::uint64_t to_read = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::uint64_t to_hold = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr std::uint64_t block = 512;  // stx_blocks counts these, whatever the file system's are

// It went away by itself, which is as well.
bool vanished(std::int32_t result) { return result == -ENOENT; }

}  // namespace

TreeWork::TreeWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root,
                   std::string_view path, bool removes)
    : Work(context, limits, path), root_(std::move(root)), removes_(removes), here_(".") {
  op_.bind<&TreeWork::on_op_done>(*this);
  if (removes_) batch_.wanted = io::DirFacts::kind;
}

void TreeWork::submit(Then then) {
  then_ = then;
  reactor_.submit(op_);
}

void TreeWork::open(int directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve, Then then) {
  const open_how how{.flags = flags, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
  op_.open(directory, path.c_str(), how);
  submit(then);
}

// Not at once: the last close of a directory that is removed frees its blocks.
void TreeWork::close(int& directory) { reactor_.close(std::exchange(directory, -1)); }

// The first error is told. What removes goes on (draft-peterson 2.2); a measure has nothing else to tell then.
void TreeWork::note(std::int32_t result) {
  if (result < 0 && !vanished(result) && first_error_ == 0) first_error_ = -result;
}

void TreeWork::end(int error) {
  for (int* directory : {&holder_, &top_, &directory_}) close(*directory);
  root_.reset();
  number_ = progress_.octets;
  finish(error);
}

// ---- The top ----

// What is removed is not a link's target: its name must be the directory's own.
void TreeWork::begin() {
  name_ = core::below_root(removes_ ? core::parent_path(path()) : std::string_view(path()));
  if (removes_) return open(root_->directory(), name_, to_hold, 0, &TreeWork::on_holder_opened);
  open(root_->directory(), name_, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &TreeWork::on_top_opened);
}

void TreeWork::on_holder_opened(std::int32_t result) {
  if (result < 0) return end(-result);
  holder_ = result;
  name_ = core::last_name(path());
  open(holder_, name_, to_read, RESOLVE_NO_SYMLINKS, &TreeWork::on_top_opened);
}

void TreeWork::on_top_opened(std::int32_t result) {
  if (result < 0) return end(-result);
  top_ = result;
  op_.stat(top_, "", AT_EMPTY_PATH, facts_);
  submit(&TreeWork::on_top_known);
}

void TreeWork::on_top_known(std::int32_t result) {
  if (result < 0) return end(-result);
  count(facts_);
  enter();
}

// ---- The walk ----

void TreeWork::visit() {
  if (cancelled()) return end(ECANCELED);
  if (pending_.empty() || ends_early()) return end(first_error_);
  pending_.pop_back();
  const std::size_t begin = pending_.rfind('/') + 1;  // 0 when there is none
  name_ = pending_.substr(begin);
  pending_.resize(begin);
  if (name_.empty()) return leave();
  (here_ += '/') += name_;
  enter();
}

void TreeWork::enter() {
  pending_ += '/';
  open(top_, here_, to_read, RESOLVE_NO_SYMLINKS, &TreeWork::on_entered);
}

void TreeWork::on_entered(std::int32_t result) {
  note(result);
  if (result < 0) return visit();
  directory_ = result;
  read();
}

void TreeWork::read() {
  op_.read_dir(directory_, batch_);
  submit(&TreeWork::on_read);
}

void TreeWork::on_read(std::int32_t result) {
  note(result);
  if (result > 0 && !ends_early()) {
    next_ = 0;
    return next_entry();
  }
  close(directory_);
  visit();
}

void TreeWork::next_entry() {
  while (next_ < batch_.entries.size() && !ends_early())
    if (take(batch_.entries[next_++])) return;
  if (!ends_early()) return read();
  close(directory_);
  visit();
}

// True: an op is under way, and goes on with the next entry.
bool TreeWork::take(const io::DirEntry& entry) {
  const bool is_directory = entry.has_facts && S_ISDIR(entry.facts.stx_mode);
  if (is_directory) remember(entry.name);
  if (is_directory || (!removes_ && entry.has_facts)) {
    if (!removes_) count(entry.facts);
    return false;
  }
  name_ = entry.name;
  if (removes_) {
    op_.remove(directory_, name_.c_str(), 0);
    submit(&TreeWork::on_entry_removed);
  } else {  // why are there no facts?
    op_.stat(directory_, name_.c_str(), AT_SYMLINK_NOFOLLOW, facts_);
    submit(&TreeWork::on_entry_known);
  }
  return true;
}

void TreeWork::on_entry_known(std::int32_t result) {
  note(result);
  if (result == 0) count(facts_);
  if (result == 0 && S_ISDIR(facts_.stx_mode)) remember(name_);
  next_entry();
}

void TreeWork::on_entry_removed(std::int32_t result) {
  note(result);
  if (result == 0) {
    removed_here_ = true;
    ++progress_.objects;
  }
  next_entry();
}

void TreeWork::remember(std::string_view name) {
  if (pending_.size() + name.size() >= core::limits::tree_pending_max) return note(removes_ ? -ENOBUFS : -E2BIG);
  (pending_ += name) += '/';
}

// ---- Back up ----

void TreeWork::leave() {
  const bool at_top = here_ == ".";
  if (!removes_) {
    if (!at_top) here_.resize(here_.rfind('/'));
    return visit();
  }
  if (at_top) {
    name_ = core::last_name(path());
    return remove_directory();
  }
  const std::size_t slash = here_.rfind('/');
  name_ = here_.substr(slash + 1);
  here_.resize(slash);
  open(top_, here_, to_hold, RESOLVE_NO_SYMLINKS, &TreeWork::on_above_opened);
}

void TreeWork::on_above_opened(std::int32_t result) {
  note(result);
  if (result < 0) return visit();
  directory_ = result;
  remove_directory();
}

void TreeWork::remove_directory() {
  op_.remove(directory_ >= 0 ? directory_ : holder_, name_.c_str(), AT_REMOVEDIR);
  submit(&TreeWork::on_directory_removed);
}

// Some file systems skip entries while others are removed, and somebody may add some: then it is read once more, for as
// long as that gains something.
void TreeWork::on_directory_removed(std::int32_t result) {
  const bool was_top = directory_ < 0;
  close(directory_);
  if (result == -ENOTEMPTY && first_error_ == 0 && std::exchange(removed_here_, false)) {
    if (!was_top) (here_ += '/') += name_;
    return enter();
  }
  note(result);
  if (result == 0) {
    removed_here_ = true;
    ++progress_.objects;
  }
  visit();
}

// Octets that are occupied, as du counts them: a file with several names once.
void TreeWork::count(const struct statx& facts) {
  if (removes_) return;
  const std::uint64_t device = (static_cast<std::uint64_t>(facts.stx_dev_major) << 32) | facts.stx_dev_minor;
  if (!S_ISDIR(facts.stx_mode) && facts.stx_nlink > 1) {
    if (linked_.contains({device, facts.stx_ino})) return;
    if (linked_.size() >= core::limits::tree_links_max) return note(-E2BIG);
    linked_.emplace(device, facts.stx_ino);
  }
  ++progress_.objects;
  progress_.octets += facts.stx_blocks * block;
}

}  // namespace net
