// Each watch fires once (IN_ONESHOT): however busy a directory is, the kernel keeps one event for it, and nobody pays
// for a second.
#include "io/watcher.hpp"

#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "io/syscalls.hpp"

namespace io {
namespace {

constexpr std::uint32_t changes = IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

// Not in linux/magic.h.
constexpr unsigned long zfs_magic = 0x2fc12fc1;

}  // namespace

Watcher::Watcher() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

// A descriptor has no name; /proc has one for it, which leads to the directory itself.
int Watcher::add(int directory) {
  if (!inotify_) return -EMFILE;
  const std::string path = "/proc/self/fd/" + std::to_string(directory);
  return retry([&] { return ::inotify_add_watch(inotify_.get(), path.c_str(), changes | IN_ONESHOT | IN_ONLYDIR); });
}

void Watcher::remove(int watch) { ::inotify_rm_watch(inotify_.get(), watch); }

bool Watcher::changed(std::vector<int>& watches) {
  alignas(inotify_event) std::array<char, 4096> events;
  bool all = true;
  for (;;) {
    const ssize_t octets = retry([&] { return ::read(inotify_.get(), events.data(), events.size()); });
    if (octets <= 0) return all && octets == -EAGAIN;
    for (ssize_t at = 0; at < octets;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) all = false;
      // IN_IGNORED says that the watch is over, for whatever reason: its event stood before it, or it was removed.
      if (event->wd >= 0 && (event->mask & IN_IGNORED) == 0) watches.push_back(event->wd);
    }
  }
}

bool changes_are_told(int directory) {
  constexpr std::array<unsigned long, 7> own{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
                                             RAMFS_MAGIC,      F2FS_SUPER_MAGIC, zfs_magic};
  struct statfs facts{};
  if (retry([&] { return ::fstatfs(directory, &facts); }) != 0) return false;
  return std::ranges::find(own, static_cast<unsigned long>(facts.f_type)) != own.end();
}

}  // namespace io
