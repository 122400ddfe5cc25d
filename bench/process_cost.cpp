// Clocks of processes; /proc/PID/stat, status and smaps_rollup; threads' switches from /proc/PID/task.
#include "bench/process_cost.hpp"

#include <sched.h>
#include <unistd.h>

#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace bench {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

/// The fields of stat behind the name, which may hold blanks and parentheses: the first is the state, field 3.
std::vector<std::string> fields_of(const std::string& stat) {
  std::istringstream rest(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::uint64_t number(const std::vector<std::string>& fields, int man_page_number) {
  const auto at = static_cast<std::size_t>(man_page_number - 3);
  std::uint64_t value = 0;
  if (at < fields.size()) std::from_chars(fields[at].data(), fields[at].data() + fields[at].size(), value);
  return value;
}

// "Key:   123 kB"; 0 when the key is missing.
std::uint64_t value_of(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
  return 0;
}

// By process id: its children. Whatever ends while we look is left out.
std::multimap<pid_t, pid_t> children() {
  std::multimap<pid_t, pid_t> found;
  std::error_code ignored;
  for (fs::directory_iterator entry("/proc", ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    found.emplace(static_cast<pid_t>(number(fields_of(content_of(entry->path() / "stat")), 4)), pid);
  }
  return found;
}

std::vector<pid_t> tree_of(pid_t root) {
  const auto all = children();
  std::vector<pid_t> tree{root};
  for (std::size_t i = 0; i < tree.size(); ++i)
    for (auto [child, end] = all.equal_range(tree[i]); child != end; ++child) tree.push_back(child->second);
  return tree;
}

void add_switches(const fs::path& process, ProcessCost& cost) {
  std::error_code ignored;
  for (fs::directory_iterator task(process / "task", ignored), end; !ignored && task != end; task.increment(ignored)) {
    const std::string status = content_of(task->path() / "status");
    cost.voluntary_switches += value_of(status, "voluntary_ctxt_switches:");
    cost.involuntary_switches += value_of(status, "nonvoluntary_ctxt_switches:");
  }
}

fs::path directory_of(pid_t pid) { return fs::path("/proc") / std::to_string(pid); }

void add_cpu(pid_t pid, ProcessCost& cost) {
  static const double tick_s = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto fields = fields_of(content_of(directory_of(pid) / "stat"));
  const auto seconds = [&](int man_page_number) {
    return static_cast<double>(number(fields, man_page_number)) * tick_s;
  };
  const double children_user_s = seconds(16), children_system_s = seconds(17);
  cost.cpu_s += process_cpu_s(pid) + children_user_s + children_system_s;
  cost.cpu_user_s += seconds(14) + children_user_s;
  cost.cpu_system_s += seconds(15) + children_system_s;
}

void add_memory(pid_t pid, ProcessCost& cost) {
  const fs::path process = directory_of(pid);
  cost.rss_kib += value_of(content_of(process / "status"), "VmRSS:");
  cost.pss_kib += value_of(content_of(process / "smaps_rollup"), "Pss:");
  add_switches(process, cost);
}

double seconds_of(clockid_t clock) {
  timespec time{};  // stays 0 where the process has ended
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

std::optional<ProcessCost> cost_of_tree(pid_t root) {
  if (!fs::exists(directory_of(root))) return std::nullopt;
  ProcessCost cost;
  const auto tree = tree_of(root);
  for (const pid_t pid : tree) add_cpu(pid, cost);  // first: the work goes on while we look
  for (const pid_t pid : tree) add_memory(pid, cost);
  return cost;
}

double process_cpu_s(pid_t pid) {
  clockid_t clock = 0;
  return ::clock_getcpuclockid(pid, &clock) == 0 ? seconds_of(clock) : 0;
}

double thread_cpu_s() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

unsigned usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

}  // namespace bench
