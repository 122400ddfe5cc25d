// The calls of the simulated file system, each with Linux's checks in Linux's order.
// Knows nodes, paths and errno values; must not know descriptors or delays.
// Walking paths is in sim_path.cpp.
#include "tests/sim/sim_files.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/dir_batch.hpp"
#include "tests/sim/sim_path.hpp"

namespace sim {

namespace {

bool wants_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }
bool wants_read(int flags) { return (flags & O_ACCMODE) != O_WRONLY; }
bool is_path_only(const OpenFile& file) { return (file.flags & O_PATH) != 0; }
bool is_writable(const OpenFile& file) { return !is_path_only(file) && wants_write(file.flags); }
bool is_readable(const OpenFile& file) { return !is_path_only(file) && wants_read(file.flags); }

/// What openat2(2) refuses before it looks at the path.
bool is_valid(const open_how& how) {
  constexpr std::uint64_t known = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
                                  RESOLVE_IN_ROOT | RESOLVE_CACHED;
  constexpr std::uint64_t with_path = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const bool temporary = (how.flags & O_TMPFILE) == O_TMPFILE;
  const bool makes = (how.flags & O_CREAT) != 0 || temporary;
  if ((how.resolve & ~known) != 0 || (how.mode & ~std::uint64_t{07777}) != 0 || (how.mode != 0 && !makes)) return false;
  if ((how.resolve & RESOLVE_BENEATH) != 0 && (how.resolve & RESOLVE_IN_ROOT) != 0) return false;
  if ((how.flags & O_PATH) != 0) return (how.flags & ~with_path) == 0;
  if (temporary) return wants_write(static_cast<int>(how.flags)) && (how.flags & O_CREAT) == 0;
  return (how.flags & (O_CREAT | O_DIRECTORY)) != (O_CREAT | O_DIRECTORY);
}

bool is_below(const std::shared_ptr<Node>& node, const std::shared_ptr<Node>& above) {
  for (auto at = node; at != nullptr;) {
    if (at == above) return true;
    auto up = at->parent.lock();
    if (up == at) return false;  // the root is its own parent
    at = up;
  }
  return false;
}

unsigned type_bits(Node::Type type) {
  switch (type) {
    case Node::Type::file: return S_IFREG;
    case Node::Type::directory: return S_IFDIR;
    case Node::Type::symlink: return S_IFLNK;
    case Node::Type::fifo: return S_IFIFO;
    case Node::Type::socket: return S_IFSOCK;
  }
  std::unreachable();
}

}  // namespace

bool Node::ByHash::operator()(const std::string& left, const std::string& right) const {
  const auto hash = [](const std::string& name) {
    std::uint64_t value = 14695981039346656037U;
    for (const char octet : name) value = (value ^ static_cast<unsigned char>(octet)) * 1099511628211U;
    return value ^ (value >> 29);
  };
  const std::uint64_t left_hash = hash(left);
  const std::uint64_t right_hash = hash(right);
  return left_hash != right_hash ? left_hash < right_hash : left < right;
}

SimFiles::SimFiles(Timeline& timeline) : timeline_(timeline) {
  root_ = new_node(Node::Type::directory, 0755, space_);
  root_->links = 2;
  root_->parent = root_;
}

// ---- The tree. ----

SimFiles::NodePointer SimFiles::new_node(Node::Type type, unsigned mode, std::shared_ptr<Space> on) {
  auto node = std::make_shared<Node>(next_ino_++, type, mode, std::move(on));
  touch(*node);
  node->born = node->changed;
  return node;
}

void SimFiles::attach(const NodePointer& directory, const std::string& name, const NodePointer& node) {
  directory->entries[name] = node;
  ++node->links;
  if (node->is_directory()) {
    if (node->links == 1) node->links = 2;  // its own "."
    node->parent = directory;
    ++directory->links;
  }
  node->changed = timeline_.wall_clock();
  touch(*directory);
}

void SimFiles::detach(const NodePointer& directory, const std::string& name) {
  const auto entry = directory->entries.find(name);
  assert(entry != directory->entries.end());
  const NodePointer node = entry->second;
  directory->entries.erase(entry);
  --node->links;
  if (node->is_directory()) {
    --directory->links;
    node->links = 0;
  }
  node->changed = timeline_.wall_clock();
  touch(*directory);
}

std::expected<SimFiles::NodePointer, int> SimFiles::add(const Place& place, Node::Type type, unsigned mode) {
  if (place.parent->links == 0) return std::unexpected(ENOENT);  // the directory itself is gone
  if (!may(*place.parent, want_write | want_search)) return std::unexpected(EACCES);
  if (place.parent->space->no_inode) return std::unexpected(ENOSPC);
  NodePointer node = new_node(type, mode & 07777 & ~umask, place.parent->space);
  attach(place.parent, place.name, node);
  return node;
}

std::expected<SimFiles::NodePointer, int> SimFiles::look_up(const OpenFile* at, const char* path, int flags) const {
  if (*path == '\0' && (flags & AT_EMPTY_PATH) != 0) return at != nullptr ? at->node : root_;
  auto place = walk(at, path, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Last::keep : Last::follow);
  if (!place) return std::unexpected(place.error());
  if (place->node == nullptr) return std::unexpected(ENOENT);
  if (place->slash && !place->node->is_directory()) return std::unexpected(ENOTDIR);
  return place->node;
}

// ---- Opening. ----

std::expected<OpenFile, int> SimFiles::open(const OpenFile* at, const char* path, const open_how& how) {
  if (!is_valid(how)) return std::unexpected(EINVAL);
  const int flags = static_cast<int>(how.flags);
  const bool makes = (flags & O_CREAT) != 0;
  if ((how.resolve & RESOLVE_CACHED) != 0 && (makes || (flags & O_TRUNC) != 0)) return std::unexpected(EAGAIN);
  if ((flags & O_TMPFILE) == O_TMPFILE) return open_temporary(at, path, how);
  const bool keep = (flags & O_NOFOLLOW) != 0 || (makes && (flags & O_EXCL) != 0);
  auto place = walk(at, path, keep ? Last::keep : Last::follow, how.resolve, makes);
  if (!place) return std::unexpected(place.error());
  if (place->node != nullptr) {
    if (makes && (flags & O_EXCL) != 0) return std::unexpected(EEXIST);
    return open_existing(*place, flags);
  }
  if (!makes) return std::unexpected(ENOENT);
  auto made = add(*place, Node::Type::file, static_cast<unsigned>(how.mode));
  if (!made) return std::unexpected(made.error());
  return OpenFile{.node = *made, .flags = flags};
}

std::expected<OpenFile, int> SimFiles::open_existing(const Place& place, int flags) {
  Node& node = *place.node;
  const bool needs_directory = place.slash || (flags & O_DIRECTORY) != 0;
  if (needs_directory && !node.is_directory()) return std::unexpected(ENOTDIR);
  if ((flags & O_PATH) != 0) return OpenFile{.node = place.node, .flags = flags};
  if (node.type == Node::Type::symlink) return std::unexpected(ELOOP);
  if (node.is_directory() && (wants_write(flags) || (flags & (O_CREAT | O_TRUNC)) != 0)) return std::unexpected(EISDIR);
  const unsigned wanted = (wants_read(flags) ? want_read : 0) | (wants_write(flags) ? want_write : 0);
  if (!may(node, wanted)) return std::unexpected(EACCES);
  if (node.type == Node::Type::socket) return std::unexpected(ENXIO);
  if (node.type == Node::Type::fifo && (flags & O_ACCMODE) != O_RDWR) {
    if ((flags & O_NONBLOCK) == 0) return std::unexpected(blocks);
    if (wants_write(flags)) return std::unexpected(ENXIO);
  }
  if ((flags & O_TRUNC) != 0 && node.type == Node::Type::file) {
    node.data.truncate(0);
    touch(node);
  }
  return OpenFile{.node = place.node, .flags = flags};
}

std::expected<OpenFile, int> SimFiles::open_temporary(const OpenFile* at, const char* path, const open_how& how) {
  auto place = walk(at, path, Last::follow, how.resolve);
  if (!place) return std::unexpected(place.error());
  if (place->node == nullptr || place->node->links == 0) return std::unexpected(ENOENT);
  if (!place->node->is_directory()) return std::unexpected(ENOTDIR);
  if (!may(*place->node, want_write | want_search)) return std::unexpected(EACCES);
  if (place->node->space->no_tmpfile) return std::unexpected(EOPNOTSUPP);
  NodePointer node = new_node(Node::Type::file, static_cast<unsigned>(how.mode) & 07777 & ~umask, place->node->space);
  node->linkable = (how.flags & O_EXCL) == 0;
  return OpenFile{.node = node, .flags = static_cast<int>(how.flags)};
}

// ---- Facts. ----

void SimFiles::fill(const Node& node, struct statx& out) const {
  const auto time = [](std::int64_t nanoseconds) {
    statx_timestamp stamp{};
    const std::int64_t rest = (nanoseconds % io::second + io::second) % io::second;  // also before 1970
    stamp.tv_sec = (nanoseconds - rest) / io::second;
    stamp.tv_nsec = static_cast<std::uint32_t>(rest);
    return stamp;
  };
  out = {};
  out.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  out.stx_blksize = FileData::page_size;
  out.stx_nlink = node.links;
  out.stx_uid = node.uid;
  out.stx_gid = node.gid;
  out.stx_mode = static_cast<std::uint16_t>(type_bits(node.type) | node.mode);
  out.stx_ino = node.ino;
  out.stx_size = static_cast<std::uint64_t>(node.type == Node::Type::file ? node.data.size() : FileData::page_size);
  if (node.type == Node::Type::symlink) out.stx_size = node.target.size();
  out.stx_blocks = static_cast<std::uint64_t>(node.data.blocks_512());
  out.stx_atime = out.stx_mtime = time(node.modified);
  out.stx_ctime = time(node.changed);
  out.stx_btime = time(node.born);
  out.stx_dev_major = 0;
  out.stx_dev_minor = node.space->device;
}

int SimFiles::stat(const OpenFile* at, const char* path, int flags, struct statx& out) const {
  const auto node = look_up(at, path, flags);
  if (!node) return -node.error();
  fill(**node, out);
  return 0;
}

int SimFiles::set_times(const OpenFile* at, const char* path, const timespec& modified) {
  const auto node = look_up(at, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  if (!node) return -node.error();
  // As file systems do, it makes of what it cannot hold the nearest that it can.
  constexpr std::int64_t most = INT64_MAX / io::second - 1;
  (*node)->modified = std::clamp<std::int64_t>(modified.tv_sec, -most, most) * io::second + modified.tv_nsec;
  (*node)->changed = timeline_.wall_clock();
  return 0;
}

int SimFiles::set_mode(const OpenFile* at, const char* path, unsigned mode) {
  const auto node = look_up(at, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  if (!node) return -node.error();
  if ((*node)->type == Node::Type::symlink) return -EOPNOTSUPP;
  (*node)->mode = mode & 07777;
  (*node)->changed = timeline_.wall_clock();
  return 0;
}

// ---- Content. ----

std::int64_t SimFiles::read(const OpenFile& file, std::span<char> into, std::int64_t offset) const {
  if (offset < 0) return -EINVAL;
  if (is_path_only(file)) return -EBADF;
  if (file.node->type == Node::Type::fifo) return -ESPIPE;
  if (!is_readable(file)) return -EBADF;
  if (file.node->is_directory()) return -EISDIR;
  return file.node->data.read(into, offset);
}

std::int64_t SimFiles::write(OpenFile& file, std::span<const char> from, std::int64_t offset) {
  if (offset < 0) return -EINVAL;
  if (is_path_only(file)) return -EBADF;
  if (file.node->type == Node::Type::fifo) return -ESPIPE;
  if (!is_writable(file)) return -EBADF;
  if ((file.flags & O_APPEND) != 0) offset = file.node->data.size();  // pwrite(2), BUGS
  const std::int64_t written = file.node->data.write(from, offset);
  if (written > 0) touch(*file.node);
  return written;
}

std::int64_t SimFiles::space_left(const OpenFile& file) {
  const Space& space = *file.node->space;
  return std::max<std::int64_t>(space.capacity - space.used, 0);
}

std::int64_t SimFiles::copy(const OpenFile& from, std::int64_t offset, OpenFile& to, std::int64_t to_offset,
                            std::size_t count) {
  std::string octets(count, '\0');
  const std::int64_t in = read(from, octets, offset);
  if (in <= 0) return in;
  return write(to, std::span<const char>(octets).first(static_cast<std::size_t>(in)), to_offset);
}

int SimFiles::allocate(OpenFile& file, int mode, std::int64_t offset, std::int64_t length) {
  if (is_path_only(file)) return -EBADF;
  if (offset < 0 || length <= 0) return -EINVAL;
  if (!is_writable(file)) return -EBADF;
  if (file.node->type == Node::Type::fifo) return -ESPIPE;
  return file.node->data.allocate(mode, offset, length);
}

void SimFiles::sync_below(Node& node) {
  node.synced_entries = node.entries;
  node.data.sync();
  for (const auto& [name, child] : node.entries) sync_below(*child);
}

// Of a file its content, of a directory its names: as POSIX has it, and no file system needs to do more.
int SimFiles::sync(const OpenFile& file, bool everything) {
  if (is_path_only(file)) return -EBADF;
  if (file.node->type == Node::Type::fifo) return everything ? 0 : -EINVAL;
  if (everything) sync_below(*root_);
  file.node->synced_entries = file.node->entries;
  file.node->data.sync();
  return 0;
}

int SimFiles::flush(const OpenFile& file) const {
  if (is_path_only(file)) return -EBADF;
  return is_writable(file) ? -file.node->space->close_error : 0;
}

int SimFiles::lock(OpenFile& file) const {
  if (is_path_only(file)) return -EBADF;
  if (file.lock != nullptr) return 0;
  if (!file.node->lock.expired()) return -EBUSY;
  file.lock = std::make_shared<int>(0);
  file.node->lock = file.lock;
  return 0;
}

int SimFiles::set_owner(OpenFile& file, unsigned uid, unsigned gid) {
  constexpr auto as_it_is = static_cast<unsigned>(-1);
  if (is_path_only(file)) return -EBADF;
  Node& node = *file.node;
  const bool other_owner = uid != as_it_is && uid != node.uid;
  const bool other_group = gid != as_it_is && gid != node.gid && gid != supplementary_gid && gid != 1000;
  if ((other_owner || other_group) && !may_give_away) return -EPERM;
  if (uid != as_it_is) node.uid = uid;
  if (gid != as_it_is) node.gid = gid;
  node.changed = timeline_.wall_clock();
  return 0;
}

int SimFiles::read_link(const OpenFile* at, const char* path, std::span<char> into) const {
  const auto node = look_up(at, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
  if (!node) return -node.error();
  if ((*node)->type != Node::Type::symlink) return *path == '\0' ? -ENOENT : -EINVAL;
  const std::size_t count = std::min(into.size(), (*node)->target.size());
  std::memcpy(into.data(), (*node)->target.data(), count);
  return static_cast<int>(count);
}

int SimFiles::truncate(OpenFile& file, std::int64_t length) {
  if (length < 0) return -EINVAL;
  if (is_path_only(file)) return -EBADF;
  if (file.node->type != Node::Type::file || !is_writable(file)) return -EINVAL;
  const int result = file.node->data.truncate(length);
  touch(*file.node);
  return result;
}

int SimFiles::find_data(const OpenFile& file, std::int64_t& offset, std::int64_t& length) const {
  if (is_path_only(file)) return -EBADF;
  if (file.node->is_directory()) return -EISDIR;
  file.node->data.find_data(offset, length);
  return 0;
}

// ---- Directories. ----

int SimFiles::read_dir(OpenFile& directory, const OpenFile* root, io::DirBatch& batch) const {
  batch.entries.clear();
  if (is_path_only(directory)) return -EBADF;
  if (!directory.node->is_directory()) return -ENOTDIR;
  if (directory.node->links == 0) return -ENOENT;
  const auto& all = directory.node->entries;
  auto entry = directory.last_read ? all.upper_bound(*directory.last_read) : all.begin();
  std::size_t used = 0;
  for (; entry != all.end(); ++entry) {
    const auto& [name, node] = *entry;
    const std::size_t record = (19 + name.size() + 1 + 7) / 8 * 8;  // struct linux_dirent64
    if (used + record > batch.raw.size()) break;
    char* const text = batch.raw.data() + used + 19;
    std::memcpy(text, name.c_str(), name.size() + 1);
    used += record;
    io::DirEntry& out = batch.entries.emplace_back();
    out.name = {text, name.size()};
    out.is_link = node->type == Node::Type::symlink;
    directory.last_read = name;
    if (batch.wanted == io::DirFacts::none) continue;
    out.facts.stx_mode = static_cast<std::uint16_t>(type_bits(node->type));
    if (batch.wanted == io::DirFacts::kind && !out.is_link) out.has_facts = true;
    if (out.has_facts || !may(*directory.node, want_search)) continue;
    out.has_facts = true;
    fill(*node, out.facts);
    if (!out.is_link || root == nullptr) continue;
    out.link = std::make_unique<io::LinkFacts>();
    out.link->text = node->target;
    const std::string path = batch.below_root + "/" + name;
    const auto target = walk(root, path.c_str(), Last::follow, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    out.link->leads_out = !target && target.error() == EXDEV;
    out.link->reached = target && target->node != nullptr;
    if (out.link->reached) fill(*target->node, out.link->target);
  }
  return static_cast<int>(batch.entries.size());
}

int SimFiles::make_dir(const OpenFile* at, const char* path, unsigned mode) {
  const auto place = walk(at, path, Last::name);
  if (!place) return -place.error();
  if (place->kind != Place::Kind::name || place->node != nullptr) return -EEXIST;
  const auto made = add(*place, Node::Type::directory, mode);
  return made ? 0 : -made.error();
}

int SimFiles::symlink(const char* target, const OpenFile* at, const char* path) {
  const auto place = walk(at, path, Last::name);
  if (!place) return -place.error();
  if (place->kind != Place::Kind::name || place->node != nullptr) return -EEXIST;
  if (*target == '\0' || place->slash) return -ENOENT;
  const auto made = add(*place, Node::Type::symlink, 0777);
  if (!made) return -made.error();
  (*made)->target = target;
  return 0;
}

int SimFiles::unlink(const OpenFile* at, const char* path, int flags, const OpenFile* only) {
  if ((flags & ~AT_REMOVEDIR) != 0) return -EINVAL;
  const bool directory = (flags & AT_REMOVEDIR) != 0;
  const auto place = walk(at, path, Last::name);
  if (!place) return -place.error();
  switch (place->kind) {
    case Place::Kind::name: break;
    case Place::Kind::dot: return directory ? -EINVAL : -EISDIR;
    case Place::Kind::dot_dot: return directory ? -ENOTEMPTY : -EISDIR;
    case Place::Kind::root: return directory ? -EBUSY : -EISDIR;
  }
  if (place->node == nullptr) return -ENOENT;
  if (only != nullptr && only->node != place->node) return -ESTALE;
  if (!directory && place->slash) return place->node->is_directory() ? -EISDIR : -ENOTDIR;
  if (!may(*place->parent, want_write | want_search)) return -EACCES;
  if (directory != place->node->is_directory()) return directory ? -ENOTDIR : -EISDIR;
  if (directory && !place->node->entries.empty()) return -ENOTEMPTY;
  detach(place->parent, place->name);
  return 0;
}

int SimFiles::may_rename(const Place& from, const Place& to, unsigned flags) const {
  const bool keep = (flags & RENAME_NOREPLACE) != 0;
  if (from.kind != Place::Kind::name) return -EBUSY;
  if (to.kind != Place::Kind::name) return keep ? -EEXIST : -EBUSY;
  if (from.parent->space != to.parent->space) return -EXDEV;
  if (from.node == nullptr) return -ENOENT;
  if (flags != 0 && from.parent->space->no_rename_flags) return -EINVAL;
  if (keep && to.node != nullptr) return -EEXIST;
  const bool directory = from.node->is_directory();
  if (!directory && (from.slash || to.slash)) return -ENOTDIR;
  if (directory && is_below(to.parent, from.node)) return -EINVAL;
  if (to.node != nullptr && to.node->is_directory() && is_below(from.parent, to.node)) return -ENOTEMPTY;
  if (to.node == from.node) return 0;
  if (to.parent->links == 0) return -ENOENT;
  if (!may(*from.parent, want_write | want_search)) return -EACCES;
  if (!may(*to.parent, want_write | want_search)) return -EACCES;
  if (to.node == nullptr) return 0;
  if (directory != to.node->is_directory()) return directory ? -ENOTDIR : -EISDIR;
  return directory && !to.node->entries.empty() ? -ENOTEMPTY : 0;
}

int SimFiles::rename(const OpenFile* from_at, const char* from, const OpenFile* to_at, const char* to, unsigned flags) {
  if ((flags & ~unsigned{RENAME_NOREPLACE}) != 0) return -EINVAL;  // the others are not simulated
  if (flags != 0 && plain_renames) return -EINVAL;
  const auto source = walk(from_at, from, Last::name);
  if (!source) return -source.error();
  const auto target = walk(to_at, to, Last::name);
  if (!target) return -target.error();
  if (const int error = may_rename(*source, *target, flags); error != 0) return error;
  if (target->node == source->node) return 0;  // two names of one file: both stay
  if (target->node != nullptr) detach(target->parent, target->name);
  const NodePointer node = source->node;
  source->parent->entries.erase(source->name);
  if (node->is_directory()) --source->parent->links;
  touch(*source->parent);
  --node->links;
  attach(target->parent, target->name, node);
  return 0;
}

int SimFiles::link(const OpenFile* from_at, const char* from, const OpenFile* to_at, const char* to, int flags) {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return -EINVAL;
  const int follow = (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  const auto node = look_up(from_at, from, follow | (flags & AT_EMPTY_PATH));
  if (!node) return -node.error();
  const auto place = walk(to_at, to, Last::name);
  if (!place) return -place.error();
  if (place->kind != Place::Kind::name || place->node != nullptr) return -EEXIST;
  if (place->slash || place->parent->links == 0) return -ENOENT;
  if (place->parent->space != (*node)->space) return -EXDEV;
  if (!may(*place->parent, want_write | want_search)) return -EACCES;
  if ((*node)->is_directory()) return -EPERM;
  if ((*node)->links == 0 && !(*node)->linkable) return -ENOENT;
  attach(place->parent, place->name, *node);
  return 0;
}

// ---- For tests. ----

SimFiles::NodePointer SimFiles::put(const std::string& path, Node::Type type, unsigned mode) {
  assert(!path.empty() && path.front() == '/');
  const std::vector<std::string> names = split_path(path);
  NodePointer at = root_;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    const auto entry = at->entries.find(names[i]);
    if (entry != at->entries.end() && last && type != Node::Type::directory) detach(at, names[i]);
    if (entry == at->entries.end() || (last && type != Node::Type::directory)) {
      attach(at, names[i], new_node(last ? type : Node::Type::directory, last ? mode : 0755, at->space));
    }
    at->synced_entries[names[i]] = at->entries.at(names[i]);
    at = NodePointer{at->entries.at(names[i])};
  }
  assert(at->type == type);
  at->mode = mode;
  return at;
}

void SimFiles::make_directory(const std::string& path, unsigned mode) { put(path, Node::Type::directory, mode); }

void SimFiles::make_file(const std::string& path, std::string_view content, unsigned mode) {
  const NodePointer node = put(path, Node::Type::file, mode);
  const auto written = node->data.write(content, 0);
  assert(written == static_cast<std::int64_t>(content.size()));
  node->data.sync();
}

void SimFiles::make_symlink(const std::string& path, const std::string& target) {
  put(path, Node::Type::symlink, 0777)->target = target;
}

void SimFiles::make_fifo(const std::string& path, unsigned mode) { put(path, Node::Type::fifo, mode); }
void SimFiles::make_socket(const std::string& path) { put(path, Node::Type::socket, 0644); }

SimFiles::NodePointer SimFiles::find(const std::string& path) const {
  NodePointer at = root_;
  for (const std::string& name : split_path(path)) {
    const auto entry = at->entries.find(name);
    if (entry == at->entries.end()) return nullptr;
    at = NodePointer{entry->second};
  }
  return at;
}

Space& SimFiles::mount(const std::string& path, std::int64_t capacity) {
  auto space = std::make_shared<Space>(Space{.capacity = capacity, .device = next_device_++});
  const std::size_t slash = path.find_last_of('/');
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  make_directory(parent);
  attach(find(parent), path.substr(slash + 1), new_node(Node::Type::directory, 0755, space));
  return *space;
}

void SimFiles::set_owner(const std::string& path, unsigned uid, unsigned gid) {
  find(path)->uid = uid;
  find(path)->gid = gid;
}

void SimFiles::set_size(const std::string& path, std::int64_t size) { find(path)->data.truncate(size); }
void SimFiles::set_mode(const std::string& path, unsigned mode) { find(path)->mode = mode; }
void SimFiles::set_modified(const std::string& path, std::int64_t modified) { find(path)->modified = modified; }

void SimFiles::remove(const std::string& path) {
  const NodePointer node = find(path);
  assert(node != nullptr && node != root_);
  const std::vector<std::string> below = names(path);
  for (const std::string& name : below) remove(path + "/" + name);
  std::string parent = path.substr(0, path.find_last_of('/'));
  const NodePointer holder = find(parent);
  detach(holder, split_path(path).back());
  holder->synced_entries.erase(split_path(path).back());
}

std::optional<std::string> SimFiles::content(const std::string& path) const {
  const NodePointer node = find(path);
  if (node == nullptr || node->type != Node::Type::file) return std::nullopt;
  std::string all(static_cast<std::size_t>(node->data.size()), '\0');
  node->data.read(all, 0);
  return all;
}

std::optional<std::string> SimFiles::after_power_cut(const std::string& path, Loss loss) const {
  NodePointer at = root_;
  for (const std::string& name : split_path(path)) {
    const auto& entries = loss == Loss::contents ? at->entries : at->synced_entries;
    const auto entry = entries.find(name);
    if (entry == entries.end()) return std::nullopt;
    at = NodePointer{entry->second};
  }
  return at->type == Node::Type::file ? std::optional(at->data.synced()) : std::nullopt;
}

std::vector<std::string> SimFiles::names(const std::string& path) const {
  const NodePointer node = find(path);
  std::vector<std::string> all;
  if (node == nullptr) return all;
  for (const auto& [name, child] : node->entries) all.push_back(name);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace sim
