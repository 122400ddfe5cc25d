// The simulated file system: directories, sparse files, symbolic and hard links, FIFOs, modes, a
// disk that can fill up. Calls behave like Linux's for the owner of all files (uid 1000, not root).
// Knows nodes and paths; must not know descriptors, ops or delays.
#pragma once

#include <linux/openat2.h>
#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/sim_file_data.hpp"
#include "tests/sim/timeline.hpp"

namespace io {
struct DirBatch;
}

namespace sim {

/// An inode. Lives as long as a name or an open file leads to it.
struct Node {
  enum class Type : std::uint8_t { file, directory, symlink, fifo, socket };
  /// A real directory is read in no order that a program may rely on: here, by hash.
  struct ByHash {
    bool operator()(const std::string& left, const std::string& right) const;
  };

  Node(std::uint64_t number, Type kind, unsigned permissions, std::shared_ptr<Space> on)
      : ino(number), type(kind), mode(permissions), space(on), data(std::move(on)) {}
  bool is_directory() const { return type == Type::directory; }

  const std::uint64_t ino;
  const Type type;
  unsigned mode;
  unsigned uid = 1000, gid = 1000;
  const std::shared_ptr<Space> space;  ///< the file system it is on
  std::int64_t modified = 0;           ///< nanoseconds since 1970
  std::int64_t changed = 0;
  std::int64_t born = 0;
  unsigned links = 0;     ///< names; a directory counts its own too, and is dead at 0
  bool linkable = false;  ///< made by O_TMPFILE without O_EXCL
  FileData data;
  std::string target;  ///< of a symbolic link
  std::map<std::string, std::shared_ptr<Node>, ByHash> entries;
  std::map<std::string, std::shared_ptr<Node>, ByHash> synced_entries;  ///< those that a power cut leaves
  std::weak_ptr<int> lock;                                              ///< flock(2), as long as its holder is open
  std::weak_ptr<Node> parent;                                           ///< of a directory
};

/// What a descriptor stands for.
struct OpenFile {
  std::shared_ptr<Node> node;
  int flags = 0;
  std::optional<std::string> last_read{};  ///< the last entry that read_dir gave
  std::shared_ptr<int> lock{};             ///< on the node, if this has it
};

class SimFiles {
 public:
  /// The error of an open(2) that would block until somebody opens a FIFO's other end.
  static constexpr int blocks = 1'000'000;

  explicit SimFiles(Timeline& timeline);

  // ---- For tests: absolute paths; missing parents are made; modes do not hinder. ----

  /// There is no RENAME_NOREPLACE, as on FUSE and NFS.
  bool plain_renames = false;
  void make_directory(const std::string& path, unsigned mode = 0755);
  void make_file(const std::string& path, std::string_view content, unsigned mode = 0644);
  void make_symlink(const std::string& path, const std::string& target);
  void make_fifo(const std::string& path, unsigned mode = 0644);
  void make_socket(const std::string& path);
  /// A directory that is a file system of its own, with this capacity in octets.
  Space& mount(const std::string& path, std::int64_t capacity);
  /// Grows or cuts a file; growing leaves a hole.
  void set_size(const std::string& path, std::int64_t size);
  void set_mode(const std::string& path, unsigned mode);
  void set_modified(const std::string& path, std::int64_t modified);
  /// With all that is below.
  void remove(const std::string& path);
  bool exists(const std::string& path) const { return find(path) != nullptr; }
  /// A file's content, nothing when there is no such file.
  std::optional<std::string> content(const std::string& path) const;
  /// What a power cut loses of what was not synced: everything, or contents alone, the names being on disk already.
  enum class Loss : std::uint8_t { everything, contents };
  /// A file's content after a power cut now, nothing when there would be no such file. What make_file() and its kin
  /// made is on disk.
  std::optional<std::string> after_power_cut(const std::string& path, Loss loss = Loss::everything) const;
  void set_owner(const std::string& path, unsigned uid, unsigned gid);
  /// The names in a directory, sorted.
  std::vector<std::string> names(const std::string& path) const;
  /// The inode itself; a last symbolic link is not followed. nullptr when absent.
  std::shared_ptr<Node> find(const std::string& path) const;

  Space& space() { return *space_; }
  unsigned umask = 0;                ///< the server's process has none
  bool may_give_away = false;        ///< CAP_CHOWN
  unsigned supplementary_gid = 100;  ///< beside 1000, the server's process is in this group

  // ---- Calls. `at` is an open directory, or nullptr for the root. Results: counts, 0 or -errno. ----

  std::expected<OpenFile, int> open(const OpenFile* at, const char* path, const open_how& how);
  int stat(const OpenFile* at, const char* path, int flags, struct statx& out) const;
  std::int64_t read(const OpenFile& file, std::span<char> into, std::int64_t offset) const;
  std::int64_t write(OpenFile& file, std::span<const char> from, std::int64_t offset);
  int allocate(OpenFile& file, int mode, std::int64_t offset, std::int64_t length);
  /// The next run of blocks at or behind `offset`, which becomes its begin; `length` 0: none.
  int find_data(const OpenFile& file, std::int64_t& offset, std::int64_t& length) const;
  int sync(const OpenFile& file, bool everything);
  int flush(const OpenFile& file) const;
  int lock(OpenFile& file) const;
  int set_owner(OpenFile& file, unsigned uid, unsigned gid);
  int read_link(const OpenFile* at, const char* path, std::span<char> into) const;
  int truncate(OpenFile& file, std::int64_t length);
  int read_dir(OpenFile& directory, const OpenFile* root, io::DirBatch& batch) const;
  int make_dir(const OpenFile* at, const char* path, unsigned mode);
  int unlink(const OpenFile* at, const char* path, int flags, const OpenFile* only = nullptr);
  int rename(const OpenFile* from_at, const char* from, const OpenFile* to_at, const char* to, unsigned flags);
  int link(const OpenFile* from_at, const char* from, const OpenFile* to_at, const char* to, int flags);
  int symlink(const char* target, const OpenFile* at, const char* path);
  /// Octets that can still be stored on the file system of what is open.
  static std::int64_t space_left(const OpenFile& file);
  std::int64_t copy(const OpenFile& from, std::int64_t offset, OpenFile& to, std::int64_t to_offset, std::size_t count);
  /// An empty path means the descriptor itself; symbolic links are not followed.
  int set_times(const OpenFile* at, const char* path, const timespec& modified);
  int set_mode(const OpenFile* at, const char* path, unsigned mode);

 private:
  using NodePointer = std::shared_ptr<Node>;
  enum class Last : std::uint8_t {
    follow,  ///< follow a symbolic link at the end
    keep,    ///< do not, unless a slash stands behind it
    name,    ///< never: the name itself is wanted
  };
  /// Where a path led.
  struct Place {
    enum class Kind : std::uint8_t { name, dot, dot_dot, root };
    NodePointer parent;
    std::string name;
    NodePointer node;  ///< nullptr: the name is free
    Kind kind = Kind::root;
    bool slash = false;  ///< one stood at the end: only a directory will do
  };
  struct Walker;

  std::expected<Place, int> walk(const OpenFile* at, const char* path, Last last, std::uint64_t resolve = 0,
                                 bool makes = false) const;
  std::expected<NodePointer, int> look_up(const OpenFile* at, const char* path, int flags) const;
  std::expected<OpenFile, int> open_existing(const Place& place, int flags);
  std::expected<OpenFile, int> open_temporary(const OpenFile* at, const char* path, const open_how& how);
  std::expected<NodePointer, int> add(const Place& place, Node::Type type, unsigned mode);
  int may_rename(const Place& from, const Place& to, unsigned flags) const;
  NodePointer new_node(Node::Type type, unsigned mode, std::shared_ptr<Space> on);
  NodePointer put(const std::string& path, Node::Type type, unsigned mode);
  void attach(const NodePointer& directory, const std::string& name, const NodePointer& node);
  void detach(const NodePointer& directory, const std::string& name);
  void sync_below(Node& node);
  void touch(Node& node) { node.modified = node.changed = timeline_.wall_clock(); }
  void fill(const Node& node, struct statx& out) const;

  Timeline& timeline_;
  std::shared_ptr<Space> space_ = std::make_shared<Space>();
  std::uint32_t next_device_ = 78;
  std::uint64_t next_ino_ = 2;
  NodePointer root_;
};

}  // namespace sim
