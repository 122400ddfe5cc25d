// build/millrace-micro times the table of work by Google Benchmark; with --count it runs each row once for
// callgrind, which bench/micro/instructions.py starts and reads. Knows both tools; must not know what the work is.
#include <benchmark/benchmark.h>
#include <valgrind/callgrind.h>

#include <cstdio>
#include <string_view>

#include "bench/micro/work.hpp"

namespace {

using micro::Work;

void time_one(benchmark::State& state, const Work& work) {
  using benchmark::Counter;
  for ([[maybe_unused]] auto step : state) work.run();
  const auto units = static_cast<double>(work.units);
  const auto per_unit = Counter(units, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["per_" + std::string(work.unit)] = per_unit;
}

int time_all(const std::vector<Work>& works, int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const Work& work : works)
    benchmark::RegisterBenchmark(work.name.c_str(), [&work](benchmark::State& state) { time_one(state, work); });
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// One dump a row, with its name; a line each says what the dump is to be divided by. The first call is not
// counted: it looks up symbols in shared libraries and fills what is filled once.
void count_all(const std::vector<Work>& works) {
  for (const Work& work : works) {
    work.run();
    CALLGRIND_ZERO_STATS;
    work.run();
    CALLGRIND_DUMP_STATS_AT(work.name.c_str());
    std::printf("%s %s %zu\n", work.name.c_str(), std::string(work.unit).c_str(), work.units);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Work> works = micro::all_work();
  if (argc == 2 && std::string_view(argv[1]) == "--count") {
    count_all(works);
    return 0;
  }
  return time_all(works, argc, argv);
}
