// One batch of directory entries: getdents64(2), and a statx(2) an entry.
// Knows names, facts and where symbolic links may lead; must not know how a listing looks.
#include <dirent.h>
#include <unistd.h>

#include <climits>
#include <memory>
#include <string>
#include <utility>

#include "io/beneath.hpp"
#include "io/dir_batch.hpp"
#include "io/fd.hpp"
#include "io/syscalls.hpp"
#include "io/watcher.hpp"

namespace io {

namespace {

bool is_self_or_parent(std::string_view name) { return name == "." || name == ".."; }

int facts_of(int directory, const char* name, int flags, struct statx& facts) {
  return retry([&] { return ::statx(directory, name, flags, wanted_facts, &facts); });
}

// What a link holds, and the facts of what it leads to, if that lies below the root.
void look_behind(int directory, const DirBatch& batch, DirEntry& entry, std::string& path) {
  if (batch.root < 0) return;
  entry.link = std::make_unique<LinkFacts>();
  LinkFacts& link = *entry.link;
  char text[PATH_MAX];
  const ssize_t size = retry([&] { return ::readlinkat(directory, entry.name.data(), text, sizeof text); });
  if (size > 0) link.text.assign(text, static_cast<std::size_t>(size));
  path.assign(batch.below_root).append("/").append(entry.name);
  const open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  const std::int32_t opened = open_beneath(batch.root, path.c_str(), how);
  const Fd target(opened);
  link.leads_out = opened == -EXDEV;
  link.reached = opened >= 0 && facts_of(opened, "", AT_EMPTY_PATH, link.target) == 0;
}

// Not where the name does not tell it, nor of a link, of which more is wanted.
void add_kind(DirEntry& entry, unsigned char type) {
  if (type == DT_UNKNOWN) return;
  entry.facts.stx_mode = static_cast<std::uint16_t>(DTTOIF(type));
  entry.has_facts = type != DT_LNK;
}

void add_facts(int directory, const DirBatch& batch, DirEntry& entry, std::string& path) {
  const char* name = entry.name.data();  // which the kernel has ended with a zero
  struct statx facts{};
  const int error = facts_of(directory, name, AT_SYMLINK_NOFOLLOW, facts);
  entry.has_facts = error == 0;
  entry.vanished = error == -ENOENT;
  entry.link.reset();
  if (error != 0) return;
  entry.facts = facts;
  entry.is_link = S_ISLNK(facts.stx_mode);
  if (entry.is_link) look_behind(directory, batch, entry, path);
}

}  // namespace

namespace {

std::int32_t ask_again(int directory, DirBatch& batch) {
  std::string path;
  for (DirEntry& entry : batch.entries) add_facts(directory, batch, entry, path);
  return static_cast<std::int32_t>(batch.entries.size());
}

}  // namespace

std::int32_t fill_batch(int directory, DirBatch& batch) {
  if (batch.again) return ask_again(directory, batch);
  if (std::exchange(batch.asks_told, false)) batch.changes_told = changes_are_told(directory);
  batch.entries.clear();
  while (batch.entries.empty()) {  // a batch of only "." and ".." is not the end
    const ssize_t octets = retry([&] { return ::getdents64(directory, batch.raw.data(), batch.raw.size()); });
    if (octets <= 0) return static_cast<std::int32_t>(octets);
    for (ssize_t at = 0; at < octets;) {
      const auto* raw = reinterpret_cast<const dirent64*>(batch.raw.data() + at);
      at += raw->d_reclen;
      const std::string_view name = raw->d_name;
      if (is_self_or_parent(name)) continue;
      DirEntry& entry = batch.entries.emplace_back();
      entry.name = name;
      entry.is_link = raw->d_type == DT_LNK;
      if (batch.wanted != DirFacts::none) add_kind(entry, raw->d_type);
      if (batch.wanted == DirFacts::all) entry.has_facts = false;
    }
  }
  if (batch.wanted != DirFacts::none) {
    std::string path;
    for (DirEntry& entry : batch.entries)
      if (!entry.has_facts) add_facts(directory, batch, entry, path);
  }
  return static_cast<std::int32_t>(batch.entries.size());
}

}  // namespace io
