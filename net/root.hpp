// The directories that users see as "/": opened once, and all paths resolved from their descriptors.
// Knows descriptors; must not know users or commands.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "io/reactor.hpp"

namespace net {

/// A directory on this host that some users see as "/".
class Root {
 public:
  Root(io::Reactor& reactor, int directory) : reactor_(reactor), directory_(directory) {}
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  ~Root() { reactor_.close(directory_); }
  int directory() const { return directory_; }

 private:
  io::Reactor& reactor_;
  int directory_;
};

/// The roots of all accounts, opened once at start and on reload.
class Roots {
 public:
  /// Opens `path`; gives 0 or an errno value. A path opened before is shared.
  int add(io::Reactor& reactor, const std::string& path);
  /// nullptr when add() was never called for it, or failed.
  std::shared_ptr<Root> find(const std::string& path) const;

 private:
  std::unordered_map<std::string, std::shared_ptr<Root>> by_path_;
};

}  // namespace net
