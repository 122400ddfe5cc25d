// The load generator against the real server: its counts are the server's, its errors are errors, and a stall of the
// server is seen. Knows both programs' outsides only.
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/catch.hpp"
#include "tests/live/live_server.hpp"
#include "tests/live/socket.hpp"

namespace {

using namespace live;
using nlohmann::json;
using std::string;

constexpr std::chrono::milliseconds stall{500};
constexpr double stall_us = 500'000;

/// build/asan/millrace-bench as an object; its own words go with a failed check.
class Bench {
 public:
  /// `arguments` may name another user. `descriptors`: as many as a process of it may have.
  Bench(const LiveServer& server, const std::vector<string>& arguments, rlim_t descriptors = RLIM_INFINITY) {
    string name = (std::filesystem::temp_directory_path() / "millrace-bench-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    std::vector<string> all = {"--server",   "127.0.0.1:" + std::to_string(server.port()),
                               "--user",     "demo",
                               "--password", "secret",
                               "--json",     (directory_ / "json").string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    pid_ = fork();
    if (pid_ == 0) execute(all, descriptors);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  /// Waits for the end. The exit code, or -1.
  int wait() {
    int status = 0;
    const bool ended = eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    INFO("the load generator said:\n" << said());
    CHECK(ended);
    CHECK(said().find("Sanitizer") == string::npos);
    CHECK(said().find("runtime error") == string::npos);
    if (!ended) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void interrupt() const { ::kill(pid_, SIGINT); }
  json result() const { return json::parse(read_file(directory_ / "json")); }
  string said() const { return read_file(directory_ / "output"); }

 private:
  void execute(std::vector<string>& arguments, rlim_t descriptors) const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (descriptors != RLIM_INFINITY) {
      prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);  // or root would raise the limit again
      const rlimit limit{descriptors, descriptors};
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    const int output = ::open((directory_ / "output").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    const char* named = std::getenv("MILLRACE_BENCH_BINARY");
    string program = named != nullptr ? named : "build/asan/millrace-bench";
    std::vector<char*> words{program.data()};
    for (string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    ::execv(program.c_str(), words.data());
    ::perror(program.c_str());
    ::_exit(127);
  }

  std::filesystem::path directory_;
  pid_t pid_ = -1;
};

/// What the server's log says of the transfers that it finished.
struct Logged {
  std::size_t transfers = 0;
  std::uint64_t octets = 0;
};

Logged logged(const LiveServer& server) {
  constexpr std::string_view key = "octets=";
  Logged sum;
  std::istringstream lines(server.log());
  for (string line; std::getline(lines, line);) {
    const std::size_t at = line.find(key);
    if (at == string::npos) continue;
    ++sum.transfers;
    sum.octets += std::stoull(line.substr(at + key.size()));
  }
  return sum;
}

void fill_directory(const std::filesystem::path& directory, std::size_t files) {
  std::filesystem::create_directory(directory);
  for (std::size_t i = 0; i < files; ++i) write_file(directory / std::to_string(i), noise(1000 + 37 * i));
}

// Once somebody has logged in, the start is some milliseconds away; then the run is well under way.
void stall_during_run(const LiveServer& server) {
  REQUIRE(eventually([&] { return server.log().find("demo enters") != string::npos; }));
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
  server.signal(SIGSTOP);
  std::this_thread::sleep_for(stall);
  server.signal(SIGCONT);
}

const char* any_backend() { return GENERATE("io_uring", "epoll"); }

}  // namespace

TEST_CASE("the load generator's octets are the server's", "[live][bench]") {
  const string backend = any_backend();
  const LiveServer server({.backend = backend});
  fill_directory(server.root() / "files", 20);
  write_file(server.root() / "file", noise(1'234'567));
  std::filesystem::create_directory(server.root() / "up");
  const auto [words, operations] = GENERATE(table<std::vector<string>, std::size_t>({
      {{"get", "--path", "/file", "--connections", "4", "--operations", "20"}, 20},
      {{"get", "--path", "/file", "--operations", "20", "--verify", "--data", "active"}, 20},
      {{"get", "--path", "/file", "--operations", "20", "--copy", "--rate", "100"}, 20},
      {{"put", "--path", "/up", "--size", "300000", "--operations", "20"}, 20},
      {{"small", "--path", "/files", "--operations", "101", "--verify"}, 101},
      {{"small", "--path", "/files", "--operations", "101", "--pipeline", "--depth", "3"}, 101},
      {{"small", "--path", "/files", "--files", "20", "--operations", "40", "--connections", "1"}, 40},
      {{"list", "--path", "/files", "--operations", "30"}, 30},
      {{"list", "--path", "/files", "--command", "MLSD", "--operations", "30"}, 30},
      {{"list", "--path", "/files", "--command", "MLSD", "--facts", "type;", "--operations", "30"}, 30},
      {{"paced", "--path", "/files/1", "--connections", "3", "--operations", "6"}, 6},
  }));
  auto with_backend = words;
  with_backend.insert(with_backend.end(), {"--backend", backend});
  INFO(words.front());
  Bench bench(server, with_backend);
  REQUIRE(bench.wait() == 0);
  const json result = bench.result();
  CHECK(result["operations"] == operations);
  CHECK(result["errors"] == 0);
  const bool listed_first = words.front() == "small" && words[3] != "--files";
  const std::size_t transfers = operations + (listed_first ? 1 : 0);
  REQUIRE(eventually([&] { return logged(server).transfers >= transfers; }));
  CHECK(logged(server).transfers == transfers);
  std::uint64_t octets = result["octets"];
  if (listed_first) {
    for (const auto& entry : std::filesystem::directory_iterator(server.root() / "files"))
      octets += ("/files/" + entry.path().filename().string() + "\r\n").size();
  }
  CHECK(logged(server).octets == octets);
  CHECK(std::filesystem::is_empty(server.root() / "up"));
}

TEST_CASE("blocks brings the files on one data connection", "[live][bench]") {
  const string backend = any_backend();
  const LiveServer server({.backend = backend, .block_modes = "announced"});  // the generator asks FEAT
  fill_directory(server.root() / "files", 20);
  Bench bench(server, {"blocks", "--path", "/files", "--files", "20", "--connections", "1", "--workers", "1",
                       "--verify", "--operations", "40", "--backend", backend});
  REQUIRE(bench.wait() == 0);
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < 20; ++i) octets += 2 * (1000 + 37 * i);
  CHECK(bench.result()["octets"] > octets);  // headers too
  CHECK(bench.result()["octets"] < octets + 40 * 16);
  REQUIRE(eventually([&] { return logged(server).transfers == 40; }));
  CHECK(logged(server).octets == bench.result()["octets"]);
}

TEST_CASE("whole sessions, and sessions that only exist", "[live][bench]") {
  const string backend = any_backend();
  const LiveServer server({.backend = backend});
  Bench logins(server, {"login", "--operations", "50", "--backend", backend});
  CHECK(logins.wait() == 0);
  CHECK(logins.result()["operations"] == 50);
  Bench idle(server, {"idle", "--connections", "200", "--source", "127.0.0.0/29", "--operations", "50", "--rate", "200",
                      "--server-pid", std::to_string(::getpid()), "--backend", backend});
  CHECK(idle.wait() == 0);
  CHECK(idle.result()["sessions"] == 200);
  CHECK(idle.result()["operations"] == 50);
  CHECK(idle.result()["server"]["rss_kib"] > 0);
  CHECK(server.log().find("127.0.0.6") != string::npos);
}

TEST_CASE("users that need more descriptors than a process may have are dealt to several", "[live][bench]") {
  constexpr rlim_t enough_for_half = 256 + 40;
  const LiveServer server({.backend = "epoll"});
  write_file(server.root() / "file", noise(10'000));
  Bench idle(server, {"idle", "--connections", "60", "--workers", "1", "--rate", "200", "--operations", "90"},
             enough_for_half);
  CHECK(idle.wait() == 0);
  CHECK(idle.result()["client"]["workers"] == 2);
  CHECK(idle.result()["sessions"] == 60);
  CHECK(idle.result()["operations"] == 90);
  Bench get(server,
            {"get", "--path", "/file", "--connections", "40", "--workers", "1", "--operations", "81", "--verify"},
            enough_for_half);
  CHECK(get.wait() == 0);
  CHECK(get.result()["client"]["workers"] == 2);
  CHECK(get.result()["operations"] == 81);
  CHECK(get.result()["octets"] == 81 * 10'000);
  REQUIRE(eventually([&] { return logged(server).transfers == 81; }));
  Bench missing(server, {"get", "--path", "/missing", "--connections", "40", "--workers", "1", "--operations", "81"},
                enough_for_half);
  CHECK(missing.wait() == 1);
  CHECK(missing.result()["error_kinds"]["refused"]["count"] == 81);
  Bench too_many(server, {"get", "--path", "/file", "--depth", "50"}, enough_for_half - 1);
  CHECK(too_many.wait() == 2);
}

TEST_CASE("a plan is several scenarios at once, and mixed has pings", "[live][bench]") {
  const LiveServer server({.backend = "epoll"});
  write_file(server.root() / "file", noise(100'000));
  write_file(server.outside() / "plan.toml",
             "[[load]]\nscenario = \"get\"\npath = \"/file\"\nweight = 3\n"
             "[[load]]\nscenario = \"list\"\nweight = 1\nrate = 50\n");
  Bench plan(server,
             {"plan", "--plan", (server.outside() / "plan.toml").string(), "--duration", "1", "--connections", "8"});
  CHECK(plan.wait() == 0);
  const json parts = plan.result()["parts"];
  REQUIRE(parts.size() == 2);
  CHECK(parts[0]["sessions"] == 6);
  CHECK(parts[1]["sessions"] == 2);
  CHECK(parts[1]["operations"] == 50);
  CHECK(parts[0]["operations"] > 0);
  Bench mixed(server, {"mixed", "--path", "/file", "--duration", "1"});
  CHECK(mixed.wait() == 0);
  CHECK(mixed.result()["ping_us"]["p50"] > 0);
}

TEST_CASE("what fails is counted and makes the exit code 1", "[live][bench]") {
  const LiveServer server({.backend = "epoll"});
  Bench missing(server, {"get", "--path", "/missing", "--operations", "10"});
  CHECK(missing.wait() == 1);
  CHECK(missing.result()["errors"] == 10);
  CHECK(missing.result()["error_kinds"]["refused"]["count"] == 10);
  CHECK(missing.result()["error_kinds"]["refused"]["example"].get<string>().find("550") != string::npos);
  Bench stranger(server, {"get", "--path", "/missing", "--connections", "3", "--duration", "1", "--user", "stranger"});
  CHECK(stranger.wait() == 1);
  CHECK(stranger.result()["error_kinds"]["login"]["count"] == 3);
  Bench wrong(server, {"nonsense"});
  CHECK(wrong.wait() == 2);
}

TEST_CASE("--verify notices a file that changes", "[live][bench]") {
  const LiveServer server({.backend = "epoll"});
  const string scenario = GENERATE("get", "blocks");
  std::filesystem::create_directory(server.root() / "files");
  const auto path = server.root() / "files/0";
  string content = noise(50'000);
  write_file(path, content);
  std::vector<string> words = {scenario, "--verify", "--rate", "50", "--duration", "600", "--connections", "2"};
  if (scenario == "get") {
    words.insert(words.end(), {"--path", "/files/0"});
  } else {
    words.insert(words.end(), {"--path", "/files", "--files", "1"});
  }
  Bench bench(server, words);
  REQUIRE(eventually([&] { return logged(server).transfers >= 5; }));
  ++content[content.size() / 2];
  write_file(server.root() / "new", content);
  std::filesystem::rename(server.root() / "new", path);
  const std::size_t so_far = logged(server).transfers;
  REQUIRE(eventually([&] { return logged(server).transfers >= so_far + 10; }));
  bench.interrupt();
  CHECK(bench.wait() == 1);
  CHECK(bench.result()["error_kinds"]["differs"]["count"] > 0);
  CHECK(bench.result()["error_kinds"].size() == 1);
}

// In closed loop one operation waits for the server and the others are never asked for; in open loop each that was
// due meanwhile is late.
TEST_CASE("a stalled server shows in open loop, and not in closed loop", "[live][bench]") {
  const LiveServer server({.backend = "epoll"});
  SECTION("open") {
    Bench bench(server, {"ping", "--rate", "200", "--duration", "3"});
    stall_during_run(server);
    CHECK(bench.wait() == 0);
    const json latency = bench.result()["latency_us"];
    CHECK(bench.result()["operations"] == 600);
    CHECK(latency["p99_9"] > 0.9 * stall_us);
    CHECK(latency["p90"] > 0.2 * stall_us);  // 100 of 600 were due while it stood still
  }
  SECTION("closed") {
    Bench bench(server, {"ping", "--rate", "0", "--operations", "30000"});
    stall_during_run(server);
    CHECK(bench.wait() == 0);
    const json latency = bench.result()["latency_us"];
    CHECK(latency["max"] > 0.9 * stall_us);
    CHECK(latency["p99_9"] < 0.5 * stall_us);
  }
}
