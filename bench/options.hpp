// What was asked for, by the command line and by a plan: one table of keys for both.
// Knows names, forms and limits of values; must not know sockets, or how anything is done.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "bench/scenario.hpp"
#include "core/endpoint.hpp"

namespace bench {

/// Users who do the same.
struct Load {
  const Scenario* scenario = nullptr;
  std::string path = "/";
  std::string command = "LIST";   ///< list: LIST, NLST or MLSD
  std::string facts{};            ///< for OPTS MLST, "type;size;"; empty: the server's own choice
  std::string data = "passive";   ///< passive | active
  std::string source{};           ///< a network that control connections come from, one address after another
  std::uint64_t connections = 0;  ///< users in all; 0: as the scenario has it
  std::uint64_t weight = 0;       ///< plan: a share of the connections; 0: `connections` counts
  std::uint64_t depth = 0;        ///< operations in flight a user; 0: as the scenario has it
  std::uint64_t size = 1 << 20;   ///< octets of an upload
  std::uint64_t files = 0;        ///< not 0: the files are path/0, path/1, … up to so many
  std::uint64_t operations = 0;   ///< not 0: so many in all, however long it takes
  double rate = -1;               ///< operations a second in all; 0: closed loop; below: as the scenario has it
  double stream_rate = -1;        ///< octets a second of each download; 0: as they come; below: as the scenario has it
  bool pipeline = false;          ///< EPSV and RETR go in one segment
  bool verify = false;            ///< each copy of a file must equal the first
  bool copy = false;              ///< downloads are copied to user space and dropped there
  bool keep = false;              ///< put: leave what was uploaded

  std::vector<std::string> names{};  ///< the files to download; filled in before the start
  bool own_worker = false;           ///< so that the other users' work does not delay it

  bool open_loop() const { return rate > 0; }
};

struct Options {
  std::string scenario;
  std::string server = "127.0.0.1:21";
  std::string user = "anonymous", password = "bench@";
  std::string backend = "auto";
  std::string tls = "none";         ///< none | explicit | implicit
  std::string tls_version = "any";  ///< any | 1.2 | 1.3
  bool tls_resume = true;           ///< data connections and later logins resume the session
  bool tls_data = true;             ///< PROT P
  std::string json, plan;
  std::uint64_t workers = 0;  ///< 0: as many as there are cores, at most 4
  std::uint64_t server_pid = 0;
  double duration_s = 10, warmup_s = 0, timeout_s = 30;
  std::vector<Load> loads;

  bool protects_data() const { return tls != "none" && tls_data; }
};

struct Complaint {
  std::string text;
  int exit_code = 2;  ///< 0: it was --help
};
/// The whole command line, and the plan that it names.
std::expected<Options, Complaint> parse_options(int argc, const char* const* argv);

}  // namespace bench
