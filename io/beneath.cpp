// openat2(2), and the walk that stands for it.
#include "io/beneath.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <string_view>
#include <vector>

#include "io/fd.hpp"
#include "io/syscalls.hpp"

namespace io {
namespace {

constexpr int links_most = 40;  // as path_resolution(7) has it

std::int32_t openat2(int directory, const char* path, const open_how& how) {
  return retry([&] { return static_cast<std::int32_t>(::syscall(SYS_openat2, directory, path, &how, sizeof how)); });
}

std::int32_t openat(int directory, const std::string& name, std::uint64_t flags, std::uint64_t mode = 0) {
  return retry([&] { return ::openat(directory, name.c_str(), static_cast<int>(flags), static_cast<mode_t>(mode)); });
}

bool has_type(int fd, mode_t type) {
  struct stat facts;
  return ::fstat(fd, &facts) == 0 && (facts.st_mode & S_IFMT) == type;
}

/// One path on its way down from a directory. An Fd without a descriptor holds the negative errno.
/// It keeps where it is, and by which names that is reached from there.
class Walk {
 public:
  Walk(int directory, const open_how& how) : root_(directory), here_(openat(directory, ".", hold)), how_(how) {}

  std::int32_t open(std::string_view path) {
    if (here_.get() < 0) return here_.get();
    std::int32_t error = push(path);
    while (error == 0) {
      const std::string name = std::move(rest_.front());
      rest_.pop_front();
      if (name == "..") error = up();
      if (error == 0 && rest_.empty()) {
        const std::int32_t opened = open_last(name == ".." ? "." : name);
        if (opened != followed) return opened;
      } else if (error == 0 && name != "." && name != "..") {
        error = down(name);
      }
    }
    return error;
  }

 private:
  static constexpr std::uint64_t hold = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  static constexpr std::int32_t followed = INT32_MIN;  ///< the last name was a link, whose text is to be walked

  /// Puts a path in front of what is still to be walked. A slash at its end asks for a directory, as "." does.
  std::int32_t push(std::string_view path) {
    if (path.empty()) return -ENOENT;
    if (path.size() >= PATH_MAX) return -ENAMETOOLONG;
    if (path.front() == '/') return -EXDEV;
    std::vector<std::string> names;
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      if (slash != 0) names.emplace_back(path.substr(0, slash));
      if (slash == std::string_view::npos) break;
      path.remove_prefix(slash + 1);
      if (path.empty()) names.emplace_back(".");
    }
    rest_.insert(rest_.begin(), names.begin(), names.end());
    return 0;
  }

  std::int32_t follow(int link) {
    if ((how_.resolve & RESOLVE_NO_SYMLINKS) != 0 || ++links_ > links_most) return -ELOOP;
    std::array<char, PATH_MAX> text;
    const ssize_t size = retry([&] { return ::readlinkat(link, "", text.data(), text.size()); });
    return size < 0 ? static_cast<std::int32_t>(size) : push({text.data(), static_cast<std::size_t>(size)});
  }

  std::int32_t down(const std::string& name) {
    Fd next(openat(here_.get(), name, hold));
    if (next.get() < 0) return next.get();
    if (has_type(next.get(), S_IFLNK)) return follow(next.get());
    if (!has_type(next.get(), S_IFDIR)) return -ENOTDIR;
    here_ = std::move(next);
    names_.push_back(name);
    return 0;
  }

  // By the names that led here: what the kernel would go up to may have been moved out meanwhile.
  std::int32_t up() {
    if (names_.empty()) return -EXDEV;
    names_.pop_back();
    Fd at(openat(root_, ".", hold));
    for (const std::string& name : names_) {
      Fd next(openat(at.get(), name, hold | O_DIRECTORY));
      if (next.get() < 0) return -EAGAIN;
      at = std::move(next);
    }
    here_ = std::move(at);
    return here_.get() < 0 ? -EAGAIN : 0;
  }

  std::int32_t open_last(const std::string& name) {
    const bool makes = (how_.flags & O_CREAT) != 0;
    const bool keeps_link = (how_.flags & O_NOFOLLOW) != 0 || (makes && (how_.flags & O_EXCL) != 0);
    if (!keeps_link) {
      const Fd found(openat(here_.get(), name, hold));
      if (found.get() < 0 && found.get() != -ENOENT) return found.get();
      if (found.get() >= 0 && has_type(found.get(), S_IFLNK)) {
        const std::int32_t error = follow(found.get());
        return error == 0 ? followed : error;
      }
    }
    const std::int32_t opened = openat(here_.get(), name, how_.flags | O_NOFOLLOW, how_.mode);
    return opened == -ELOOP && !keeps_link ? -EAGAIN : opened;  // a link has come meanwhile
  }

  int root_;
  Fd here_;
  const open_how& how_;
  std::deque<std::string> rest_;
  std::vector<std::string> names_;  ///< from root_ to here_, none of them a link
  int links_ = 0;
};

}  // namespace

std::int32_t open_by_names(int directory, const char* path, const open_how& how) {
  return Walk(directory, how).open(path);
}

const std::string& why_no_openat2() {
  static const std::string why = []() -> std::string {
    const Fd opened(openat2(AT_FDCWD, ".", {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH}));
    if (opened.get() == -EPERM) return "openat2 is forbidden here (EPERM: a seccomp filter)";
    if (opened.get() == -ENOSYS) return "openat2 does not exist here (ENOSYS: the kernel or a sandbox lacks it)";
    return {};
  }();
  return why;
}

// With RESOLVE_BENEATH it is EAGAIN when a rename elsewhere raced with a "..".
std::int32_t open_beneath(int directory, const char* path, const open_how& how) {
  constexpr int patience = 64;
  const bool by_names = !why_no_openat2().empty();
  const bool cached = (how.resolve & RESOLVE_CACHED) != 0;
  if (by_names && cached) return -EAGAIN;
  if (by_names && how.resolve == 0) return openat(directory, path, how.flags, how.mode);
  const auto once = [&] { return by_names ? open_by_names(directory, path, how) : openat2(directory, path, how); };
  std::int32_t result = once();
  for (int i = 0; result == -EAGAIN && !cached && i < patience; ++i) result = once();
  return result;
}

}  // namespace io
