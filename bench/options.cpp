// The table of keys, the command line and the plan.
#include "bench/options.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <thread>
#include <variant>

#include "core/text.hpp"
#include "core/version.hpp"

namespace bench {
namespace {

constexpr std::uint64_t most_default_workers = 4;

/// One key of a load: `--stream-rate` on the command line, `stream-rate` in a plan.
struct Key {
  const char* name;
  std::variant<std::string Load::*, std::uint64_t Load::*, double Load::*, bool Load::*> member;
  const char* help;
};

constexpr std::array keys = {
    Key{"path", &Load::path, "file, or directory for put, small, blocks and list"},
    Key{"connections", &Load::connections, "users in all, a session each"},
    Key{"depth", &Load::depth, "operations in flight a user; blocks: RETR commands sent ahead"},
    Key{"rate", &Load::rate, "operations a second in all: open loop, latency from the intended start; 0: closed loop"},
    Key{"operations", &Load::operations, "end after so many instead of --duration"},
    Key{"size", &Load::size, "put: octets of a file"},
    Key{"files", &Load::files, "small, blocks: take PATH/0 to PATH/N-1 instead of the listing of PATH"},
    Key{"stream-rate", &Load::stream_rate, "octets a second that each download is held to; 0: as they come"},
    Key{"command", &Load::command, "list: LIST, NLST or MLSD"},
    Key{"facts", &Load::facts, "list: facts of MLSD, such as type;size; (OPTS MLST)"},
    Key{"data", &Load::data, "passive (EPSV, else PASV) or active (EPRT, else PORT)"},
    Key{"source", &Load::source, "network of own addresses to connect from, such as 127.0.0.0/24"},
    Key{"weight", &Load::weight, "plan: share of --connections, instead of a number of its own"},
    Key{"pipeline", &Load::pipeline, "send EPSV and RETR in one segment"},
    Key{"verify", &Load::verify, "compare each download with the first of that file (64-bit checksum)"},
    Key{"copy", &Load::copy, "copy what is downloaded to user space, as a real client does; else the kernel drops it"},
    Key{"keep", &Load::keep, "put: do not delete"},
};

std::string footer() {
  std::string text = "Scenarios:\n";
  for (const Scenario& row : scenarios()) text += fmt::format("  {:8}{}\n", row.name, row.what);
  text += "  plan    several at once: --plan FILE, a [[load]] each with `scenario` and the options marked (load)\n";
  text += "\nExit code: 0 when every operation succeeded, 1 when one failed or differed, 2 for a wrong command line.";
  return text;
}

// ---- The command line ----

void add_keys(CLI::App& app, Load& load) {
  for (const Key& key : keys) {
    const std::string flag = std::string("--") + key.name;
    const std::string help = std::string(key.help) + " (load)";
    std::visit(
        [&]<typename Value>(Value Load::* member) {
          if constexpr (std::is_same_v<Value, bool>) {
            app.add_flag(flag, load.*member, help);
          } else {
            app.add_option(flag, load.*member, help);
          }
        },
        key.member);
  }
}

void add_yes_no(CLI::App& app, const char* flag, bool& value, const char* help) {
  app.add_option_function<std::string>(
         flag, [&value](const std::string& word) { value = word == "yes"; }, help)
      ->check(CLI::IsMember({"yes", "no"}))
      ->default_str(value ? "yes" : "no");
}

void describe(CLI::App& app, Options& options, Load& load) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // scripts add to what they have
  app.add_option("scenario", options.scenario, "what to do, see below")->required();
  app.add_option("--server", options.server, "HOST:PORT, [IPV6]:PORT")->capture_default_str();
  app.add_option("--user", options.user)->capture_default_str();
  app.add_option("--password", options.password)->capture_default_str();
  add_keys(app, load);
  app.add_option("--plan", options.plan, "TOML file for the scenario `plan`");
  app.add_option("--duration", options.duration_s, "seconds to measure")->capture_default_str();
  app.add_option("--warmup", options.warmup_s, "seconds before that, not measured")->capture_default_str();
  app.add_option("--timeout", options.timeout_s, "seconds without progress that fail an operation")
      ->capture_default_str();
  app.add_option(
      "--workers", options.workers,
      "processes of the load generator; default: one a core, at most 4, and more where a process may not have "
      "all the descriptors");
  app.add_option("--backend", options.backend)
      ->check(CLI::IsMember({"auto", "io_uring", "epoll"}))
      ->capture_default_str();
  app.add_option("--tls", options.tls, "none, explicit (AUTH TLS) or implicit; no certificate is verified")
      ->check(CLI::IsMember({"none", "explicit", "implicit"}))
      ->capture_default_str();
  app.add_option("--tls-version", options.tls_version, "1.2, 1.3 or any")
      ->check(CLI::IsMember({"1.2", "1.3", "any"}))
      ->capture_default_str();
  add_yes_no(app, "--tls-resume", options.tls_resume,
             "yes: data connections and later logins resume the session of the control connection");
  add_yes_no(app, "--tls-data", options.tls_data, "yes: data connections are protected too (PROT P); no: PROT C");
  app.add_option("--server-pid", options.server_pid, "process on this machine whose cost is reported, with its tree");
  app.add_option("--json", options.json, "write the result to this file");
  app.footer(footer());
}

// ---- A plan ----

std::string set_from_toml(Load& load, const Key& key, const toml::node& node) {
  bool fits = false;
  std::visit(
      [&]<typename Value>(Value Load::* member) {
        if (const auto value = node.value<Value>()) {
          load.*member = *value;
          fits = true;
        }
      },
      key.member);
  return fits ? "" : fmt::format("line {}: {} has another form", node.source().begin.line, key.name);
}

std::expected<Load, std::string> read_load(const toml::table& table, const Load& defaults) {
  Load load = defaults;
  load.connections = 0;  // that of the command line is what weights share
  for (const auto& [name, node] : table) {
    if (name == "scenario") {
      load.scenario = find_scenario(node.value_or(std::string_view()));
      continue;
    }
    const auto key = std::ranges::find(keys, name.str(), [](const Key& k) { return std::string_view(k.name); });
    if (key == keys.end())
      return std::unexpected(fmt::format("line {}: unknown key {}", node.source().begin.line, name.str()));
    if (const std::string wrong = set_from_toml(load, *key, node); !wrong.empty()) return std::unexpected(wrong);
  }
  if (load.scenario == nullptr)
    return std::unexpected(fmt::format("line {}: [[load]] without a known scenario", table.source().begin.line));
  return load;
}

std::expected<std::vector<Load>, std::string> read_plan(const std::string& file, const Load& defaults) {
  try {
    const toml::table plan = toml::parse_file(file);
    const toml::array* tables = plan["load"].as_array();
    if (tables == nullptr || plan.size() != 1) return std::unexpected("a plan consists of [[load]] tables");
    std::vector<Load> loads;
    for (const toml::node& node : *tables) {
      if (!node.is_table()) return std::unexpected("a plan consists of [[load]] tables");
      auto load = read_load(*node.as_table(), defaults);
      if (!load) return std::unexpected(load.error());
      loads.push_back(*std::move(load));
    }
    return loads;
  } catch (const toml::parse_error& error) {
    return std::unexpected(fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
}

void share_by_weight(std::vector<Load>& loads, std::uint64_t connections) {
  std::uint64_t weights = 0;
  for (const Load& load : loads) weights += load.weight;
  for (Load& load : loads) {
    if (load.weight == 0 || load.connections != 0) continue;
    load.connections = std::max<std::uint64_t>(1, (connections * load.weight + weights / 2) / weights);
  }
}

// ---- Sense ----

void fill_in(Load& load) {
  const Scenario& row = *load.scenario;
  if (load.connections == 0) load.connections = row.connections;
  if (load.depth == 0) load.depth = row.depth;
  if (load.rate < 0) load.rate = row.rate;
  if (load.stream_rate < 0) load.stream_rate = row.stream_rate;
  load.command = core::upper(load.command);
}

std::string complaint_about(const Load& load) {
  const Scenario& row = *load.scenario;
  const std::string_view verb = load.command;
  const bool blocks = row.mode == core::Mode::block;
  if (verb != "LIST" && verb != "NLST" && verb != "MLSD") return "--command takes LIST, NLST or MLSD";
  if (load.data != "passive" && load.data != "active") return "--data takes passive or active";
  if (!load.source.empty() && !core::parse_network(load.source)) return "--source takes a network like 127.0.0.0/24";
  if (!std::isfinite(load.rate) || !std::isfinite(load.stream_rate)) return "a rate is a number";
  if (load.stream_rate > 0 && (row.act != Act::retrieve || blocks || load.verify || load.copy))
    return "--stream-rate goes with downloads in MODE S, and not with --verify or --copy";
  if (load.verify && row.act != Act::retrieve) return "--verify goes with downloads";
  if (load.depth > 1 && (row.act == Act::login || load.stream_rate > 0))
    return fmt::format("{} has one operation in flight a user", row.name);
  if (load.depth > 1 && row.act != Act::ping && !blocks && load.data == "active")
    return "--depth above 1 goes with --data passive";
  return "";
}

// mixed is two loads: the bulk, and pings beside it.
void add_pings(std::vector<Load>& loads) {
  const Load& bulk = loads.front();
  if (!bulk.scenario->with_pings) return;
  Load pings{.scenario = find_scenario("ping"), .source = bulk.source, .own_worker = true};
  fill_in(pings);
  loads.push_back(pings);
}

std::string complete(Options& options, const Load& given) {
  if (options.scenario == "plan") {
    if (options.plan.empty()) return "the scenario plan needs --plan FILE";
    auto loads = read_plan(options.plan, given);
    if (!loads) return options.plan + ": " + loads.error();
    options.loads = *std::move(loads);
    share_by_weight(options.loads, given.connections != 0 ? given.connections : 16);
  } else {
    options.loads.push_back(given);
    options.loads.front().scenario = find_scenario(options.scenario);
    if (options.loads.front().scenario == nullptr) return "there is no scenario " + options.scenario;
  }
  for (Load& load : options.loads) {
    fill_in(load);
    if (std::string wrong = complaint_about(load); !wrong.empty()) return wrong;
  }
  add_pings(options.loads);
  if (!(options.duration_s > 0) || !(options.warmup_s >= 0) || !(options.timeout_s > 0)) return "times are above 0";
  if (options.workers == 0)
    options.workers = std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, most_default_workers);
  return "";
}

}  // namespace

std::expected<Options, Complaint> parse_options(int argc, const char* const* argv) {
  CLI::App app("Millrace's load generator: what an FTP server does under load, seen by its clients.", "millrace-bench");
  app.set_version_flag("--version", fmt::format("millrace-bench {}", core::version));
  Options options;
  Load load;
  describe(app, options, load);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(Complaint{app.help(), 0});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(Complaint{fmt::format("{}\n", version.what()), 0});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(Complaint{fmt::format("{}\nmillrace-bench --help says more\n", error.what())});
  }
  if (const std::string wrong = complete(options, load); !wrong.empty())
    return std::unexpected(Complaint{wrong + '\n'});
  return options;
}

}  // namespace bench
