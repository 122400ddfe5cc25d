// Steps of FileTask that write: where the bytes of an upload go, the name that they get, and what is on disk then.
// Where and whether are apart: an upload is written in place or is unseen until it is whole, and is synced or not.
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>  // RENAME_NOREPLACE

#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "net/storage.hpp"

namespace net {
namespace {

// As the kernel has it (path_resolution(7)).
constexpr unsigned links_most = 40;

// Nobody makes programs here that run with another's rights.
constexpr unsigned permissions = 0777;

bool exists(const struct statx& facts) { return facts.stx_mode != 0; }

}  // namespace

// ---- The runner's questions ----

// Errors that a step of an upload expects: what follows goes another way, or does without.
bool FileTask::upload_tolerates(int error) const {
  const bool lacks = error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
  const bool gone = error == ENOENT || error == ESTALE;
  if (running_ == &FileTask::hold_parent) return error == EACCES;
  if (running_ == &FileTask::make_new) return error == EEXIST && !upload_.must_be_new;
  if (running_ == &FileTask::open_existing) return !upload_.must_exist && (error == ELOOP || error == ENOENT);
  if (running_ == &FileTask::open_target) return error == ELOOP || error == ENOENT || error == ETXTBSY;
  if (running_ == &FileTask::follow_link) return error == ENOENT || error == EINVAL;
  if (running_ == &FileTask::stat_target) return error == ENOENT;
  if (running_ == &FileTask::open_nameless) return lacks || error == EISDIR;
  if (running_ == &FileTask::lock_named || running_ == &FileTask::lock_object) return error != ECANCELED;
  if (running_ == &FileTask::keep_owner || running_ == &FileTask::keep_group || running_ == &FileTask::keep_mode)
    return error == EPERM || lacks;
  if (running_ == &FileTask::link_new) return error == EEXIST && !upload_.must_be_new;
  if (running_ == &FileTask::rename_new) return lacks;
  if (running_ == &FileTask::unlink_temporary || running_ == &FileTask::unlink_claimed) return gone;
  return running_ == &FileTask::remove_made && gone;
}

void FileTask::after_upload_step(const io::Op& op) {
  const bool done = op.result >= 0;
  if (running_ == &FileTask::follow_link) return on_link_read(op.result);
  if (running_ == &FileTask::open_target || running_ == &FileTask::open_existing) target_error_ = done ? 0 : -op.result;
  if (running_ == &FileTask::keep_owner || running_ == &FileTask::keep_group) has_group_ = done;
  if (running_ == &FileTask::link_new || running_ == &FileTask::rename_new) published_ = done;
  if (running_ == &FileTask::rename_temporary) published_ = true;
  if (running_ == &FileTask::open_named && !done) temporary_.clear();
  if (running_ == &FileTask::ask_room) {
    constexpr std::uint64_t block = 512;
    const std::uint64_t own = upload_.appends ? 0 : std::uint64_t{facts_.stx_blocks} * block;  // is written over
    if (upload_.wanted > static_cast<std::uint64_t>(op.length) + own) return finish(ENOSPC);
  }
  next();
}

// ---- Where the name is ----

// The directory stays open until the end: what is made in it is named, synced and removed there, wherever it is moved.
// To be synced it must be open for reading.
void FileTask::hold_parent() {
  writes_ = true;
  if (core::last_name(path_).empty()) return finish(opening_upload_ ? EISDIR : EEXIST);  // the root itself
  if (upload_.must_exist || !upload_.synced) return next();
  open_below(core::parent_path(path_), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, parent_);
}

void FileTask::hold_parent_unread() {
  if (upload_.must_exist || parent_ >= 0) return next();
  syncs_all_ = upload_.synced;
  open_below(core::parent_path(path_), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, parent_);
}

void FileTask::open_in_parent(const char* name, std::uint64_t flags, unsigned mode, int& into) {
  opening_ = &into;
  op_.open(parent_, name,
           {.flags = flags | O_WRONLY | careful, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS});
  reactor_.submit(op_);
}

// A link at the end leads to another name, maybe in another directory: the row begins anew from there. The kernel walks
// the way to that directory, below the root.
void FileTask::follow_link() {
  const bool vanished = target_error_ == ENOENT && !upload_.unseen;  // between two steps
  if (target_error_ != ELOOP && !vanished) return next();
  if (++links_followed_ > links_most) return finish(ELOOP);
  link_text_.resize(PATH_MAX);
  below_.assign(core::last_name(path_));
  op_.read_link(parent_, below_.c_str(), link_text_);
  reactor_.submit(op_);
}

void FileTask::on_link_read(std::int32_t result) {
  if (result >= 0) {
    link_text_.resize(static_cast<std::size_t>(result));
    if (link_text_.starts_with('/')) return finish(EXDEV);  // out of the root, as RESOLVE_BENEATH has it
    const std::string_view last = std::string_view(link_text_).substr(link_text_.rfind('/') + 1);
    if (last.empty() || last == "." || last == "..") return finish(EISDIR);
    path_.resize(core::parent_path(path_).size());
    if (path_ != "/") path_ += '/';
    path_ += link_text_;
    if (path_.size() >= PATH_MAX) return finish(ENAMETOOLONG);
  }
  reactor_.close(std::exchange(parent_, -1), true);
  target_error_ = 0;
  steps_ = opening_steps();
  next();
}

// ---- In place ----

// First as a new file, so that it is known whether this upload made it.
void FileTask::make_new() {
  if (upload_.must_exist) return next();
  below_.assign(core::last_name(path_));
  open_in_parent(below_.c_str(), O_CREAT | O_EXCL | (upload_.appends ? O_APPEND : 0), upload_.mode, object_);
}

void FileTask::open_existing() {
  created_ = object_ >= 0;
  if (created_) return next();
  const std::uint64_t appends = upload_.appends ? O_APPEND : 0;
  if (upload_.must_exist) return open_below(path_, O_WRONLY | careful | appends, 0, object_);
  open_in_parent(below_.c_str(), O_NOFOLLOW | appends, 0, object_);
}

// ALLO: whether so much fits. Nothing is set aside for an upload that may never send it, or only slowly, and would keep
// the room from all others meanwhile; the flow sets a little aside ahead of what comes.
void FileTask::ask_room() {
  if (upload_.wanted == 0) return next();
  op_.space(object_);
  reactor_.submit(op_);
}

// ---- Unseen ----

// What a rename could not replace is refused before the first octet, not after the last; and so is what may not be
// written in place either.
void FileTask::open_target() {
  below_.assign(core::last_name(path_));
  open_in_parent(below_.c_str(), O_NOFOLLOW, 0, target_);
}

// A program that runs cannot be written to, but replaced.
void FileTask::stat_target() {
  replaced_ = {};
  if (target_error_ == ENOENT) return next();
  below_.assign(target_ >= 0 ? std::string_view() : core::last_name(path_));
  op_.stat(target_ >= 0 ? target_ : parent_, below_.c_str(), AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, replaced_);
  reactor_.submit(op_);
}

void FileTask::want_replaceable() {
  reactor_.close(std::exchange(target_, -1));
  if (!exists(replaced_)) return next();
  if (S_ISDIR(replaced_.stx_mode)) return finish(EISDIR);
  if (!S_ISREG(replaced_.stx_mode)) return finish(ENXIO);
  if (upload_.must_be_new) return finish(EEXIST);
  upload_.mode = replaced_.stx_mode & permissions;
  next();
}

// Nobody can open what has no name, and a crash leaves nothing of it.
void FileTask::open_nameless() { open_in_parent(".", O_TMPFILE, upload_.mode, object_); }

// Until it has the owner of what it replaces, only its own may open it.
void FileTask::open_named() {
  if (object_ >= 0) return next();
  temporary_ = std::string(core::temporary_prefix) + upload_.temporary_suffix;
  open_in_parent(temporary_.c_str(), O_CREAT | O_EXCL, exists(replaced_) ? upload_.mode & 0700 : upload_.mode, object_);
}

// The lock says that it is in use to whoever looks for left-over files (StaleUploads).
void FileTask::lock_named() {
  if (temporary_.empty()) return next();
  op_.lock(object_);
  reactor_.submit(op_);
}

void FileTask::keep_owner() {
  has_group_ = !exists(replaced_) || facts_.stx_gid == replaced_.stx_gid;
  if (!exists(replaced_) || (has_group_ && facts_.stx_uid == replaced_.stx_uid)) return next();
  op_.set_owner(object_, replaced_.stx_uid, replaced_.stx_gid);
  reactor_.submit(op_);
}

// Who may not give files away may still choose among the own groups.
void FileTask::keep_group() {
  const bool same = facts_.stx_gid == replaced_.stx_gid;
  if (!exists(replaced_) || has_group_ || same) {
    has_group_ = has_group_ || same;
    return next();
  }
  op_.set_owner(object_, static_cast<unsigned>(-1), replaced_.stx_gid);
  reactor_.submit(op_);
}

// What the old group might do is not for another one: that gets what all others have.
void FileTask::keep_mode() {
  if (!exists(replaced_)) return next();
  const unsigned others = upload_.mode & 07;
  const unsigned wanted = has_group_ ? upload_.mode : (upload_.mode & 0707) | others << 3;
  if ((facts_.stx_mode & 07777) == wanted) return next();
  op_.set_mode(object_, "", wanted);
  reactor_.submit(op_);
}

// ---- The end: whole ----

void FileTask::cut() {
  op_.truncate(object_, static_cast<std::int64_t>(length_));
  reactor_.submit(op_);
}

// What was set aside and the client did not send goes back.
void FileTask::cut_allocated() {
  if (upload_.appends || (!exact_ && set_aside_ <= length_ && facts_.stx_size <= length_)) return next();
  cut();
}

// Before the name: a name on disk must not lead to bytes that are not.
void FileTask::sync_object() {
  if (!upload_.synced) return next();
  op_.sync(object_);
  reactor_.submit(op_);
}

// Some file systems tell only when a file is closed that it could not be written (NFS, FUSE).
void FileTask::flush_object() {
  op_.flush(object_);
  reactor_.submit(op_);
}

void FileTask::link_new() {
  if (!temporary_.empty() || exists(replaced_)) return next();
  below_.assign(core::last_name(path_));
  op_.link(object_, "", parent_, below_.c_str(), AT_EMPTY_PATH);
  reactor_.submit(op_);
}

// A link cannot replace a name, a rename can: the file gets a temporary name first.
void FileTask::lock_object() {
  if (published_ || !temporary_.empty()) return next();
  op_.lock(object_);
  reactor_.submit(op_);
}

void FileTask::link_temporary() {
  if (published_ || !temporary_.empty()) return next();
  temporary_ = std::string(core::temporary_prefix) + upload_.temporary_suffix;
  op_.link(object_, "", parent_, temporary_.c_str(), AT_EMPTY_PATH);
  reactor_.submit(op_);
}

void FileTask::rename_new() {
  if (published_ || !upload_.must_be_new) return next();
  below_.assign(core::last_name(path_));
  op_.rename(parent_, temporary_.c_str(), parent_, below_.c_str(), RENAME_NOREPLACE);
  reactor_.submit(op_);
}

// Not every file system can rename without replacing: an empty file of ours takes the name, and is replaced at once.
void FileTask::claim_name() {
  if (published_ || !upload_.must_be_new) return next();
  below_.assign(core::last_name(path_));
  open_in_parent(below_.c_str(), O_CREAT | O_EXCL, upload_.mode, claimed_);
}

void FileTask::rename_temporary() {
  if (published_) return next();
  below_.assign(core::last_name(path_));
  op_.rename(parent_, temporary_.c_str(), parent_, below_.c_str(), 0);
  reactor_.submit(op_);
}

void FileTask::sync_parent() {
  if (!upload_.synced || !(upload_.unseen || created_)) return next();
  op_.sync(syncs_all_ ? object_ : parent_, syncs_all_);
  reactor_.submit(op_);
}

// ---- The end: broken ----

// What was set aside is given back of what is kept: cutting to the size it has frees what lies behind.
void FileTask::cut_to_size() {
  if (upload_.appends || set_aside_ == 0) return next();
  length_ = facts_.stx_size;
  cut();
}

// Another session may have written to the file meanwhile: then it is not ours alone to take away. One that has written
// exactly as much in its place is not noticed.
void FileTask::want_length() {
  if (facts_.stx_size != length_) steps_ = {};
  next();
}

// The name may be another file's by now.
void FileTask::remove_made() {
  below_.assign(core::last_name(path_));
  op_.remove(parent_, below_.c_str(), 0, object_);
  reactor_.submit(op_);
}

void FileTask::unlink_claimed() {
  if (published_ || claimed_ < 0) return next();
  below_.assign(core::last_name(path_));
  op_.remove(parent_, below_.c_str(), 0, claimed_);
  reactor_.submit(op_);
}

void FileTask::unlink_temporary() {
  if (published_ || temporary_.empty()) return next();
  op_.remove(parent_, temporary_.c_str(), 0, object_);
  reactor_.submit(op_);
}

// ---- Rows of steps ----

std::span<const FileTask::Step> FileTask::opening_steps() const {
  static constexpr Step in_place[] = {
      &FileTask::hold_parent, &FileTask::hold_parent_unread, &FileTask::make_new,     &FileTask::open_existing,
      &FileTask::follow_link, &FileTask::stat_object,        &FileTask::want_regular, &FileTask::ask_room};
  static constexpr Step unseen[] = {&FileTask::hold_parent,   &FileTask::hold_parent_unread,
                                    &FileTask::open_target,   &FileTask::follow_link,
                                    &FileTask::stat_target,   &FileTask::want_replaceable,
                                    &FileTask::open_nameless, &FileTask::open_named,
                                    &FileTask::lock_named,    &FileTask::stat_object,
                                    &FileTask::keep_owner,    &FileTask::keep_group,
                                    &FileTask::keep_mode,     &FileTask::ask_room};
  return upload_.unseen ? std::span<const Step>(unseen) : in_place;
}

void FileTask::open_for_writing(std::shared_ptr<Root> root, std::string_view path, const Upload& upload) {
  upload_ = upload;
  set_aside_ = 0;
  length_ = 0;
  links_followed_ = 0;
  target_error_ = 0;
  replaced_ = {};
  syncs_all_ = published_ = false;
  opening_upload_ = true;
  begin(std::move(root), path, opening_steps());
}

void FileTask::truncate(std::uint64_t length) {
  static constexpr Step steps[] = {&FileTask::cut};
  length_ = length;
  run(steps);
}

void FileTask::publish(std::uint64_t length, bool exact) {
  static constexpr Step in_place[] = {&FileTask::cut_allocated, &FileTask::sync_object, &FileTask::flush_object,
                                      &FileTask::sync_parent};
  static constexpr Step unseen[] = {&FileTask::cut_allocated, &FileTask::sync_object, &FileTask::flush_object,
                                    &FileTask::link_new,      &FileTask::lock_object, &FileTask::link_temporary,
                                    &FileTask::rename_new,    &FileTask::claim_name,  &FileTask::rename_temporary,
                                    &FileTask::sync_parent};
  length_ = length;
  exact_ = exact;
  run(upload_.unseen ? std::span<const Step>(unseen) : in_place);
}

std::span<const FileTask::Step> FileTask::steps_back(bool remove) const {
  static constexpr Step unseen[] = {&FileTask::unlink_claimed, &FileTask::unlink_temporary};
  static constexpr Step created[] = {&FileTask::stat_object, &FileTask::want_length, &FileTask::remove_made};
  static constexpr Step kept[] = {&FileTask::stat_object, &FileTask::cut_to_size};
  if (upload_.unseen) return unseen;
  return remove && created_ ? std::span<const Step>(created) : kept;
}

void FileTask::discard(std::uint64_t length, bool remove) {
  length_ = length;
  run(steps_back(remove));
}

}  // namespace net
