// Numbers with units on lines, and the same as JSON.
#include "bench/report.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

using nlohmann::ordered_json;

constexpr double gb = 1e9;

struct Percentile {
  const char* label;
  const char* key;
  double percent;
};
constexpr std::array percentiles = {Percentile{"p50", "p50", 50}, Percentile{"p90", "p90", 90},
                                    Percentile{"p99", "p99", 99}, Percentile{"p99.9", "p99_9", 99.9}};

double us(double ns) { return ns / 1e3; }

double per(double amount, double of) { return of > 0 ? amount / of : 0; }

// "1.23 ms": three digits and a unit that fits.
std::string time_text(double ns) {
  constexpr std::array<std::pair<double, const char*>, 4> units = {{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  for (const auto& [size, name] : units)
    if (ns >= size) return fmt::format("{:.3g} {}", ns / size, name);
  return "0";
}

std::string octets_text(double octets) {
  constexpr std::array<std::pair<double, const char*>, 4> units = {{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}};
  for (const auto& [size, name] : units)
    if (octets >= size) return fmt::format("{:.4g} {}", octets / size, name);
  return "0 B";
}

std::string latency_text(const Histogram& latency) {
  std::string text = fmt::format("mean {}", time_text(latency.mean()));
  for (const Percentile& p : percentiles)
    text += fmt::format("  {} {}", p.label, time_text(static_cast<double>(latency.percentile(p.percent))));
  return text + fmt::format("  max {}", time_text(static_cast<double>(latency.max())));
}

ordered_json latency_json(const Histogram& latency) {
  ordered_json out{{"mean", us(latency.mean())}};
  for (const Percentile& p : percentiles) out[p.key] = us(static_cast<double>(latency.percentile(p.percent)));
  out["max"] = us(static_cast<double>(latency.max()));
  return out;
}

std::string loop_text(const Load& load) {
  return load.open_loop() ? fmt::format("open loop at {:g} /s", load.rate) : std::string("closed loop");
}

// ---- The server's cost, per what was done. ----

struct Cost {
  ProcessCost used;  ///< while measured; memory as it was at the end
  double cpu_s_per_gb, cpu_us_per_operation, rss_kib_per_session, pss_kib_per_session;
};

Cost cost_of(const ServerCost& server, const Statistics& done) {
  ProcessCost used = server.end;
  used.cpu_s -= server.begin.cpu_s;
  used.cpu_user_s -= server.begin.cpu_user_s;
  used.cpu_system_s -= server.begin.cpu_system_s;
  // A process of the tree that ended takes its switches with it.
  used.voluntary_switches -= std::min(server.begin.voluntary_switches, used.voluntary_switches);
  used.involuntary_switches -= std::min(server.begin.involuntary_switches, used.involuntary_switches);
  const auto octets = static_cast<double>(done.octets), operations = static_cast<double>(done.operations);
  const auto a_session = [&](std::uint64_t before_kib, std::uint64_t begin_kib) {
    return per(static_cast<double>(begin_kib) - static_cast<double>(before_kib), static_cast<double>(done.sessions));
  };
  return {used, per(used.cpu_s, octets / gb), per(used.cpu_s * 1e6, operations),
          a_session(server.before.rss_kib, server.begin.rss_kib),
          a_session(server.before.pss_kib, server.begin.pss_kib)};
}

ordered_json server_json(const std::optional<ServerCost>& server, const Statistics& done) {
  if (!server) return nullptr;
  const Cost cost = cost_of(*server, done);
  return {{"cpu_s", cost.used.cpu_s},
          {"cpu_user_s", cost.used.cpu_user_s},
          {"cpu_system_s", cost.used.cpu_system_s},
          {"cpu_s_per_gb", cost.cpu_s_per_gb},
          {"cpu_us_per_operation", cost.cpu_us_per_operation},
          {"rss_kib", cost.used.rss_kib},
          {"pss_kib", cost.used.pss_kib},
          {"voluntary_switches", cost.used.voluntary_switches},
          {"involuntary_switches", cost.used.involuntary_switches},
          {"rss_kib_per_session", cost.rss_kib_per_session},
          {"pss_kib_per_session", cost.pss_kib_per_session}};
}

// ---- Parts of the JSON. ----

ordered_json options_json(const Load& load) {
  return {{"path", load.path},
          {"command", load.command},
          {"data", load.data},
          {"source", load.source},
          {"connections", load.connections},
          {"depth", load.depth},
          {"rate", load.rate},
          {"stream_rate", load.stream_rate},
          {"size", load.size},
          {"files", load.names.size()},
          {"operations", load.operations},
          {"pipeline", load.pipeline},
          {"verify", load.verify},
          {"copy", load.copy},
          {"keep", load.keep}};
}

void add_statistics(ordered_json& out, const Statistics& done, double duration_s) {
  ordered_json kinds = ordered_json::object();
  for (const auto& [kind, error] : done.errors) kinds[kind] = {{"count", error.count}, {"example", error.example}};
  out["duration_s"] = duration_s;
  out["operations"] = done.operations;
  out["errors"] = done.error_count();
  out["error_kinds"] = kinds;
  out["octets"] = done.octets;
  out["operations_per_s"] = per(static_cast<double>(done.operations), duration_s);
  out["octets_per_s"] = per(static_cast<double>(done.octets), duration_s);
  out["latency_us"] = latency_json(done.latency);
  out["sessions"] = done.sessions;
  out["behind"] = done.behind;
}

void add_lines(std::string& out, const Load& load, const Statistics& done, double duration_s) {
  const double operations = static_cast<double>(done.operations), octets = static_cast<double>(done.octets);
  fmt::format_to(std::back_inserter(out), "{}: {} connections, {}, {:.2f} s\n", load.scenario->name, load.connections,
                 loop_text(load), duration_s);
  const auto line = [&](const char* label, const std::string& text) {
    fmt::format_to(std::back_inserter(out), "  {:<12}{}\n", label, text);
  };
  line("operations", fmt::format("{}  {:.1f} /s", done.operations, per(operations, duration_s)));
  if (done.octets > 0) line("octets", octets_text(octets) + "  " + octets_text(per(octets, duration_s)) + "/s");
  if (done.latency.count() > 0) line("latency", latency_text(done.latency));
  line("sessions", std::to_string(done.sessions));
  if (load.stream_rate > 0) line("behind", fmt::format("{} of {}", done.behind, load.connections));
  for (const auto& [kind, error] : done.errors)
    line("ERROR", fmt::format("{} {}, for example: {}", error.count, kind, error.example));
}

}  // namespace

Statistics Result::sum() const {
  Statistics all = loads.front();
  const bool is_plan = options.scenario == "plan";
  for (std::size_t i = 1; i < loads.size(); ++i) {
    if (is_plan) {
      all.merge(loads[i]);
      continue;
    }
    all.sessions += loads[i].sessions;  // the pings beside the bulk are no operations of it
    for (const auto& [kind, error] : loads[i].errors) all.count_error(kind, error.example, error.count);
  }
  return all;
}

std::uint64_t Result::errors() const { return sum().error_count(); }

std::string live_line(const Statistics& now, const Statistics& before, double seconds_between) {
  const auto rate = [&](std::uint64_t a, std::uint64_t b) {
    return per(static_cast<double>(a - std::min(a, b)), seconds_between);
  };
  return fmt::format("{:.0f} op/s  {}/s  p50 {}  p99 {}  max {}  errors {}", rate(now.operations, before.operations),
                     octets_text(rate(now.octets, before.octets)),
                     time_text(static_cast<double>(now.latency.percentile(50))),
                     time_text(static_cast<double>(now.latency.percentile(99))),
                     time_text(static_cast<double>(now.latency.max())), now.error_count());
}

std::string table(const Result& result) {
  std::string out;
  for (std::size_t i = 0; i < result.loads.size(); ++i)
    add_lines(out, result.options.loads[i], result.loads[i], result.duration_s);
  const ClientCost& client = result.client;
  fmt::format_to(std::back_inserter(out),
                 "client: {:.2f} CPU s, {:.0f} % of {} cores; busiest of {} workers {:.0f} %\n", client.cpu_s,
                 100 * per(client.cpu_s, client.wall_s * client.cores), client.cores, client.workers,
                 100 * client.busiest_worker);
  if (result.options.tls != "none")
    fmt::format_to(std::back_inserter(out), "TLS: {} handshakes, {} resumed a session\n", result.tls.handshakes,
                   result.tls.resumed);
  if (result.server) {
    const Cost cost = cost_of(*result.server, result.sum());
    fmt::format_to(std::back_inserter(out),
                   "server: {:.2f} CPU s (user {:.2f}, system {:.2f}): {:.3f} s/GB, {:.1f} us/operation\n"
                   "        RSS {} KiB ({:.2f} a session), PSS {} KiB ({:.2f}); switches: {} voluntary, {} not\n",
                   cost.used.cpu_s, cost.used.cpu_user_s, cost.used.cpu_system_s, cost.cpu_s_per_gb,
                   cost.cpu_us_per_operation, cost.used.rss_kib, cost.rss_kib_per_session, cost.used.pss_kib,
                   cost.pss_kib_per_session, cost.used.voluntary_switches, cost.used.involuntary_switches);
  }
  if (client.limit())
    out += "WARNING: a worker of the load generator was busy all the time: the server may be faster than this.\n";
  return out;
}

std::string json(const Result& result) {
  const Options& options = result.options;
  const Statistics all = result.sum();
  ordered_json out{{"scenario", options.scenario}, {"options", options_json(options.loads.front())}};
  out["options"]["server"] = options.server;
  out["options"]["duration"] = options.duration_s;
  out["options"]["warmup"] = options.warmup_s;
  out["options"]["tls"] = options.tls;
  out["options"]["tls_version"] = options.tls_version;
  out["options"]["tls_resume"] = options.tls_resume;
  out["options"]["tls_data"] = options.tls_data;
  add_statistics(out, all, result.duration_s);
  if (options.loads.front().scenario->with_pings) out["ping_us"] = latency_json(result.loads.back().latency);
  out["client"] = {{"cpu_s", result.client.cpu_s},
                   {"workers", result.client.workers},
                   {"cores", result.client.cores},
                   {"busiest_worker", result.client.busiest_worker},
                   {"limit", result.client.limit()}};
  out["tls"] = {{"handshakes", result.tls.handshakes}, {"resumed", result.tls.resumed}};
  out["server"] = server_json(result.server, all);
  for (std::size_t i = 0; options.scenario == "plan" && i < result.loads.size(); ++i) {
    ordered_json part{{"scenario", options.loads[i].scenario->name}, {"options", options_json(options.loads[i])}};
    add_statistics(part, result.loads[i], result.duration_s);
    out["parts"].push_back(part);
  }
  // Names and replies need not be UTF-8.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace bench
