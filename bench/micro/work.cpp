// The table's rows in their order, and the end of what went wrong.
// Knows the groups of rows; must not know what they do.
#include "bench/micro/work.hpp"

#include <cstdio>
#include <cstdlib>

namespace micro {

std::vector<Work> all_work() {
  std::vector<Work> works;
  add_protocol_work(works);
  add_codec_work(works);
  return works;
}

void must(bool good, std::string_view what) {
  if (good) return;
  std::fprintf(stderr, "millrace-micro: not done: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace micro
