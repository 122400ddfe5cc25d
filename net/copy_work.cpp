// Look at the target, then for each source: open it, make the target with the first, copy, and publish behind the last.
// A move looks at its source before, and removes it behind.
#include "net/copy_work.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/path.hpp"

namespace net {
namespace {

// Of what is moved these stay: nobody makes programs here that run with another's rights.
constexpr unsigned permissions = 0777;
// Octets that one operation copies: what an offload thread does before it looks who else waits.
constexpr std::uint64_t piece = 1024 * 1024;

bool same_object(const struct statx& a, const struct statx& b) {
  return a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

}  // namespace

// ---- Copies ----

CopyWork::CopyWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root,
                   std::string_view path, Job job)
    : Work(context, limits, path), root_(std::move(root)), from_(reactor_), to_(reactor_), job_(std::move(job)) {
  op_.bind<&CopyWork::on_op_done>(*this);
  from_.bind<&CopyWork::on_source_done>(*this);
  to_.bind<&CopyWork::on_target_done>(*this);
}

void CopyWork::begin() {
  if (!job_.moves) return from_.look(root_, path());
  phase_ = Phase::choosing;
  from_.look(root_, job_.sources.front(), FileTask::LinkAtEnd::itself);
}

// Steps on files are short and end by themselves.
void CopyWork::stop() {
  if (phase_ == Phase::copying) reactor_.cancel(op_);
}

void CopyWork::end(int error) {
  from_.release();
  to_.release();
  root_.reset();
  finish(error);
}

// What is begun is taken back first: its end is on_target_done().
void CopyWork::fail(int error) {
  if (to_.file() < 0) return end(error);
  why_ = error;
  phase_ = Phase::discarding;
  to_.discard(progress_.octets, true);
}

void CopyWork::on_source_done() {
  const int error = from_.error();
  switch (phase_) {
    case Phase::choosing: return error != 0 ? end(error) : on_source_known();
    case Phase::looking:
      if (error != 0 && error != ENOENT) return end(error);
      // rename(2) would replace the link, an upload goes where it leads: neither is guessed.
      if (error == 0 && job_.moves && S_ISLNK(from_.facts().stx_mode)) return end(EEXIST);
      if (error == 0) on_target_known();
      return take_place() ? next_source() : end(EUSERS);
    case Phase::opening: return error != 0 ? fail(error) : on_source_open();
    case Phase::finding: return error == 0 && same_object(from_.facts(), moved_) ? remove_sources() : end(0);
    default:  // removing
      if (error != 0) return end(error);
      ++progress_.objects;
      return remove_sources();
  }
}

// Of a directory or a link no copy would be the same thing.
void CopyWork::on_source_known() {
  moved_ = from_.facts();
  if (!S_ISREG(moved_.stx_mode)) return end(core::action::other_file_system);
  job_.target.mode = moved_.stx_mode & permissions;
  progress_.total = moved_.stx_size;
  phase_ = Phase::looking;
  from_.look(root_, path(), FileTask::LinkAtEnd::itself);
}

void CopyWork::on_target_known() {
  target_facts_ = from_.facts();
  if (job_.moves) return;
  if (job_.combines) job_.sources.insert(job_.sources.begin(), path());
}

void CopyWork::next_source() {
  if (cancelled()) return fail(ECANCELED);
  if (at_ == job_.sources.size()) return on_copy_whole();
  offset_ = 0;
  phase_ = Phase::opening;
  from_.open_for_reading(root_, job_.sources[at_]);
}

// A source that is the target under another name would be removed with it, or replaced while it is read.
void CopyWork::on_source_open() {
  if (job_.moves && !same_object(from_.facts(), moved_)) return fail(EAGAIN);
  const bool is_target = target_facts_.stx_mode != 0 && same_object(from_.facts(), target_facts_);
  const bool for_itself = job_.combines && job_.sources[at_] == path();
  if (is_target && !for_itself) return fail(EINVAL);
  if (to_.file() >= 0) return copy_piece();
  phase_ = Phase::creating;
  to_.open_for_writing(root_, path(), job_.target);
}

void CopyWork::on_target_done() {
  const int error = to_.error();
  switch (phase_) {
    case Phase::creating:
      if (error == 0) context_.stale_uploads.written_to(root_, core::parent_path(path()));
      return error != 0 ? end(error) : copy_piece();
    case Phase::publishing:
      if (error != 0) return fail(error);
      at_ = job_.combines && target_facts_.stx_mode != 0 ? 1 : 0;  // the target itself stays
      if (job_.combines) return remove_sources();
      if (!job_.moves) return end(0);
      phase_ = Phase::setting_mode;  // behind all that would change the time once more
      op_.set_mode(to_.file(), "", moved_.stx_mode & permissions);
      return reactor_.submit(op_);
    default: return end(why_);  // discarded
  }
}

void CopyWork::copy_piece() {
  if (cancelled()) return fail(ECANCELED);
  phase_ = Phase::copying;
  op_.copy(from_.file(), static_cast<std::int64_t>(offset_), to_.file(), static_cast<std::int64_t>(progress_.octets),
           piece);
  reactor_.submit(op_);
}

void CopyWork::on_op_done(io::Op& op) {
  const bool published = phase_ == Phase::setting_mode || phase_ == Phase::setting_time;
  if (op.result < 0) return published ? end(-op.result) : fail(-op.result);
  switch (phase_) {
    case Phase::comparing: return on_compared();
    case Phase::setting_mode:
      phase_ = Phase::setting_time;
      op_.set_times(to_.file(), "", {.tv_sec = moved_.stx_mtime.tv_sec, .tv_nsec = moved_.stx_mtime.tv_nsec});
      return reactor_.submit(op_);
    case Phase::setting_time:
      phase_ = Phase::finding;
      return from_.look(root_, job_.sources.front(), FileTask::LinkAtEnd::itself);
    default: return on_copied(op);
  }
}

void CopyWork::on_copy_whole() {
  if (!job_.moves) return publish();
  phase_ = Phase::comparing;
  op_.stat(from_.file(), "", AT_EMPTY_PATH, now_);
  reactor_.submit(op_);
}

// Who writes to it while it is copied would lose what was written.
void CopyWork::on_compared() {
  const auto same_time = [](const statx_timestamp& a, const statx_timestamp& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  const bool unchanged = now_.stx_size == moved_.stx_size && same_time(now_.stx_mtime, moved_.stx_mtime);
  if (!unchanged || progress_.octets != moved_.stx_size) return fail(EAGAIN);
  publish();
}

void CopyWork::publish() {
  if (cancelled()) return fail(ECANCELED);
  phase_ = Phase::publishing;
  to_.publish(progress_.octets, true);
}

void CopyWork::on_copied(io::Op& op) {
  const auto octets = static_cast<std::uint64_t>(op.result);
  offset_ += octets;
  progress_.octets += octets;
  if (progress_.octets > job_.length_max) return fail(EFBIG);
  if (octets > 0) return copy_piece();
  ++at_;
  next_source();
}

// The target is there and whole: from here on nothing is taken back, and nothing stops.
void CopyWork::remove_sources() {
  if (at_ == job_.sources.size()) return end(0);
  phase_ = Phase::removing;
  from_.remove(root_, job_.sources[at_++], false);
}

// ---- Directories ----

PathWork::PathWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root,
                   std::string_view path, unsigned mode, bool synced)
    : Work(context, limits, path), root_(std::move(root)), mode_(mode), synced_(synced) {
  op_.bind<&PathWork::on_op_done>(*this);
}

// Each directory on the way is opened, and the next made in it; the last one is opened alone, to see that it is one.
void PathWork::next_name() {
  readable_ = synced_;
  name_ = core::below_root(end_ == 0 ? std::string_view("/") : std::string_view(path()).substr(0, end_));
  open();
}

void PathWork::open() {
  doing_ = Doing::opening;
  const std::uint64_t how = (readable_ ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC;
  op_.open(root_->directory(), name_.c_str(),
           {.flags = how, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS});
  reactor_.submit(op_);
}

void PathWork::end(int error) {
  reactor_.close(std::exchange(above_, -1), true);
  root_.reset();
  finish(error);
}

void PathWork::on_op_done(io::Op& op) {
  const bool last = end_ == path().size() || path() == "/";
  if (doing_ == Doing::opening) {
    if (op.result == -EACCES && std::exchange(readable_, false)) return open();
    if (op.result >= 0) above_ = op.result;
    if (op.result < 0 || last || cancelled()) return end(op.result < 0 ? -op.result : last ? 0 : ECANCELED);
    return make();
  }
  const bool was_there = doing_ == Doing::making && op.result == -EEXIST;
  const bool made = doing_ == Doing::making && op.result == 0;
  if (made) ++progress_.objects;
  if (op.result < 0 && !was_there) return end(-op.result);
  if (made && readable_) {
    doing_ = Doing::syncing;
    op_.sync(above_);
    return reactor_.submit(op_);
  }
  if (cancelled()) return end(ECANCELED);
  reactor_.close(std::exchange(above_, -1), true);
  next_name();
}

void PathWork::make() {
  const std::size_t begin = end_ + 1;
  end_ = std::min(path().find('/', begin), path().size());
  name_ = path().substr(begin, end_ - begin);
  doing_ = Doing::making;
  op_.make_dir(above_, name_.c_str(), mode_);
  reactor_.submit(op_);
}

}  // namespace net
