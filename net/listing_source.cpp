// Entries become lines a batch at a time; a name that cannot stand on a line is left out.
#include "net/listing_source.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/path.hpp"
#include "net/convert.hpp"

namespace net {

ListingSource::ListingSource(io::Reactor& reactor, std::shared_ptr<Root> root, const FileTask& opened,
                             const core::TransferSpec& spec, core::Rights rights, std::int64_t wall_clock_ns)
    : reactor_(reactor),
      root_(std::move(root)),
      directory_(opened.file()),
      pattern_(spec.pattern),
      prefix_(spec.prefix),
      format_(spec.format),
      facts_(spec.facts),
      rights_(rights),
      hidden_(spec.hidden),
      now_s_(wall_clock_ns / 1'000'000'000) {
  op_.bind<&ListingSource::on_read_dir_done>(*this);
  batch_.root = root_->directory();
  batch_.below_root = core::below_root(opened.path());
  batch_.want_facts = format_ != core::ListFormat::names;
  const core::Entry itself = to_entry(opened.facts());
  ended_ = spec.directory_itself || itself.kind != core::Entry::Kind::directory;
  if (ended_) {
    prefix_.clear();
    append_object(spec.given.empty() ? std::string_view(".") : spec.given, itself, {});
  } else if (format_ == core::ListFormat::machine && facts_.has(core::Fact::type)) {
    append_object(".", itself, "cdir");  // RFC 3659 7.5.1.2: only while the type fact is on
  }
}

void ListingSource::pull(std::span<char> into, void (*told)(void*, std::int32_t), void* to) {
  into_ = into;
  told_ = told;
  to_ = to;
  if (used_ < text_.size() || ended_) return hand_out();
  op_.read_dir(directory_, batch_);
  reactor_.submit(op_);
}

void ListingSource::on_read_dir_done(io::Op& op) {
  if (op.result < 0 || op.cancelled) return told_(to_, op.result < 0 ? op.result : -ECANCELED);
  text_.clear();
  used_ = 0;
  ended_ = op.result == 0;
  for (const io::DirEntry& entry : batch_.entries)
    if (!ended_) append(entry);
  if (!ended_ && text_.empty()) {  // nothing in the batch matched
    reactor_.submit(op_);
    return;
  }
  hand_out();
}

void ListingSource::hand_out() {
  std::string_view rest = std::string_view(text_).substr(used_);
  if (rest.size() > into_.size()) {
    rest = rest.substr(0, into_.size());
    const std::size_t line_end = rest.rfind("\r\n");
    if (line_end != std::string_view::npos) rest = rest.substr(0, line_end + 2);
  }
  std::memcpy(into_.data(), rest.data(), rest.size());
  used_ += rest.size();
  told_(to_, static_cast<std::int32_t>(rest.size()));
}

void ListingSource::append(const io::DirEntry& found) {
  if (!core::listable(found.name) || is_temporary_name(found.name)) return;
  if (!hidden_ && found.name.starts_with('.') && !pattern_.starts_with('.')) return;
  if (!pattern_.empty() && pattern_ != found.name && !core::glob_match(pattern_, found.name)) return;
  if (batch_.want_facts && !found.has_facts) return;  // it vanished meanwhile
  append_object(found.name, to_entry(found.facts), {});
}

void ListingSource::append_object(std::string_view name, const core::Entry& entry, std::string_view as) {
  switch (format_) {
    case core::ListFormat::list: core::append_list_line(text_, entry, name, now_s_); break;
    case core::ListFormat::names: core::append_name_line(text_, prefix_, name); break;
    case core::ListFormat::machine:
      core::append_machine_entry(text_, entry, name, facts_, rights_, as);
      text_ += "\r\n";
  }
}

}  // namespace net
