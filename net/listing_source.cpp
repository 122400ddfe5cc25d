// Entries become lines a batch at a time, lines a block; a block is put in order, handed out, and followed by the next.
// A name that cannot stand on a line is left out.
#include "net/listing_source.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/control_characters.hpp"
#include "core/limits.hpp"
#include "core/path.hpp"
#include "net/convert.hpp"

namespace net {
namespace {

io::DirFacts wanted_facts(const core::TransferSpec& spec) {
  const bool decides = spec.order == core::ListOrder::time || spec.order == core::ListOrder::size;
  if (decides || spec.format == core::ListFormat::list) return io::DirFacts::all;
  if (spec.format == core::ListFormat::machine)
    return spec.facts.tell_kind_alone() ? io::DirFacts::kind : io::DirFacts::all;
  return spec.recursive ? io::DirFacts::kind : io::DirFacts::none;
}

std::string joined(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && !path.ends_with('/') && !name.empty()) path += '/';
  return path += name;
}

}  // namespace

/// What lies below a directory is listed under its name, so it must be on its line as it is.
bool ListingSource::is_shown(std::string_view name) const {
  return format_ != core::ListFormat::list || !core::has_control(name);
}

/// The kernel tells those who watch a directory of every change of such an entry's line.
bool is_steady(const io::DirEntry& entry, io::DirFacts wanted) {
  if (wanted == io::DirFacts::none) return true;
  if (entry.is_link || !entry.has_facts) return false;
  if (wanted == io::DirFacts::kind) return true;
  const bool other_mount = (entry.facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return !S_ISDIR(entry.facts.stx_mode) && entry.facts.stx_nlink == 1 && !other_mount;
}

ListingSource::ListingSource(io::Reactor& reactor, Listings& listings, std::shared_ptr<Root> root,
                             const FileTask& opened, const core::TransferSpec& spec, core::Rights rights,
                             std::int64_t wall_clock_ns)
    : reactor_(reactor),
      listings_(listings),
      root_(std::move(root)),
      directory_(opened.file()),
      top_(opened.path()),
      pattern_(spec.pattern),
      prefix_(spec.prefix),
      format_(spec.format),
      facts_(spec.facts),
      rights_(rights),
      hidden_(spec.hidden),
      recursive_(spec.recursive && spec.pattern.empty()),
      reverse_(spec.reverse),
      order_(spec.order),
      now_s_(wall_clock_ns / 1'000'000'000),
      below_(reactor) {
  op_.bind<&ListingSource::on_op_done>(*this);
  below_.bind<&ListingSource::on_directory_open>(*this);
  batch_.root = root_->directory();
  batch_.below_root = core::below_root(opened.path());
  batch_.wanted = wanted_facts(spec);
  const core::Entry itself = opened.entry();
  ended_ = spec.directory_itself || itself.kind != core::Entry::Kind::directory;
  if (ended_) {
    prefix_.clear();
    append_object(spec.given.empty() ? std::string_view(".") : spec.given, itself, {});
  } else if (format_ == core::ListFormat::machine && facts_.has(core::Fact::type)) {
    append_object(".", itself, "cdir");  // RFC 3659 7.5.1.2: only while the type fact is on
  } else if (format_ == core::ListFormat::list && recursive_) {
    heading_ = spec.given.empty() ? "." : spec.given;
    append_heading();
  }
  head_ = text_.size();
  if (!ended_ && !recursive_ && pattern_.empty() && listings_.enabled()) begin(opened.facts());
}

// ---- What stands ready ----

void ListingSource::begin(const struct statx& facts) {
  may_be_kept_ = true;
  itself_ = to_entry(facts);
  key_ = {.device = itself_.device,
          .inode = itself_.inode,
          .mount = facts.stx_mnt_id,
          .format = format_,
          .facts = facts_,
          .rights = rights_,
          .hidden = hidden_,
          .reverse = reverse_,
          .order = order_,
          .prefix = prefix_};
  kept_ = listings_.find(key_, itself_, now_s_);
  if (!kept_) return make_anew();
  for (const Listings::Unsteady& one : kept_->unsteady()) batch_.entries.push_back({.name = one.name});
  batch_.again = true;
}

void ListingSource::make_anew() {
  kept_.reset();
  batch_.again = false;
  batch_.asks_told = true;
  made_ = listings_.begin(key_, itself_, directory_, now_s_);
  if (made_ && !made_->append(text_)) made_.reset();
}

// What no watch tells of is asked for again, and is right if it is what it was.
void ListingSource::look_again() {
  if (!batch_.entries.empty()) return read();
  batch_.again = false;
  ended_ = true;
  hand_out();
}

bool ListingSource::is_as_it_was() const {
  return std::ranges::equal(batch_.entries, kept_->unsteady(),
                            [this](const io::DirEntry& now, const Listings::Unsteady& then) {
                              return now.has_facts && entry_of(now) == then.entry;
                            });
}

// ---- Blocks ----

void ListingSource::pull(std::span<char> into, void (*told)(void*, std::int32_t), void* to) {
  into_ = into;
  told_ = told;
  to_ = to;
  advance();
}

void ListingSource::cancel() {
  cancelled_ = true;
  reactor_.cancel(op_);
}

void ListingSource::advance() {
  if (batch_.again) return look_again();
  if (used_ < block().size()) return hand_out();
  if (ended_) return tell(0);
  text_.clear();
  lines_.clear();
  used_ = head_ = 0;
  if (directory_ended_) return next_directory();
  read();
}

void ListingSource::read() {
  op_.read_dir(directory_, batch_);
  reactor_.submit(op_);
}

void ListingSource::on_op_done(io::Op& op) {
  if (op.cancelled) return tell(-ECANCELED);
  if (op.result < 0) return tell(op.result);
  if (op.kind == io::OpKind::call) return finish_block();
  if (batch_.again) {
    if (!is_as_it_was()) make_anew();
    batch_.entries.clear();
    return batch_.again ? look_again() : advance();
  }
  directory_ended_ = op.result == 0;
  if (!directory_ended_) append_batch();
  tree_size_ += static_cast<std::size_t>(op.result);
  if (recursive_ && tree_size_ > core::limits::tree_entries_max) return tell(-E2BIG);
  const bool full = order_ == core::ListOrder::none ? !text_.empty() : text_.size() >= core::limits::ordered_text_max;
  if (!directory_ended_ && !full) return read();
  if (order_ == core::ListOrder::none || lines_.size() < 2) return finish_block();
  op_.call(&ListingSource::arrange, this);  // thousands of comparisons: the loop has better to do
  reactor_.submit(op_);
}

void ListingSource::finish_block() {
  if (made_ && !made_->append(text_)) made_.reset();
  if (directory_ended_ && may_be_kept_) listings_.learn(key_.device, batch_.changes_told);
  if (directory_ended_ && made_ && batch_.changes_told) listings_.keep(std::move(made_));
  if (recursive_) note_directories();
  advance();
}

void ListingSource::hand_out() {
  std::string_view rest = block().substr(used_);
  if (rest.size() > into_.size()) {
    rest = rest.substr(0, into_.size());
    const std::size_t line_end = rest.rfind("\r\n");
    if (line_end != std::string_view::npos) rest = rest.substr(0, line_end + 2);
  }
  std::memcpy(into_.data(), rest.data(), rest.size());
  used_ += rest.size();
  tell(static_cast<std::int32_t>(rest.size()));
}

// ---- Lines ----

void ListingSource::append_batch() {
  for (const io::DirEntry& entry : batch_.entries) append(entry);
}

void ListingSource::append(const io::DirEntry& found) {
  if (!core::listable(format_, found.name) || core::is_temporary_name(found.name)) return;
  if (!hidden_ && found.name.starts_with('.') && !pattern_.starts_with('.')) return;
  if (!pattern_.empty() && pattern_ != found.name && !core::glob_match(pattern_, found.name)) return;
  if (found.vanished) return;
  const core::Entry entry = entry_of(found);
  const std::size_t begin = text_.size();
  append_object(found.name, entry, {});
  if (made_ && format_ == core::ListFormat::list) made_->limit(core::list_line_holds_until(entry, now_s_));
  if (made_ && !is_steady(found, batch_.wanted) && !made_->append(found.name, entry)) made_.reset();
  if (order_ == core::ListOrder::none && !recursive_) return;
  lines_.push_back({.time = order_ == core::ListOrder::time ? entry.modified : core::FileTime(),
                    .octets = order_ == core::ListOrder::size ? entry.size : 0,
                    .begin = static_cast<std::uint32_t>(begin),
                    .size = static_cast<std::uint32_t>(text_.size() - begin),
                    .name_size = static_cast<std::uint32_t>(found.name.size()),
                    .descends = entry.kind == core::Entry::Kind::directory && is_shown(found.name)});
}

core::Entry ListingSource::entry_of(const io::DirEntry& found) const {
  const std::string directory = found.link ? joined(top_, place_) : std::string();
  return to_entry(found, directory, format_ == core::ListFormat::machine);
}

void ListingSource::append_object(std::string_view name, const core::Entry& entry, std::string_view as) {
  switch (format_) {
    case core::ListFormat::list: core::append_list_line(text_, entry, name, now_s_); break;
    case core::ListFormat::names: core::append_name_line(text_, joined(prefix_, place_), name); break;
    case core::ListFormat::machine:
      core::append_machine_entry(text_, entry, place_.empty() ? std::string(name) : joined(place_, name), facts_,
                                 rights_, as);
      text_ += "\r\n";
  }
}

// As ls -R shows which directory the lines below belong to.
void ListingSource::append_heading() {
  if (!place_.empty()) text_ += "\r\n";
  core::append_printable(text_, joined(heading_, place_));
  text_ += ":\r\n";
}

// ---- Order ----

// All formats end a line with the name.
std::string_view ListingSource::name_of(const Line& line) const {
  constexpr std::size_t line_end = 2;
  return std::string_view(text_).substr(line.begin + line.size - line_end - line.name_size, line.name_size);
}

// On an offload thread, while nobody else touches the block.
std::int32_t ListingSource::arrange(void* source) {
  auto& self = *static_cast<ListingSource*>(source);
  const auto comes_before = [&self](const Line& a, const Line& b) {
    if (a.time != b.time) return a.time > b.time;
    return a.octets != b.octets ? a.octets > b.octets : self.name_of(a) < self.name_of(b);
  };
  std::ranges::sort(self.lines_, comes_before);
  if (self.reverse_) std::ranges::reverse(self.lines_);
  std::string ordered = self.text_.substr(0, self.head_);
  ordered.reserve(self.text_.size());
  for (Line& line : self.lines_) {
    const std::size_t begin = ordered.size();
    ordered.append(self.text_, line.begin, line.size);
    line.begin = static_cast<std::uint32_t>(begin);
  }
  self.text_ = std::move(ordered);
  return 0;
}

// ---- The tree ----

void ListingSource::note_directories() {
  for (const Line& line : lines_)
    if (line.descends) found_.push_back(joined(place_, name_of(line)));
}

// Depth first, as ls does: what was found in a directory comes before what follows that directory.
void ListingSource::next_directory() {
  for (std::string& path : found_) pending_octets_ += path.size();
  pending_.insert(pending_.end(), std::make_move_iterator(found_.rbegin()), std::make_move_iterator(found_.rend()));
  found_.clear();
  if (pending_octets_ > core::limits::tree_pending_max) return tell(-E2BIG);
  if (pending_.empty()) {
    ended_ = true;
    return tell(0);
  }
  place_ = std::move(pending_.back());
  pending_.pop_back();
  pending_octets_ -= place_.size();
  if (static_cast<std::size_t>(std::ranges::count(place_, '/')) >= core::limits::tree_depth_max) return tell(-E2BIG);
  below_.release();
  below_.open_directory(root_, joined(top_, place_));
}

// A directory that has vanished, or that may not be read, has no lines.
void ListingSource::on_directory_open() {
  if (cancelled_) return tell(-ECANCELED);
  const int error = below_.error();
  if (error == EMFILE || error == ENFILE || error == ENOMEM) return tell(-error);
  if (error != 0) return next_directory();
  directory_ = below_.file();
  directory_ended_ = false;
  batch_.below_root = core::below_root(below_.path());
  if (format_ == core::ListFormat::list) append_heading();
  head_ = text_.size();
  read();
}

}  // namespace net
