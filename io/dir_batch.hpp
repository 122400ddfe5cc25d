// A batch of directory entries with their facts, as one read_dir op fetches them.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace io {

/// One entry. `name` points into the batch and lives until the next read_dir on it.
struct DirEntry {
  std::string_view name;
  /// Of what the name leads to below the root; of the link itself when that fails. DirFacts::kind: stx_mode alone.
  struct statx facts{};
  bool has_facts = false;  ///< false when the entry vanished meanwhile, or facts were not asked for
  bool is_link = false;    ///< the name is a symbolic link
};

/// What is wanted of each entry beside its name. The kind alone most file systems tell with the name: no stat an entry.
enum class DirFacts : std::uint8_t { none, kind, all };

/// One blocking call fills it, so a batch costs one hand-over however many entries it has.
/// Symbolic links are followed only below `root` (openat2 with RESOLVE_BENEATH): a listing must
/// not tell about files outside.
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
