// Lines <-> records, a run of octets at a time. Knows LF and a character table. RFC 959 3.1.2.2, 3.4.
#include "core/codec/record.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace core {

Progress RecordEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  const auto reach = in.first(std::min(in.size(), out.size()));
  const std::size_t size = translate(table_, reach.first(find(reach, '\n')), out);
  Progress done{.taken = size, .made = size};
  in_record_ = in_record_ || size > 0;
  if (done.taken < in.size() && in[done.taken] == '\n') {
    ++done.taken;
    in_record_ = false;
    done.marks = mark::end_of_record;
  }
  if (done.taken == in.size() && (behind & mark::end_of_file) != 0) {
    // "Every record, the last one too": a line without its LF is a record all the same.
    if (std::exchange(in_record_, false)) done.marks |= mark::end_of_record;
    done.marks |= behind;
  }
  return done;
}

RecordDecoder::RecordDecoder(const Table* table) : table_(table), line_feed_('\n') {
  if (table != nullptr) line_feed_ = static_cast<char>(std::ranges::find(*table, '\n') - table->begin());
}

Progress RecordDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  const auto reach = in.first(std::min(in.size(), out.size()));
  const std::size_t size = translate(table_, reach.first(find(reach, line_feed_)), out);
  Progress done{.taken = size, .made = size};
  if (size < reach.size()) done.error = EILSEQ;
  if (done.taken < in.size()) return done;
  if ((behind & mark::end_of_record) != 0) {
    if (done.made == out.size()) return done;
    out[done.made++] = '\n';
  }
  done.marks = behind;
  return done;
}

}  // namespace core
