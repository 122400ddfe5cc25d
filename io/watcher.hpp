// Directories whose changes the kernel tells: of their entries, and of the files that these name (inotify).
// What it does not tell: the contents of directories below, what is done to a file by another name of it (of which it
// may get one at any time), or through a mapping until the file is closed, and what others change on a network's file
// system.
#pragma once

#include <vector>

#include "io/fd.hpp"

namespace io {

class Watcher {
 public:
  /// Without a descriptor or an inotify instance left, every add() fails.
  Watcher();

  /// Watches an open directory, which is on a file system of this machine (changes_are_told): never waits for a disk.
  /// Its number, which is not given to another one before 2^31 others; that of the same directory as long as nothing
  /// has changed in it. Or a negative errno.
  int add(int directory);
  void remove(int watch);
  /// Appends the watches in whose directory something has changed: each once, and it is over then. Everything that was
  /// done before this call is told. False: the kernel had no room to tell of all.
  bool changed(std::vector<int>& watches);

 private:
  Fd inotify_;
};

/// True on file systems of which the kernel sees all changes. May wait where it is none of those.
bool changes_are_told(int directory);

}  // namespace io
