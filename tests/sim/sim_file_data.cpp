// Sparse file content: a 5 GiB offset costs one page, a 5 GiB preallocation none.
// Knows octets, offsets and free blocks; must not know names, modes or descriptors.
#include "tests/sim/sim_file_data.hpp"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sim {

std::int64_t Extents::count(std::int64_t first, std::int64_t end) const {
  std::int64_t covered = 0;
  for (const auto& [from, to] : ranges_) {
    covered += std::max<std::int64_t>(0, std::min(end, to) - std::max(first, from));
  }
  return covered;
}

void Extents::add(std::int64_t first, std::int64_t end) {
  for (auto range = ranges_.begin(); range != ranges_.end();) {
    if (range->second < first || range->first > end) {
      ++range;
      continue;
    }
    first = std::min(first, range->first);
    end = std::max(end, range->second);
    range = ranges_.erase(range);
  }
  ranges_[first] = end;
}

void Extents::cut_from(std::int64_t first) {
  ranges_.erase(ranges_.lower_bound(first), ranges_.end());
  if (!ranges_.empty()) ranges_.rbegin()->second = std::min(ranges_.rbegin()->second, first);
}

std::int64_t Extents::total() const {
  std::int64_t pages = 0;
  for (const auto& [from, to] : ranges_) pages += to - from;
  return pages;
}

std::pair<std::int64_t, std::int64_t> Extents::next(std::int64_t page) const {
  for (const auto& [from, to] : ranges_)
    if (to > page) return {std::max(from, page), to};
  return {page, page};
}

FileData::~FileData() { space_->used -= blocks_.total() * page_size; }

bool FileData::take_blocks(std::int64_t first, std::int64_t end) {
  const std::int64_t needed = (end - first - blocks_.count(first, end)) * page_size;
  if (needed > 0 && space_->used + needed > space_->capacity) return false;
  space_->used += needed;
  blocks_.add(first, end);
  return true;
}

std::int64_t FileData::read(std::span<char> into, std::int64_t offset) const {
  if (offset < 0) return -EINVAL;
  if (offset >= size_) return 0;
  const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(into.size()), size_ - offset);
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t within = (offset + done) % page_size;
    const std::int64_t part = std::min(count - done, page_size - within);
    const auto page = pages_.find((offset + done) / page_size);
    if (page == pages_.end()) {
      std::memset(into.data() + done, 0, static_cast<std::size_t>(part));
    } else {
      std::memcpy(into.data() + done, page->second->data() + within, static_cast<std::size_t>(part));
    }
    done += part;
  }
  return count;
}

void FileData::sync() {
  synced_size_ = size_;
  synced_pages_.clear();
  for (const auto& [number, page] : pages_) synced_pages_.emplace(number, *page);
}

std::string FileData::synced() const {
  std::string all(static_cast<std::size_t>(synced_size_), '\0');
  for (const auto& [number, page] : synced_pages_) {
    const std::int64_t begin = number * page_size;
    const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(synced_size_ - begin, 0, page_size));
    std::memcpy(all.data() + begin, page.data(), count);
  }
  return all;
}

std::int64_t FileData::write(std::span<const char> from, std::int64_t offset) {
  if (offset < 0) return -EINVAL;
  const auto count = static_cast<std::int64_t>(from.size());
  std::int64_t done = 0;
  while (done < count) {
    const std::int64_t number = (offset + done) / page_size;
    const std::int64_t within = (offset + done) % page_size;
    const std::int64_t part = std::min(count - done, page_size - within);
    if (!take_blocks(number, number + 1)) break;
    auto& page = pages_[number];
    if (!page) page = std::make_unique<Page>(Page{});
    std::memcpy(page->data() + within, from.data() + done, static_cast<std::size_t>(part));
    done += part;
  }
  if (done == 0 && count > 0) return -ENOSPC;
  if (done > 0) size_ = std::max(size_, offset + done);
  return done;
}

int FileData::truncate(std::int64_t length) {
  if (length < 0) return -EINVAL;
  if (length <= size_) {  // also frees what was preallocated behind the end
    const std::int64_t first_gone = (length + page_size - 1) / page_size;
    const std::int64_t before = blocks_.total();
    blocks_.cut_from(first_gone);
    space_->used -= (before - blocks_.total()) * page_size;
    pages_.erase(pages_.lower_bound(first_gone), pages_.end());
    if (const auto last = pages_.find(length / page_size); last != pages_.end()) {
      std::fill(last->second->begin() + length % page_size, last->second->end(), '\0');
    }
  }
  size_ = length;
  return 0;
}

int FileData::allocate(int mode, std::int64_t offset, std::int64_t length) {
  if (offset < 0 || length <= 0) return -EINVAL;
  if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) return -EOPNOTSUPP;
  const std::int64_t end = offset + length;
  if (!take_blocks(offset / page_size, (end + page_size - 1) / page_size)) return -ENOSPC;
  if ((mode & FALLOC_FL_KEEP_SIZE) == 0) size_ = std::max(size_, end);
  return 0;
}

void FileData::find_data(std::int64_t& offset, std::int64_t& length) const {
  const auto [first, end] = blocks_.next(offset / page_size);
  const std::int64_t begin = std::max(offset, first * page_size);
  const std::int64_t stop = std::min(size_, end * page_size);
  length = std::max<std::int64_t>(0, stop - begin);
  if (length > 0) offset = begin;
}

}  // namespace sim
