// A batch of directory entries with their facts, as one read_dir op fetches them.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace io {

/// What is known of a symbolic link beside its own facts.
struct LinkFacts {
  std::string text;        ///< as it stands in the link, whatever it names; empty: it could not be read
  bool leads_out = false;  ///< of the root
  bool reached = false;    ///< `target` holds the facts of what the link leads to
  struct statx target{};
};

/// One entry. `name` points into the batch and lives until the next read_dir on it.
struct DirEntry {
  std::string_view name;
  /// Of the name itself, which may be a symbolic link. DirFacts::kind, and a directory that cannot be searched:
  /// stx_mode alone, and of that the type, as far as the directory tells it.
  struct statx facts{};
  bool has_facts = false;             ///< false when facts were not asked for
  bool vanished = false;              ///< facts were asked for, and nothing had the name any more
  bool is_link = false;               ///< the name is a symbolic link
  std::unique_ptr<LinkFacts> link{};  ///< of a symbolic link, with its facts
};

/// What is wanted of each entry beside its name. The kind alone most file systems tell with the name: no stat an entry.
enum class DirFacts : std::uint8_t { none, kind, all };

/// One blocking call fills it, so a batch costs one hand-over however many entries it has.
/// What links lead to is looked at only below `root` (openat2 with RESOLVE_BENEATH): a listing must not tell about
/// files outside.
struct DirBatch {
  int root = -1;           ///< directory descriptor that bounds links
  std::string below_root;  ///< the listed directory's path relative to `root`, "." for itself
  DirFacts wanted = DirFacts::all;
  bool again = false;         ///< the entries stand there, their names ended with a zero: only the facts are asked anew
  bool asks_told = false;     ///< wanted: changes_told, asked once
  bool changes_told = false;  ///< changes_are_told(), io/watcher.hpp
  std::vector<DirEntry> entries;
  alignas(8) std::array<char, 32 * 1024> raw;  ///< getdents64 output, which the names point into
};

}  // namespace io
