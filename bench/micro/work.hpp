// The table of what is timed and counted: a name and a function that does the same work each time it is called.
// Knows core/; must not know who measures (main), nor sockets, files, clocks or randomness: the same
// binary must execute the same instructions each time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace micro {

struct Work {
  std::string name;
  std::string_view unit;      ///< "line", "command", "KiB": what costs are told per
  std::size_t units = 0;      ///< done by one call
  std::function<void()> run;  ///< aborts when what was done is not what was to be done
};

/// All rows: the control connection (protocol_work), then files on their way (codec_work).
std::vector<Work> all_work();

void add_protocol_work(std::vector<Work>& works);
void add_codec_work(std::vector<Work>& works);

/// What went wrong is fast, and nobody would see it in a number: ends the process with `what`.
void must(bool good, std::string_view what);

}  // namespace micro
