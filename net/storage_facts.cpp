// Steps of FileTask that set and ask what is known of files, rather than what is in them.
#include <cerrno>
#include <utility>

#include "core/path.hpp"
#include "net/storage.hpp"

namespace net {

void FileTask::apply_mode() {
  if (!wanted_.mode) return next();
  op_.set_mode(object_, "", *wanted_.mode);
  reactor_.submit(op_);
}

// Behind the mode, whose change would not touch it; so the last word on the file is the time that was asked for.
void FileTask::apply_time() {
  if (!wanted_.modified) return next();
  op_.set_times(object_, "", {wanted_.modified->seconds, wanted_.modified->nanoseconds});
  reactor_.submit(op_);
}

// For what needs no right to read it.
void FileTask::hold_directory() { open_below(path_, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, object_); }

void FileTask::ask_space() {
  op_.space(object_);
  reactor_.submit(op_);
}

void FileTask::open_parent_straight() {
  open_below(core::parent_path(path_), O_PATH | O_DIRECTORY | O_CLOEXEC, 0, parent_, RESOLVE_NO_SYMLINKS);
}

void FileTask::link_name() {
  below_.assign(core::last_name(path_));
  op_.symlink(path2_.c_str(), parent_, below_.c_str());
  reactor_.submit(op_);
}

void FileTask::set_facts(std::shared_ptr<Root> root, std::string_view path, const core::Modification& wanted) {
  static constexpr Step steps[] = {&FileTask::open_object, &FileTask::open_link, &FileTask::apply_mode,
                                   &FileTask::apply_time, &FileTask::stat_object};
  link_at_end_ = LinkAtEnd::fallback;
  wanted_ = wanted;
  begin(std::move(root), path, steps);
}

void FileTask::look_for_space(std::shared_ptr<Root> root, std::string_view path) {
  static constexpr Step steps[] = {&FileTask::hold_directory, &FileTask::ask_space};
  begin(std::move(root), path, steps);
}

void FileTask::make_link(std::shared_ptr<Root> root, std::string_view path, std::string_view target) {
  static constexpr Step steps[] = {&FileTask::open_parent_straight, &FileTask::link_name};
  path2_.assign(target);
  begin(std::move(root), path, steps);
}

}  // namespace net
