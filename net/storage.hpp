// Files below a user's root. Every path is resolved by the kernel from the root's descriptor with
// RESOLVE_BENEATH, so that no name, link or race leads out. Knows paths and descriptors; must not
// know commands or replies.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/action.hpp"
#include "core/codec/codec.hpp"
#include "core/config.hpp"
#include "core/modify.hpp"
#include "io/buffer_pool.hpp"
#include "io/reactor.hpp"
#include "net/open_files.hpp"
#include "net/root.hpp"
#include "net/stale_uploads.hpp"

namespace net {

/// One thing done to files: a row of steps, each one operation, that stops at the first error.
///
/// One task runs at a time; when it ends, the bound callback is told and error() and the rest may be
/// read. A task that opens a file keeps it until release(), so that upload and download use the same
/// steps before and after.
class FileTask {
 public:
  /// `kept`: where files that are opened for reading may be found and left; nullptr: nowhere.
  explicit FileTask(io::Reactor& reactor, OpenFiles* kept = nullptr);
  ~FileTask() { release(); }

  template <auto Method, typename Owner>
  void bind(Owner& owner) {
    owner_ = &owner;
    done_ = [](void* to) { (static_cast<Owner*>(to)->*Method)(); };
  }

  // ---- What may be done. Paths are absolute below the root and are copied. ----

  using LinkAtEnd = core::action::LinkAtEnd;
  void look(std::shared_ptr<Root> root, std::string_view path, LinkAtEnd link = LinkAtEnd::follow);
  /// Whether the names in a directory can be used (EACCES); facts() are the directory's.
  void look_inside(std::shared_ptr<Root> root, std::string_view path);
  /// `synced`: its name is on disk before the end, so that what is synced into it later can be found there. Not where
  /// the directory above may not be read, and so cannot be synced.
  void make_directory(std::shared_ptr<Root> root, std::string_view path, unsigned mode, bool synced);
  void remove(std::shared_ptr<Root> root, std::string_view path, bool directory);
  /// EEXIST: unless it `replaces`, there is something of that name.
  void rename(std::shared_ptr<Root> root, std::string_view from, std::string_view to, bool replaces);
  /// Sets what is wanted of what the path leads to, or of a link that leads nowhere; facts() are those it has then.
  void set_facts(std::shared_ptr<Root> root, std::string_view path, const core::Modification& wanted);
  /// How many octets can still be stored in a directory: count().made.
  void look_for_space(std::shared_ptr<Root> root, std::string_view path);
  /// A symbolic link with this text. ELOOP when the way to it has one: then ".." in the text would mean another place.
  void make_link(std::shared_ptr<Root> root, std::string_view path, std::string_view target);
  /// Counts the octets of a file as they travel, up to `until` of them: count(). EFBIG above `bound` octets.
  void measure(std::shared_ptr<Root> root, std::string_view path, const core::Representation& as,
               io::BufferPool& buffers, std::uint64_t until, std::uint64_t bound);
  /// A regular file to read (EISDIR, or ENXIO for a FIFO, device or socket).
  void open_for_reading(std::shared_ptr<Root> root, std::string_view path);
  /// A directory to read entries of (ENOTDIR).
  void open_directory(std::shared_ptr<Root> root, std::string_view path);

  struct Upload {
    bool unseen = false;           ///< the bytes have no name that anybody sees until publish(); else they go in place
    bool synced = false;           ///< publish() ends when the bytes and the name are on disk
    bool appends = false;          ///< in place: each write goes to the end that the file has by then
    unsigned mode = 0644;          ///< of a file that is made; what is replaced hands on its mode and owner
    bool must_be_new = false;      ///< STOU: EEXIST when the name is taken
    bool must_exist = false;       ///< REST: ENOENT when there is nothing to continue
    std::uint64_t wanted = 0;      ///< octets that are going to come; ENOSPC says that they do not fit
    std::string temporary_suffix;  ///< makes the unpublished file's name unique (atomic, durable)
  };
  /// A regular file to write, created when missing. A link at the end of the path is followed. An unseen upload is a
  /// new file without a name in the same directory, or with a temporary one where the file system wants names.
  void open_for_writing(std::shared_ptr<Root> root, std::string_view path, const Upload& upload);
  /// Cuts the open file.
  void truncate(std::uint64_t length);
  /// Space was set aside for the upload, up to `octets`.
  void set_aside(std::uint64_t octets) { set_aside_ = std::max(set_aside_, octets); }
  /// The upload is whole, `length` octets: cut what was set aside too much, or with `exact` to that length
  /// in any case (it may end with a hole); then sync it, flush it and give it its name.
  void publish(std::uint64_t length, bool exact);
  /// The upload failed after `length` octets: takes an unseen file away; with `remove` also one that it made in place
  /// and nobody has changed since. Only this very file goes, from the directory in which it was made. What is kept
  /// gives back the space set aside for it.
  void discard(std::uint64_t length, bool remove);

  // ---- What came of it. ----

  bool busy() const { return busy_; }
  int error() const { return error_; }
  const struct statx& facts() const { return facts_; }
  /// facts(), and of a link that look() came to, where it leads.
  core::Entry entry() const;
  struct Count {
    std::uint64_t made = 0;                          ///< octets as they travel
    std::uint64_t split_offset = 0, split_made = 0;  ///< where the codec held nothing last: of the file, and made
  };
  const Count& count() const { return count_; }
  int file() const { return object_; }
  const std::string& path() const { return path_; }
  /// An upload that goes when it fails.
  bool is_unseen() const { return upload_.unseen; }
  /// Closes what is open; the task may be used anew. Not while busy.
  void release();

 private:
  using Step = void (FileTask::*)();
  // O_NONBLOCK: opening a FIFO must not wait for its other end. O_NOCTTY: nor may a terminal become ours.
  static constexpr std::uint64_t careful = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  static const std::span<const Step> reading;

  void begin(std::shared_ptr<Root> root, std::string_view path, std::span<const Step> steps);
  void run(std::span<const Step> steps);
  void next();
  void finish(int error);
  bool tolerated(int error) const;
  void on_op_done(io::Op& op);
  void open_below(std::string_view path, std::uint64_t flags, unsigned mode, int& into, std::uint64_t resolve = 0);

  void open_object();
  void open_inside();
  void open_link();
  void read_link();
  void open_parent();
  void open_parent2();
  void open_parent_straight();
  void apply_mode();
  void apply_time();
  void hold_directory();
  void ask_space();
  void link_name();
  void find_kept();
  void open_straight();
  void open_read();
  void want_unchanged();
  void keep();
  void open_listing();
  void hold_parent();
  void hold_parent_unread();
  void open_in_parent(const char* name, std::uint64_t flags, unsigned mode, int& into);
  void make_new();
  void open_existing();
  void follow_link();
  void on_link_read(std::int32_t result);
  void open_target();
  void stat_target();
  void want_replaceable();
  void open_nameless();
  void open_named();
  void lock_named();
  void keep_owner();
  void keep_group();
  void keep_mode();
  void stat_object();
  void want_regular();
  void ask_room();
  void make_dir();
  void sync_made();
  void unlink();
  void sweep();
  void on_swept();
  void unlink_swept();
  void rename_names();
  void look_old();
  void link_renamed();
  void look_taken();
  void want_untaken();
  void leave_old();
  void cut();
  void cut_allocated();
  void cut_to_size();
  void want_length();
  std::span<const Step> steps_back(bool remove) const;
  void remove_made();
  void sync_object();
  void flush_object();
  void link_new();
  void lock_object();
  void link_temporary();
  void rename_new();
  void claim_name();
  void rename_temporary();
  void sync_parent();
  void unlink_claimed();
  void unlink_temporary();
  bool upload_tolerates(int error) const;
  void after_upload_step(const io::Op& op);
  std::span<const Step> opening_steps() const;
  void count_begin();
  void count_chunk();
  std::optional<int> count(std::size_t octets);

  io::Reactor& reactor_;
  io::Op op_;
  std::shared_ptr<Root> root_;
  std::span<const Step> steps_;
  Step running_ = nullptr;
  int* opening_ = nullptr;  ///< where the descriptor of an open goes
  bool busy_ = false;
  int error_ = 0;
  bool opening_upload_ = false;
  bool created_ = false;  ///< the upload made the file
  bool writes_ = false;   ///< what is open was opened for an upload
  bool exact_ = false;    ///< publish() cuts whatever was set aside
  int first_error_ = 0;   ///< why an upload could not be opened, while its temporary file is taken away

  std::string path_, path2_;
  LinkAtEnd link_at_end_ = LinkAtEnd::follow;
  int not_followed_ = 0;        ///< why the link at the end of the path could not be
  std::string end_link_text_;   ///< of the link that was looked at
  std::string below_, below2_;  ///< what the op in flight points to
  std::string temporary_;       ///< the name that an unseen upload has until it is published; empty: none
  std::string link_text_;       ///< of the link that is followed
  int object_ = -1, parent_ = -1, parent2_ = -1;
  OpenFiles* files_;
  std::shared_ptr<const OpenFile> kept_;  ///< whose descriptor object_ is, if it is one that others may have too
  OpenFiles::Way way_;                    ///< what is opened may be kept
  struct statx facts_{};
  Count count_;
  std::uint64_t until_ = 0;  ///< how much is counted
  std::unique_ptr<core::Codec> counter_;
  core::Representation as_;
  std::uint64_t length_ = 0;
  std::uint64_t set_aside_ = 0;  ///< for the upload: up to there
  std::int64_t offset_ = 0;
  int flags_ = 0;
  unsigned mode_ = 0;
  core::Modification wanted_;
  Upload upload_;
  struct statx replaced_{};  ///< what an unseen upload will replace; mode 0: nothing
  int target_ = -1;          ///< the same, open while it is looked at
  int claimed_ = -1;         ///< an empty file that holds the name until the upload is renamed to it
  unsigned links_followed_ = 0;
  int target_error_ = 0;    ///< why the last name could not be opened: ELOOP for a link, ENOENT for none
  bool syncs_all_ = false;  ///< the directory may not be read, and so cannot be synced by itself
  bool has_group_ = false;  ///< the upload has the owner, or at least the group, of what it replaces
  bool published_ = false;
  bool not_empty_ = false;  ///< the directory that is to be removed
  std::unique_ptr<StaleSweep> sweep_;
  io::BufferPool* buffers_ = nullptr;
  char* buffer_ = nullptr;  ///< measure(): what is read, and what becomes of it
  char* made_ = nullptr;

  void* owner_ = nullptr;
  void (*done_)(void*) = nullptr;
};

}  // namespace net
