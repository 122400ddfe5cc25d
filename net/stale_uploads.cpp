// Open the directory, read its names; open each that is temporary, look at its age, take its lock, remove it.
#include "net/stale_uploads.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cassert>

#include "core/path.hpp"

namespace net {
namespace {

// Between making a file and locking it a moment passes, and clocks of hosts differ.
constexpr io::Time old_enough = 60 * io::second;
// Directories that are remembered, and that wait. One that is forgotten is walked through once more.
constexpr std::size_t seen_most = 4096, waiting_most = 64;

// What FileTask names so, to the letter: other names with the same beginning are no work of ours.
bool is_ours(std::string_view name) {
  constexpr std::size_t suffix_size = 16;
  if (!core::is_temporary_name(name)) return false;
  const std::string_view suffix = name.substr(core::temporary_prefix.size());
  return suffix.size() == suffix_size && suffix.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

constexpr std::uint64_t below = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

}  // namespace

// ---- One directory ----

StaleSweep::StaleSweep(io::Reactor& reactor) : reactor_(reactor) { op_.bind<&StaleSweep::on_op_done>(*this); }

void StaleSweep::submit(Then then) {
  then_ = then;
  reactor_.submit(op_);
}

void StaleSweep::start(std::shared_ptr<Root> root, std::string_view directory, bool alone) {
  assert(!busy());
  root_ = std::move(root);
  path_.assign(core::below_root(directory));
  alone_ = alone;
  others_ = young_ = cancelled_ = false;
  removed_ = 0;
  op_.open(root_->directory(), path_.c_str(),
           {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .mode = 0, .resolve = below});
  submit(&StaleSweep::on_opened);
}

void StaleSweep::cancel() {
  cancelled_ = true;
  if (busy()) reactor_.cancel(op_);
}

void StaleSweep::end() {
  for (int* descriptor : {&file_, &directory_}) reactor_.close(std::exchange(*descriptor, -1));
  batch_.reset();
  names_.clear();
  root_.reset();
  done_(owner_);
}

void StaleSweep::on_opened(std::int32_t result) {
  if (result < 0) return end();
  directory_ = result;
  batch_ = std::make_unique<io::DirBatch>();
  batch_->wanted = io::DirFacts::none;
  read();
}

void StaleSweep::read() {
  op_.read_dir(directory_, *batch_);
  submit(&StaleSweep::on_read);
}

void StaleSweep::on_read(std::int32_t result) {
  if (result <= 0 || cancelled_) return end();
  for (const io::DirEntry& entry : batch_->entries) {
    if (entry.name == "." || entry.name == "..") continue;
    if (is_ours(entry.name)) {
      names_.emplace_back(entry.name);
    } else {
      others_ = true;
    }
  }
  next_name();
}

void StaleSweep::next_name() {
  reactor_.close(std::exchange(file_, -1));  // its blocks may have to be freed
  if (cancelled_ || (alone_ && others_)) return end();
  if (names_.empty()) return read();
  name_ = std::move(names_.back());
  names_.pop_back();
  op_.open(directory_, name_.c_str(),
           {.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, .mode = 0, .resolve = below});
  submit(&StaleSweep::on_file_opened);
}

void StaleSweep::on_file_opened(std::int32_t result) {
  if (result < 0) return next_name();
  file_ = result;
  op_.stat(file_, "", AT_EMPTY_PATH, facts_);
  submit(&StaleSweep::on_file_known);
}

void StaleSweep::on_file_known(std::int32_t result) {
  const std::int64_t written = facts_.stx_mtime.tv_sec * io::second + facts_.stx_mtime.tv_nsec;
  const bool young = result >= 0 && reactor_.backend().wall_clock() - written < old_enough;
  young_ = young_ || young;
  if (result < 0 || !S_ISREG(facts_.stx_mode) || young || cancelled_) return next_name();
  op_.lock(file_);
  submit(&StaleSweep::on_locked);
}

// Where files cannot be locked nobody knows who uses them: they stay.
void StaleSweep::on_locked(std::int32_t result) {
  if (result < 0 || cancelled_) return next_name();
  op_.remove(directory_, name_.c_str(), 0, file_);
  submit(&StaleSweep::on_removed);
}

void StaleSweep::on_removed(std::int32_t result) {
  if (result == 0) ++removed_;
  next_name();
}

// ---- All of them ----

void StaleUploads::written_to(const std::shared_ptr<Root>& root, std::string_view directory) {
  if (closed_) return;
  Place place{root->identity(), directory};
  const auto seen = seen_.find(place);
  const bool looked = seen != seen_.end() && reactor_.now() < seen->second;
  if (looked || waiting_.size() >= waiting_most) return;
  if (seen_.size() >= seen_most) seen_.clear();
  seen_[place] = io::never;
  waiting_.emplace_back(root, std::move(place));
  if (!sweep_.busy()) next();
}

void StaleUploads::next() {
  if (waiting_.empty()) return;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  sweeping_ = std::move(first.place);
  sweep_.start(std::move(first.root), sweeping_.second, false);
}

void StaleUploads::on_swept() {
  if (sweep_.met_young()) seen_[sweeping_] = reactor_.now() + old_enough;
  next();
}

void StaleUploads::close() {
  closed_ = true;
  waiting_.clear();
  sweep_.cancel();
}

}  // namespace net
