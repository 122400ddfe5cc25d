// Listings that were made, for as long as nothing has changed in their directories: a listing that is asked for again
// is text that stands ready. The kernel tells what changes, and what it does not tell is looked at again; what it hides
// even from that (see io/watcher.hpp) shows ten seconds late at most, for no listing is kept for longer.
// Knows directories and text; must not know how a line looks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/action.hpp"
#include "io/watcher.hpp"

namespace net {

class Listings {
  struct Watch;

 public:
  /// What decides how a listing reads, beside what is in the directory.
  struct Key {
    std::uint64_t device = 0, inode = 0;
    std::uint64_t mount = 0;  ///< what is mounted over entries differs from mount to mount
    core::ListFormat format{};
    core::FactSet facts{};
    core::Rights rights{};
    bool hidden = false, reverse = false;
    core::ListOrder order{};
    std::string prefix{};
    bool operator==(const Key&) const = default;
  };

  /// An entry of which the kernel does not tell every change.
  struct Unsteady {
    std::string name;
    core::Entry entry;
  };

  /// A listing that is being made, or was. Its text is good for a directory in which nothing has changed, and while the
  /// unsteady ones are still as they were.
  class Listing {
   public:
    Listing(Listings& owner, Key key, const core::Entry& itself, std::shared_ptr<const Watch> watch,
            std::int64_t now_s);
    Listing(const Listing&) = delete;
    Listing& operator=(const Listing&) = delete;
    ~Listing() { owner_.held_ -= size_; }
    const std::string& text() const { return text_; }
    const std::vector<Unsteady>& unsteady() const { return unsteady_; }
    /// The directory, as it was before it was watched.
    const core::Entry& itself() const { return itself_; }

    // While it is made. False: there is no room for it, and it is to be given up.
    bool append(std::string_view lines);
    bool append(std::string_view name, const core::Entry& unsteady);
    /// The lines read otherwise from then on: seconds since 1970.
    void limit(std::int64_t until_s) { until_s_ = std::min(until_s_, until_s); }

   private:
    friend class Listings;
    bool account(std::size_t octets);

    Listings& owner_;
    Key key_;
    core::Entry itself_;
    std::shared_ptr<const Watch> watch_;
    std::string text_;
    std::vector<Unsteady> unsteady_;
    std::size_t size_ = 0;  ///< octets, of owner_.held_
    std::int64_t from_s_, until_s_;
  };

  /// Keeps at most so many octets; 0: nothing.
  explicit Listings(std::size_t size_max);
  Listings(Listings&&) = delete;
  /// What is more is forgotten.
  void resize(std::size_t size_max);

  /// The listing, if it is there and nothing has changed; else nullptr.
  std::shared_ptr<const Listing> find(const Key& key, const core::Entry& itself, std::int64_t now_s);
  /// One that is to be made now of an open directory, whose entries have not been read yet. nullptr: it cannot be kept,
  /// because it is not known yet that its file system tells changes (learn()), because it is very large, or because no
  /// more can be watched.
  std::unique_ptr<Listing> begin(const Key& key, const core::Entry& itself, int directory, std::int64_t now_s);
  /// It is whole.
  void keep(std::unique_ptr<Listing> listing);
  /// Whether io::changes_are_told() for directories of this device.
  void learn(std::uint64_t device, bool changes_told);

  bool enabled() const { return watcher_ != nullptr; }
  /// Octets, of all that are kept or being made or sent.
  std::size_t held() const { return held_; }

 private:
  struct Watch {
    Watch(Listings& of, int descriptor) : owner(of), number(descriptor) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();
    Listings& owner;
    int number;
    bool changed = false;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::uint64_t>()(key.inode * 31 + key.device) ^ static_cast<std::size_t>(key.format);
    }
  };
  using Kept = std::list<std::shared_ptr<const Listing>>;

  void look_for_changes();
  void make_room(std::size_t octets);
  void forget(Kept::iterator which);

  std::unique_ptr<io::Watcher> watcher_;  ///< nullptr: nothing is kept
  std::size_t size_max_ = 0, held_ = 0;
  std::unordered_map<int, std::weak_ptr<Watch>> watches_;
  std::vector<int> changed_;
  std::unordered_set<std::uint64_t> telling_;  ///< devices
  Kept kept_;                                  ///< the one that was asked for last is the first
  std::unordered_map<Key, Kept::iterator, KeyHash> by_key_;
};

}  // namespace net
