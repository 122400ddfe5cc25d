// The result: a live line, a table for people, JSON for programs.
// Knows units and columns; must not know how anything was measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/options.hpp"
#include "bench/process_cost.hpp"
#include "bench/statistics.hpp"
#include "bench/tls.hpp"

namespace bench {

struct ClientCost {
  double cpu_s = 0, wall_s = 0;
  unsigned workers = 0;
  unsigned cores = 1;         ///< it could use
  double busiest_worker = 0;  ///< share of the time, 0 to 1
  bool limit() const { return busiest_worker > 0.9; }
};

struct ServerCost {
  ProcessCost before;      ///< before the first session
  ProcessCost begin, end;  ///< of what was measured
};

struct Result {
  const Options& options;
  double duration_s = 0;
  std::vector<Statistics> loads;  ///< by load
  ClientCost client;
  TlsCounts tls;
  std::optional<ServerCost> server;

  Statistics sum() const;
  std::uint64_t errors() const;
};

/// "1234.5 op/s  512.0 MB/s  p50 …", without an end of line.
std::string live_line(const Statistics& now, const Statistics& before, double seconds_between);
std::string table(const Result& result);
std::string json(const Result& result);

}  // namespace bench
