// Path resolution: one step a name, symbolic links and RESOLVE_* included, as in path_resolution(7).
// Knows nodes and names; must not change any node.
#include "tests/sim/sim_path.hpp"

#include <cerrno>
#include <climits>
#include <utility>

namespace sim {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> names;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) names.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return names;
}

struct SimFiles::Walker {
  NodePointer current;
  NodePointer bound;  // what BENEATH and IN_ROOT do not let out of
  NodePointer root;
  std::uint64_t resolve;
  Last last;
  bool makes;  // O_CREAT
  std::deque<std::string> rest{};
  int links = 0;
  Place place{};

  /// Puts a path in front of what is still to be walked. Result: 0 or an errno value.
  int push(std::string_view path) {
    if (path.size() >= PATH_MAX) return ENAMETOOLONG;
    if (path.empty()) return ENOENT;
    if (rest.empty()) place.slash = path.back() == '/' || place.slash;
    if (path.front() == '/') {
      if ((resolve & RESOLVE_BENEATH) != 0) return EXDEV;
      current = (resolve & RESOLVE_IN_ROOT) != 0 ? bound : root;
      place.kind = Place::Kind::root;
    }
    const auto names = split_path(path);
    rest.insert(rest.begin(), names.begin(), names.end());
    return 0;
  }

  int up() {
    if (current == bound) {
      if ((resolve & RESOLVE_BENEATH) != 0) return EXDEV;
      if ((resolve & RESOLVE_IN_ROOT) != 0) return 0;
    }
    if (auto parent = current->parent.lock()) current = std::move(parent);
    return 0;
  }

  bool follows() const {
    if (!rest.empty() || last == Last::follow) return true;
    return last == Last::keep && place.slash;
  }

  int follow(const Node& link) {
    if ((resolve & RESOLVE_NO_SYMLINKS) != 0 || ++links > 40) return ELOOP;
    return push(link.target);
  }

  /// Result: 0 or an errno value.
  int step() {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (!current->is_directory()) return ENOTDIR;
    if (!may(*current, want_search)) return EACCES;
    if (name == "." || name == "..") {
      place.kind = name == "." ? Place::Kind::dot : Place::Kind::dot_dot;
      return name == "." ? 0 : up();
    }
    if (makes && rest.empty() && place.slash) return EISDIR;  // open(2) makes no directories
    if (name.size() > NAME_MAX) return ENAMETOOLONG;
    const auto entry = current->entries.find(name);
    const NodePointer child = entry == current->entries.end() ? nullptr : entry->second;
    if (child == nullptr && !rest.empty()) return ENOENT;
    if (child != nullptr && child->type == Node::Type::symlink && follows()) return follow(*child);
    place.kind = Place::Kind::name;
    place.parent = current;
    place.name = name;
    place.node = child;
    if (child != nullptr && !rest.empty()) current = child;
    return 0;
  }
};

std::expected<SimFiles::Place, int> SimFiles::walk(const OpenFile* at, const char* path, Last last,
                                                   std::uint64_t resolve, bool makes) const {
  const NodePointer start = at != nullptr ? at->node : root_;
  Walker walker{.current = start, .bound = start, .root = root_, .resolve = resolve, .last = last, .makes = makes};
  if (const int error = walker.push(path); error != 0) return std::unexpected(error);
  while (!walker.rest.empty()) {
    if (const int error = walker.step(); error != 0) return std::unexpected(error);
  }
  if (walker.place.kind != Place::Kind::name) walker.place.node = walker.current;
  return walker.place;
}

}  // namespace sim
