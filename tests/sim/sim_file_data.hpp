// The content of one simulated file: sparse, in pages, with blocks counted against the disk's space.
// Knows octets and offsets; must not know names, modes or descriptors.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace sim {

/// A simulated disk with one file system on it. Tests change the capacity at any time; lowering it frees nothing.
struct Space {
  std::int64_t capacity = std::int64_t{1} << 50;
  std::int64_t used = 0;
  bool no_inode = false;      ///< no new name can be made
  std::uint32_t device = 77;  ///< minor number
  // What file systems lack or do that are not on a local disk.
  bool no_tmpfile = false;       ///< O_TMPFILE gives EOPNOTSUPP
  bool no_rename_flags = false;  ///< RENAME_NOREPLACE gives EINVAL
  int close_error = 0;           ///< what closing a written file tells
};

/// Which pages have blocks: disjoint ranges [first, end).
class Extents {
 public:
  std::int64_t count(std::int64_t first, std::int64_t end) const;
  void add(std::int64_t first, std::int64_t end);
  void cut_from(std::int64_t first);
  std::int64_t total() const;
  /// The part of the first range that ends behind `page`, from `page` on; empty: none.
  std::pair<std::int64_t, std::int64_t> next(std::int64_t page) const;

 private:
  std::map<std::int64_t, std::int64_t> ranges_;  // first -> end
};

/// Results are counts or 0, or negative errno values.
class FileData {
 public:
  static constexpr std::int64_t page_size = 4096;

  explicit FileData(std::shared_ptr<Space> space) : space_(std::move(space)) {}
  FileData(const FileData&) = delete;
  FileData& operator=(const FileData&) = delete;
  ~FileData();

  std::int64_t size() const { return size_; }
  std::int64_t blocks_512() const { return blocks_.total() * (page_size / 512); }

  std::int64_t read(std::span<char> into, std::int64_t offset) const;
  /// What is there now survives a power cut.
  void sync();
  /// What would be there after a power cut: nothing but what was synced.
  std::string synced() const;
  /// Fewer octets than asked when the disk fills up on the way; -ENOSPC when not one fits.
  std::int64_t write(std::span<const char> from, std::int64_t offset);
  int truncate(std::int64_t length);
  /// fallocate(2) with mode 0 or FALLOC_FL_KEEP_SIZE. Takes blocks, but no memory.
  int allocate(int mode, std::int64_t offset, std::int64_t length);
  /// SEEK_DATA and SEEK_HOLE: the next run of blocks at or behind `offset`; length 0: none.
  void find_data(std::int64_t& offset, std::int64_t& length) const;

 private:
  using Page = std::array<char, page_size>;
  /// Takes blocks for [first, end) or says that there are not enough.
  bool take_blocks(std::int64_t first, std::int64_t end);

  std::shared_ptr<Space> space_;
  std::int64_t size_ = 0;
  Extents blocks_;
  std::map<std::int64_t, std::unique_ptr<Page>> pages_;  // absent: zeros
  std::int64_t synced_size_ = 0;
  std::map<std::int64_t, Page> synced_pages_;
};

}  // namespace sim
