// What is said between the greeting and the first operation, a line each, and in which order.
// Knows commands; must not know connections. RFC 959 5.4, RFC 4217 4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/options.hpp"
#include "core/diagram.hpp"

namespace bench {

struct EntryLine {
  std::string_view verb;
  std::string argument;
};

/// TLS as `options` has it, USER and PASS, and what `load` transfers in and is told of entries, if it transfers.
std::vector<EntryLine> entry_lines(const Options& options, const Load& load);

/// One walk through the lines, which must outlive it.
class Entry {
 public:
  explicit Entry(const std::vector<EntryLine>& lines) : lines_(&lines) {}

  /// True when a reply that meant `next` lets the entry go on. FEAT is only asked because some servers offer MODE B to
  /// whoever has; another may not know it.
  static bool may_go_on(std::string_view verb, core::Next next) {
    return next == core::Next::success || (verb == "USER" && next == core::Next::sequel) || verb == "FEAT";
  }
  /// The line behind such a reply to `verb`; nullptr: the session is ready. PASS only where USER asks for it.
  const EntryLine* after(std::string_view verb, core::Next next) {
    if (verb == "USER" && next == core::Next::success) ++next_;
    return next_ < lines_->size() ? &(*lines_)[next_++] : nullptr;
  }

 private:
  const std::vector<EntryLine>* lines_;
  std::size_t next_ = 0;
};

}  // namespace bench
