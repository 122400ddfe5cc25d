// A list in the order of use, and an index into it.
#include "net/digests.hpp"

#include <utility>

#include "core/limits.hpp"
#include "io/op.hpp"

namespace net {
namespace {

// The coarsest clock of a file system that is likely to be met: FAT's, of two seconds.
constexpr std::int64_t coarsest_tick = 2 * io::second;

std::int64_t nanoseconds(const statx_timestamp& time) { return time.tv_sec * io::second + time.tv_nsec; }

}  // namespace

DigestKey key_of(const struct statx& facts, const core::OctetRange& range, core::HashAlgorithm algorithm) {
  return {.device = (static_cast<std::uint64_t>(facts.stx_dev_major) << 32) | facts.stx_dev_minor,
          .inode = facts.stx_ino,
          .size = facts.stx_size,
          .modified_ns = nanoseconds(facts.stx_mtime),
          .changed_ns = nanoseconds(facts.stx_ctime),
          .range = range,
          .algorithm = algorithm};
}

std::size_t Digests::KeyHash::operator()(const DigestKey& key) const {
  std::uint64_t hash = 0;
  for (const std::uint64_t part : {key.device, key.inode, key.size, static_cast<std::uint64_t>(key.changed_ns),
                                   key.range.begin, key.range.end, static_cast<std::uint64_t>(key.algorithm)})
    hash = (hash ^ part) * 0x9e3779b97f4a7c15 + (hash >> 29);
  return hash;
}

const std::string* Digests::find(const DigestKey& key) {
  const auto found = kept_.find(key);
  if (found == kept_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &found->second->hex;
}

void Digests::keep(const DigestKey& key, std::int64_t asked_ns, std::string hex) {
  if (key.changed_ns > asked_ns - coarsest_tick || kept_.contains(key)) return;
  if (kept_.size() == core::limits::digests_kept) {
    kept_.erase(order_.back().key);
    order_.pop_back();
  }
  order_.push_front({key, std::move(hex)});
  kept_.emplace(key, order_.begin());
}

}  // namespace net
