// Small files that were read lately, kept open: what is asked for again and again is opened once. What is found here
// is what the path leads to now: every directory on the way is known, and has not changed since the file was opened.
// Knows directories and when they changed; must not know what files are for.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "io/reactor.hpp"
#include "net/root.hpp"

namespace net {

/// A descriptor with several owners, closed behind the last of them.
class OpenFile {
 public:
  /// `changed`: Backend::changed_at(fd).
  OpenFile(io::Reactor& reactor, int fd, std::int64_t changed) : reactor_(reactor), fd_(fd), changed_(changed) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { reactor_.close(fd_, true); }
  int fd() const { return fd_; }
  std::int64_t changed() const { return changed_; }

 private:
  io::Reactor& reactor_;
  int fd_;
  std::int64_t changed_;
};

class OpenFiles {
  struct Directory;

 public:
  /// The directory that a path leads through, as it was found.
  using Way = std::shared_ptr<const Directory>;

  /// Keeps at most `limit` files, and as many directories; 0: nothing. `descriptors`: how many the process may have.
  OpenFiles(io::Reactor& reactor, std::size_t limit, int descriptors);
  ~OpenFiles();

  /// Something may have changed: somebody outside has said something, or what was asked for here is done. What is kept
  /// is good from here on only if it is looked at again.
  void doubt() { ++doubts_; }
  /// The file that the absolute `path` leads to, if it is kept; else nullptr.
  std::shared_ptr<const OpenFile> find(const std::shared_ptr<Root>& root, std::string_view path);
  /// What keep() wants to know of a file that is opened behind this call, without following a link. nullptr: it cannot
  /// be kept; a directory on the way is not known yet, but soon will be.
  Way way_to(const std::shared_ptr<Root>& root, std::string_view path);
  void keep(const Way& way, std::string_view path, std::shared_ptr<const OpenFile> file);
  /// Closes all, and from now on keeps nothing. The reactor is to be joined, or busy() waited for.
  void close();

  bool busy() const { return !open_op_.idle(); }
  std::size_t size() const { return files_.size(); }

 private:
  /// A directory as it was when it was learnt.
  struct Directory {
    std::shared_ptr<Root> root;
    Way parent;                            ///< nullptr: the root itself
    std::shared_ptr<const OpenFile> file;  ///< nullptr: the root's own
    std::int64_t changed;                  ///< Backend::changed_at()
    io::Time until;
    mutable std::uint64_t looked = 0;  ///< doubts_ when it was last seen unchanged
    int fd() const { return file ? file->fd() : root->directory(); }
  };
  struct Place {
    const Root* root;
    std::string path;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const {
      return std::hash<std::string_view>()(place.path) ^ std::hash<const void*>()(place.root);
    }
  };
  struct Kept {
    Place place;
    std::shared_ptr<const OpenFile> file;
    Way in;
    io::Time until;
  };

  Way directory_of(const std::shared_ptr<Root>& root, std::string_view path);
  bool holds(const Directory& directory) const;
  void learn(const std::shared_ptr<Root>& root, std::string_view path, Way parent);
  void on_opened(io::Op& op);
  void remember(int fd);
  void end_learning();
  void make_room();
  void drop(std::list<Kept>::iterator kept);
  void on_time();

  io::Reactor& reactor_;
  std::size_t limit_;
  int highest_;  ///< the highest descriptor that is kept
  std::uint64_t doubts_ = 1;
  std::unordered_map<Place, Way, PlaceHash> directories_;
  std::list<Kept> order_;  ///< as they were opened
  std::unordered_map<Place, std::list<Kept>::iterator, PlaceHash> files_;
  Place asked_;  ///< reused, so that looking for a path takes no memory
  io::Timer timer_;

  io::Op open_op_;  ///< learns one directory at a time
  std::shared_ptr<Root> learning_root_;
  Way learning_parent_;
  std::string learning_, learning_below_;
  io::Time learn_next_ = 0;
};

}  // namespace net
