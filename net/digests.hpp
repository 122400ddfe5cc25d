// Digests that were made, so that a file is read once for all who ask. What is found here is of the file as it is now:
// the key holds everything that tells a change, and what could change unnoticed is not kept. Knows facts of files; must
// not know how a digest is made.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

#include "core/action.hpp"

namespace net {

/// A file as it was when its facts were asked for, and what is digested of it.
struct DigestKey {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  ///< the inode's: a client can set the time of modification, but not this
  core::OctetRange range{};
  core::HashAlgorithm algorithm{};
  bool operator==(const DigestKey&) const = default;
};
DigestKey key_of(const struct statx& facts, const core::OctetRange& range, core::HashAlgorithm algorithm);

class Digests {
 public:
  /// nullptr: not kept.
  const std::string* find(const DigestKey& key);
  /// Keeps what was made of a file that was so before and after it was read. `asked_ns`: by the wall clock, when the
  /// facts were asked for before: a file that had just changed may have changed again within the same tick of its file
  /// system's clock, and is not kept. The one that was not asked for longest makes room.
  void keep(const DigestKey& key, std::int64_t asked_ns, std::string hex);
  std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    DigestKey key;
    std::string hex;
  };
  struct KeyHash {
    std::size_t operator()(const DigestKey& key) const;
  };

  std::list<Kept> order_;  ///< asked for last in front
  std::unordered_map<DigestKey, std::list<Kept>::iterator, KeyHash> kept_;
};

}  // namespace net
