// Steps on files, each one io::Op, chained by rows. RESOLVE_BENEATH is in one place: open_below.
#include "net/storage.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <utility>

#include "core/path.hpp"
#include "net/convert.hpp"

namespace net {
namespace {

// Octets whose blocks are freed sooner than a thread is asked to.
constexpr std::uint64_t small_file = 1024 * 1024;

// As Backend::changed_at() says it.
std::int64_t changed_at(const struct statx& facts) {
  return facts.stx_ctime.tv_sec * io::second + facts.stx_ctime.tv_nsec;
}

}  // namespace

// ---- The runner ----

FileTask::FileTask(io::Reactor& reactor, OpenFiles* kept) : reactor_(reactor), files_(kept) {
  op_.bind<&FileTask::on_op_done>(*this);
}

void FileTask::begin(std::shared_ptr<Root> root, std::string_view path, std::span<const Step> steps) {
  release();
  root_ = std::move(root);
  path_.assign(path);
  run(steps);
}

void FileTask::run(std::span<const Step> steps) {
  assert(!busy_);
  busy_ = true;
  error_ = 0;
  steps_ = steps;
  next();
}

void FileTask::next() {
  if (steps_.empty()) return finish(0);
  running_ = steps_.front();
  steps_ = steps_.subspan(1);
  (this->*running_)();
}

void FileTask::on_op_done(io::Op& op) {
  if (op.result == -EXDEV && op.kind == io::OpKind::rename) return finish(core::action::other_file_system);
  if (op.result < 0 && !tolerated(-op.result)) return finish(-op.result);
  if (int* into = std::exchange(opening_, nullptr); into != nullptr && op.result >= 0) *into = op.result;
  // A step that is not over in one operation is its own successor.
  if (running_ == &FileTask::count_chunk) {
    const auto error = count(static_cast<std::size_t>(op.result));
    return error ? finish(*error) : count_chunk();
  }
  if (running_ == &FileTask::ask_space) count_.made = static_cast<std::uint64_t>(op.length);
  if (running_ == &FileTask::read_link) end_link_text_.resize(static_cast<std::size_t>(op.result));
  if (running_ == &FileTask::open_object && op.result < 0) not_followed_ = -op.result;
  if (running_ == &FileTask::unlink) not_empty_ = op.result < 0;
  if (running_ == &FileTask::rename_names && op.result == 0)
    steps_ = {};  // what follows is for where that is not possible
  if (writes_) return after_upload_step(op);
  next();
}

// Errors that a step expects and that change nothing.
bool FileTask::tolerated(int error) const {
  const bool not_empty = error == ENOTEMPTY || error == EEXIST;
  if (running_ == &FileTask::unlink) return flags_ == AT_REMOVEDIR && not_empty;
  if (running_ == &FileTask::rename_names) return error == EINVAL && flags_ != 0;
  if (running_ == &FileTask::look_taken) return error == ENOENT;
  if (running_ == &FileTask::open_object) return link_at_end_ == LinkAtEnd::fallback;
  return (running_ == &FileTask::open_straight && error == ELOOP) || upload_tolerates(error);
}

// An upload that cannot be opened leaves nothing behind: no temporary or empty file, no space set aside.
void FileTask::finish(int error) {
  opening_ = nullptr;
  const bool take_away = error != 0 && std::exchange(opening_upload_, false) && object_ >= 0;
  if (take_away) {
    first_error_ = error;
    steps_ = steps_back(true);
    return next();
  }
  opening_upload_ = false;
  error_ = first_error_ != 0 ? std::exchange(first_error_, 0) : error;
  busy_ = false;
  for (char** buffer : {&buffer_, &made_})
    if (*buffer != nullptr) buffers_->give_back(std::exchange(*buffer, nullptr));
  counter_.reset();
  done_(owner_);
}

void FileTask::release() {
  assert(!busy_);
  for (int* directory : {&parent_, &parent2_}) reactor_.close(std::exchange(*directory, -1), true);
  for (int* file : {&target_, &claimed_}) reactor_.close(std::exchange(*file, -1));
  if (kept_) object_ = -1;  // it is not ours alone
  kept_.reset();
  way_.reset();
  // The last to close a file without a name frees its blocks: few, if it was small when it was looked at.
  const bool small = object_ >= 0 && !writes_ && facts_.stx_mode != 0 && facts_.stx_size <= small_file;
  reactor_.close(std::exchange(object_, -1), small);
  facts_ = {};
  end_link_text_.clear();
  not_followed_ = 0;
  temporary_.clear();
  created_ = false;
  writes_ = not_empty_ = false;
  sweep_.reset();
  root_.reset();
}

// ---- Steps ----

void FileTask::open_below(std::string_view path, std::uint64_t flags, unsigned mode, int& into, std::uint64_t resolve) {
  below_.assign(core::below_root(path));
  opening_ = &into;
  const open_how how{.flags = flags, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve};
  op_.open(root_->directory(), below_.c_str(), how);
  reactor_.submit(op_);
}

void FileTask::open_object() {
  const std::uint64_t itself = link_at_end_ == LinkAtEnd::itself ? O_NOFOLLOW : 0;
  open_below(path_, O_PATH | O_CLOEXEC | itself, 0, object_);
}

// The "." asks for the right to search the directory.
void FileTask::open_inside() {
  open_below(path_ == "/" ? "/." : path_ + "/.", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, object_);
}

// What could not be followed is a link, or the path leads nowhere without one.
void FileTask::open_link() {
  if (object_ >= 0) return next();
  open_below(path_, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, object_);
}

void FileTask::read_link() {
  if (!S_ISLNK(facts_.stx_mode)) return not_followed_ != 0 ? finish(not_followed_) : next();
  end_link_text_.resize(PATH_MAX);
  op_.read_link(object_, "", end_link_text_);
  reactor_.submit(op_);
}
void FileTask::open_parent() { open_below(core::parent_path(path_), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, parent_); }
void FileTask::open_parent2() { open_below(core::parent_path(path2_), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, parent2_); }

void FileTask::find_kept() {
  if (files_ == nullptr) return next();
  kept_ = files_->find(root_, path_);
  if (kept_) object_ = kept_->fd();
  if (!kept_) way_ = files_->way_to(root_, path_);
  next();
}

// What a link leads to may change without its directory telling.
void FileTask::open_straight() {
  if (object_ >= 0 || !way_) return next();
  open_below(path_, O_RDONLY | careful, 0, object_, RESOLVE_NO_SYMLINKS);
}

void FileTask::open_read() {
  if (object_ >= 0) return next();
  way_.reset();
  open_below(path_, O_RDONLY | careful, 0, object_);
}

// One that was changed in place is opened anew: who may read it may have changed as well.
void FileTask::want_unchanged() {
  if (!kept_ || kept_->changed() == changed_at(facts_)) return next();
  kept_.reset();
  object_ = -1;
  steps_ = reading.subspan(1);
  next();
}

void FileTask::keep() {
  if (!way_ || facts_.stx_size > small_file) return next();
  kept_ = std::make_shared<const OpenFile>(reactor_, object_, changed_at(facts_));
  files_->keep(way_, path_, kept_);
  next();
}

void FileTask::open_listing() { open_below(path_, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, object_); }

void FileTask::stat_object() {
  op_.stat(object_, "", AT_EMPTY_PATH, facts_);
  reactor_.submit(op_);
}

void FileTask::want_regular() {
  if (S_ISDIR(facts_.stx_mode)) return finish(EISDIR);
  if (!S_ISREG(facts_.stx_mode)) return finish(ENXIO);
  next();
}

void FileTask::make_dir() {
  below_.assign(core::last_name(path_));
  op_.make_dir(parent_, below_.c_str(), mode_);
  reactor_.submit(op_);
}

void FileTask::sync_made() {
  if (!upload_.synced || syncs_all_) return next();
  op_.sync(parent_);
  reactor_.submit(op_);
}

void FileTask::unlink() {
  below_.assign(core::last_name(path_));
  op_.remove(parent_, below_.c_str(), flags_);
  reactor_.submit(op_);
}

// What a crashed upload has left there nobody sees, so it must not keep the directory.
void FileTask::sweep() {
  if (!not_empty_) return next();
  sweep_ = std::make_unique<StaleSweep>(reactor_);
  sweep_->bind<&FileTask::on_swept>(*this);
  sweep_->start(root_, path_, true);
}

void FileTask::on_swept() {
  if (sweep_->removed() == 0) return finish(ENOTEMPTY);
  next();
}

void FileTask::unlink_swept() {
  if (!not_empty_) return next();
  unlink();
}

void FileTask::rename_names() {
  below_.assign(core::last_name(path_));
  below2_.assign(core::last_name(path2_));
  op_.rename(parent_, below_.c_str(), parent2_, below2_.c_str(), static_cast<unsigned>(flags_));
  reactor_.submit(op_);
}

// Where the file system has no RENAME_NOREPLACE (FUSE, NFS) a file gets its new name as a link, which never replaces
// anything, and then loses the old one. A directory can have no second name; what a rename of one may replace is an
// empty directory, made in the moment behind the look.
void FileTask::look_old() {
  op_.stat(parent_, below_.c_str(), AT_SYMLINK_NOFOLLOW, facts_);
  reactor_.submit(op_);
}

void FileTask::link_renamed() {
  flags_ = S_ISDIR(facts_.stx_mode) ? AT_REMOVEDIR : 0;
  if (flags_ != 0) return next();
  op_.link(parent_, below_.c_str(), parent2_, below2_.c_str(), 0);
  reactor_.submit(op_);
}

void FileTask::look_taken() {
  if (flags_ == 0) return next();
  facts_ = {};
  op_.stat(parent2_, below2_.c_str(), AT_SYMLINK_NOFOLLOW, facts_);
  reactor_.submit(op_);
}

void FileTask::want_untaken() {
  if (flags_ != 0 && facts_.stx_mode != 0) return finish(EEXIST);
  next();
}

void FileTask::leave_old() {
  if (flags_ == 0) {
    op_.remove(parent_, below_.c_str(), 0);
  } else {
    op_.rename(parent_, below_.c_str(), parent2_, below2_.c_str(), 0);
  }
  reactor_.submit(op_);
}

void FileTask::count_begin() {
  if (facts_.stx_size > length_) return finish(EFBIG);
  buffer_ = buffers_->borrow();
  made_ = buffers_->borrow();
  if (buffer_ == nullptr || made_ == nullptr) return finish(ENOBUFS);
  counter_ = core::make_encoder(as_);
  count_ = {};
  offset_ = 0;
  next();
}

// An errno value when all is counted, or cannot be. In TYPE A no more is made than is wanted, so that the split is
// exact; other codecs need their room, and split where they hold nothing.
std::optional<int> FileTask::count(std::size_t octets) {
  const bool to_the_octet = as_.type == core::Type::ascii && as_.structure == core::Structure::file;
  const core::Marks behind = octets == 0 ? core::mark::end_of_file : core::mark::none;
  std::span<const char> in(buffer_, octets);
  while (true) {
    std::uint64_t room = buffers_->buffer_size();
    if (to_the_octet) room = std::min(room, until_ - count_.made);
    const core::Progress done = counter_->run(in, {made_, static_cast<std::size_t>(room)}, behind);
    in = in.subspan(done.taken);
    offset_ += static_cast<std::int64_t>(done.taken);
    count_.made += done.made;
    const auto offset = static_cast<std::uint64_t>(offset_);
    // At the end, records and pages have made their end code too, which would be made again from there.
    const bool inside = as_.structure == core::Structure::file || offset < facts_.stx_size;
    const bool empty = counter_->state().empty() && offset % core::resume_unit(as_) == 0;
    if (empty && inside && count_.made <= until_) {
      count_.split_offset = offset;
      count_.split_made = count_.made;
    }
    if (done.error != 0 || count_.made >= until_) return done.error;
    if ((done.marks & core::mark::end_of_file) != 0) return 0;
    if (!done.idle()) continue;
    if (in.empty() && octets > 0) return std::nullopt;
    return 0;  // between CR and LF
  }
}

void FileTask::count_chunk() {
  op_.read(object_, {buffer_, buffers_->buffer_size()}, offset_);
  reactor_.submit(op_);
}

// ---- Rows of steps ----

void FileTask::look(std::shared_ptr<Root> root, std::string_view path, LinkAtEnd link) {
  static constexpr Step steps[] = {&FileTask::open_object, &FileTask::open_link, &FileTask::stat_object,
                                   &FileTask::read_link};
  link_at_end_ = link;
  begin(std::move(root), path, steps);
}

void FileTask::look_inside(std::shared_ptr<Root> root, std::string_view path) {
  static constexpr Step steps[] = {&FileTask::open_inside, &FileTask::stat_object};
  begin(std::move(root), path, steps);
}

core::Entry FileTask::entry() const {
  core::Entry entry = to_entry(facts_);
  const bool seen = not_followed_ != EXDEV && core::stays_below_root(core::parent_path(path_), end_link_text_);
  if (entry.kind == core::Entry::Kind::link && seen) entry.leads_to = end_link_text_;
  return entry;
}

void FileTask::make_directory(std::shared_ptr<Root> root, std::string_view path, unsigned mode, bool synced) {
  static constexpr Step steps[] = {&FileTask::hold_parent, &FileTask::hold_parent_unread, &FileTask::make_dir,
                                   &FileTask::sync_made};
  upload_ = Upload{};
  upload_.synced = synced;
  syncs_all_ = false;
  mode_ = mode;
  begin(std::move(root), path, steps);
}

void FileTask::remove(std::shared_ptr<Root> root, std::string_view path, bool directory) {
  static constexpr Step steps[] = {&FileTask::open_parent, &FileTask::unlink, &FileTask::sweep,
                                   &FileTask::unlink_swept};
  flags_ = directory ? AT_REMOVEDIR : 0;
  begin(std::move(root), path, std::span(steps).first(directory ? 4 : 2));
}

void FileTask::rename(std::shared_ptr<Root> root, std::string_view from, std::string_view to, bool replaces) {
  static constexpr Step steps[] = {&FileTask::open_parent,  &FileTask::open_parent2, &FileTask::rename_names,
                                   &FileTask::look_old,     &FileTask::link_renamed, &FileTask::look_taken,
                                   &FileTask::want_untaken, &FileTask::leave_old};
  path2_.assign(to);
  flags_ = replaces ? 0 : RENAME_NOREPLACE;
  begin(std::move(root), from, steps);
}

void FileTask::measure(std::shared_ptr<Root> root, std::string_view path, const core::Representation& as,
                       io::BufferPool& buffers, std::uint64_t until, std::uint64_t bound) {
  static constexpr Step steps[] = {&FileTask::open_read, &FileTask::stat_object, &FileTask::want_regular,
                                   &FileTask::count_begin, &FileTask::count_chunk};
  as_ = as;
  buffers_ = &buffers;
  until_ = until;
  length_ = bound;
  begin(std::move(root), path, steps);
}

const std::span<const FileTask::Step> FileTask::reading = [] {
  static constexpr Step steps[] = {&FileTask::find_kept,   &FileTask::open_straight, &FileTask::open_read,
                                   &FileTask::stat_object, &FileTask::want_regular,  &FileTask::want_unchanged,
                                   &FileTask::keep};
  return std::span<const Step>(steps);
}();

void FileTask::open_for_reading(std::shared_ptr<Root> root, std::string_view path) {
  begin(std::move(root), path, reading);
}

void FileTask::open_directory(std::shared_ptr<Root> root, std::string_view path) {
  static constexpr Step steps[] = {&FileTask::open_listing, &FileTask::stat_object};
  begin(std::move(root), path, steps);
}

}  // namespace net
