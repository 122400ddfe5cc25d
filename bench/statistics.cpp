// Counting and merging.
#include "bench/statistics.hpp"

#include <fmt/format.h>

namespace bench {

void Statistics::count_error(std::string_view kind, std::string_view example, std::uint64_t times) {
  ErrorCount& error = errors[std::string(kind)];
  if (error.count == 0) error.example = example;
  error.count += times;
}

void Statistics::check_copy(std::string_view name, const Copy& copy) {
  const auto [first, is_first] = copies.try_emplace(std::string(name), copy);
  if (is_first || first->second == copy) return;
  count_error(error_kind::differs,
              fmt::format("{}: {} octets with checksum {:016x}, before {} with {:016x}", name, copy.octets,
                          copy.checksum, first->second.octets, first->second.checksum));
}

void Statistics::merge(const Statistics& other) {
  latency.merge(other.latency);
  operations += other.operations;
  octets += other.octets;
  sessions += other.sessions;
  behind += other.behind;
  for (const auto& [kind, error] : other.errors) count_error(kind, error.example, error.count);
  for (const auto& [name, copy] : other.copies) check_copy(name, copy);
}

std::uint64_t Statistics::error_count() const {
  std::uint64_t count = 0;
  for (const auto& [kind, error] : errors) count += error.count;
  return count;
}

void Statistics::restart() {
  latency = {};
  operations = octets = behind = 0;
}

}  // namespace bench
