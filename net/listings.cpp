// Everything here happens on the loop: a change is told before the next listing is looked for, in the same call.
#include "net/listings.hpp"

#include <algorithm>
#include <utility>

namespace net {
namespace {

// What a listing takes beside its text: its place here, and what the kernel holds for a watched directory.
constexpr std::size_t overhead = 2048;
// More than these are sooner listed anew than looked at one by one.
constexpr std::size_t unsteady_max = 64;
// The kernel marks each file that it knows in a directory when that is first watched: 100 ns each, on the loop. What
// has more octets of names than these, some 50,000 entries, would be too large to be kept anyway.
constexpr std::uint64_t directory_size_max = 1024 * 1024;
// What no watch tells of, and what nobody knows to look at again, is late by so much.
constexpr std::int64_t age_max_s = 10;
// One listing may take this part of all room.
constexpr std::size_t largest_part = 4;

}  // namespace

// ---- One listing ----

Listings::Listing::Listing(Listings& owner, Key key, const core::Entry& itself, std::shared_ptr<const Watch> watch,
                           std::int64_t now_s)
    : owner_(owner),
      key_(std::move(key)),
      itself_(itself),
      watch_(std::move(watch)),
      from_s_(now_s),
      until_s_(now_s + age_max_s) {}

bool Listings::Listing::account(std::size_t octets) {
  if (size_ + octets > owner_.size_max_ / largest_part) return false;
  owner_.make_room(octets);
  if (owner_.held_ + octets > owner_.size_max_) return false;  // being sent, or made
  size_ += octets;
  owner_.held_ += octets;
  return true;
}

bool Listings::Listing::append(std::string_view lines) {
  if (!account(lines.size())) return false;
  text_.append(lines);
  return true;
}

bool Listings::Listing::append(std::string_view name, const core::Entry& unsteady) {
  if (unsteady_.size() == unsteady_max || !account(sizeof(Unsteady) + name.size())) return false;
  unsteady_.push_back({.name = std::string(name), .entry = unsteady});
  return true;
}

// ---- Watches ----

Listings::Watch::~Watch() {
  if (changed) return;  // the kernel has ended it
  owner.watches_.erase(number);
  owner.watcher_->remove(number);
}

void Listings::look_for_changes() {
  changed_.clear();
  const bool all_told = watcher_->changed(changed_);
  for (const int number : changed_) {
    const auto found = watches_.find(number);
    if (found == watches_.end()) continue;
    if (const auto watch = found->second.lock()) watch->changed = true;
    watches_.erase(found);
  }
  if (!all_told) resize(size_max_);
}

// ---- All of them ----

Listings::Listings(std::size_t size_max) { resize(size_max); }

// A new watcher: what was watched before is not any more.
void Listings::resize(std::size_t size_max) {
  by_key_.clear();
  kept_.clear();
  for (const auto& [number, weak] : watches_)
    if (const auto watch = weak.lock()) watch->changed = true;
  watches_.clear();
  size_max_ = size_max;
  watcher_.reset();
  if (size_max > 0) watcher_ = std::make_unique<io::Watcher>();
}

void Listings::learn(std::uint64_t device, bool changes_told) {
  if (changes_told) {
    telling_.insert(device);
  } else {
    telling_.erase(device);
  }
}

std::shared_ptr<const Listings::Listing> Listings::find(const Key& key, const core::Entry& itself, std::int64_t now_s) {
  if (kept_.empty()) return nullptr;
  look_for_changes();
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto which = found->second;
  const Listing& listing = **which;
  const bool in_time = listing.from_s_ <= now_s && now_s < listing.until_s_;
  if (listing.watch_->changed || !in_time || listing.itself_ != itself) {
    forget(which);
    return nullptr;
  }
  kept_.splice(kept_.begin(), kept_, which);
  return *which;
}

std::unique_ptr<Listings::Listing> Listings::begin(const Key& key, const core::Entry& itself, int directory,
                                                   std::int64_t now_s) {
  if (!enabled() || !telling_.contains(key.device) || itself.size > directory_size_max) return nullptr;
  const int number = watcher_->add(directory);
  if (number < 0) return nullptr;
  std::weak_ptr<Watch>& known = watches_[number];
  std::shared_ptr<Watch> watch = known.lock();
  if (!watch) known = watch = std::make_shared<Watch>(*this, number);
  auto listing = std::make_unique<Listing>(*this, key, itself, std::move(watch), now_s);
  if (!listing->account(overhead + key.prefix.size())) return nullptr;
  return listing;
}

void Listings::keep(std::unique_ptr<Listing> listing) {
  look_for_changes();
  if (listing->watch_->changed) return;
  if (const auto before = by_key_.find(listing->key_); before != by_key_.end()) forget(before->second);
  kept_.push_front(std::move(listing));
  by_key_.emplace(kept_.front()->key_, kept_.begin());
}

void Listings::forget(Kept::iterator which) {
  by_key_.erase((*which)->key_);
  kept_.erase(which);
}

void Listings::make_room(std::size_t octets) {
  while (!kept_.empty() && held_ + octets > size_max_) forget(std::prev(kept_.end()));
}

}  // namespace net
