// A root for tests of what works below one.
#pragma once

#include <fcntl.h>

#include <memory>
#include <string>

#include "net/root.hpp"

namespace tests {

/// Opened at once; nullptr when it cannot be.
inline std::shared_ptr<net::Root> open_root(io::Reactor& reactor, net::Roots& roots, const std::string& path) {
  const auto directory = reactor.backend().open_root(path);
  return directory ? roots.share(reactor, *directory, {}) : nullptr;
}

}  // namespace tests
