// The lines, and when each is wanted.
#include "bench/entry.hpp"

namespace bench {

std::vector<EntryLine> entry_lines(const Options& options, const Load& load) {
  const Scenario& scenario = *load.scenario;
  const bool tls = options.tls != "none", stays = scenario.act != Act::login;
  const bool blocks = stays && scenario.mode == core::Mode::block;
  const struct {
    bool wanted;
    EntryLine line;
  } rows[] = {
      {options.tls == "explicit", {"AUTH", "TLS"}},
      {tls, {"PBSZ", "0"}},
      {tls, {"PROT", options.protects_data() ? "P" : "C"}},
      {true, {"USER", options.user}},
      {true, {"PASS", options.password}},
      {stays, {"TYPE", std::string(1, core::letter(scenario.type))}},
      {blocks, {"FEAT", ""}},
      {blocks, {"MODE", "B"}},
      {stays && !load.facts.empty(), {"OPTS", "MLST " + load.facts}},
  };
  std::vector<EntryLine> lines;
  for (const auto& row : rows)
    if (row.wanted) lines.push_back(row.line);
  return lines;
}

}  // namespace bench
