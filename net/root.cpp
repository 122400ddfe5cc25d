// Opening and finding roots.
#include "net/root.hpp"

namespace net {

int Roots::add(io::Reactor& reactor, const std::string& path) {
  if (by_path_.contains(path)) return 0;
  const auto opened = reactor.backend().open_root(path);
  if (!opened) return opened.error();
  by_path_.emplace(path, std::make_shared<Root>(reactor, *opened));
  return 0;
}

std::shared_ptr<Root> Roots::find(const std::string& path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

}  // namespace net
