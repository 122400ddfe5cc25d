// The directories that users see as "/": opened at a login, shared by those who are in the same one, and closed behind
// the last. Knows descriptors; must not know users or commands.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "io/reactor.hpp"

namespace net {

class Roots;

/// A directory on this host that some users see as "/".
class Root {
 public:
  /// Device, inode and mount: all three, for another file system may be mounted over a directory.
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;

  Root(Roots& roots, io::Reactor& reactor, int directory, const Identity& identity)
      : roots_(roots), reactor_(reactor), directory_(directory), identity_(identity) {}
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root();
  int directory() const { return directory_; }
  const Identity& identity() const { return identity_; }

 private:
  Roots& roots_;
  io::Reactor& reactor_;
  int directory_;
  Identity identity_;
};

/// Those that are in use.
class Roots {
 public:
  Roots() = default;
  Roots(const Roots&) = delete;
  Roots& operator=(const Roots&) = delete;
  /// The root of an open directory, which it takes over: one descriptor a directory is kept.
  std::shared_ptr<Root> share(io::Reactor& reactor, int directory, const struct statx& facts);
  std::size_t size() const { return all_.size(); }

 private:
  friend class Root;
  std::map<Root::Identity, std::weak_ptr<Root>> all_;
};

/// Opens a directory as a root, off the loop: it may wait for a disk. It is opened anew each time, so that one that was
/// replaced or mounted over is found.
class RootOpening {
 public:
  RootOpening(io::Reactor& reactor, Roots& roots);

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    done_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }
  /// With a mode it is made when it is missing, in a directory that is there. The callback comes later.
  void start(const std::string& path, std::optional<unsigned> make_with_mode);

  bool busy() const { return !op_.idle(); }
  /// An errno value: EACCES also where the directory is there and cannot be searched.
  int error() const { return error_; }
  const std::shared_ptr<Root>& root() const { return root_; }
  bool made() const { return made_; }

 private:
  void open();
  void on_op_done(io::Op& op);
  void on_opened(std::int32_t result);
  void finish(int error);

  io::Reactor& reactor_;
  Roots& roots_;
  io::Op op_;
  std::string path_, inside_;
  std::optional<unsigned> mode_;
  int directory_ = -1;
  struct statx facts_{};
  bool made_ = false;
  int error_ = 0;
  std::shared_ptr<Root> root_;
  void* owner_ = nullptr;
  void (*done_)(void*) = nullptr;
};

}  // namespace net
