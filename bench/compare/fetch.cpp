// The HTTP side of the comparison: GETs over kept connections. Large bodies are dropped in the kernel
// (MSG_TRUNC), as millrace-bench does it; heads and small bodies are read into memory.
//
//   fetch ADDRESS:PORT PATH CONNECTIONS DEPTH SECONDS FILES
//
// A thread a connection, DEPTH requests in flight on each. With FILES above 0, PATH is a directory that
// holds 0, 1, ... FILES-1. Prints the fields of millrace-bench's JSON that the report reads.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBufferOctets = 1 << 20;

struct Work {
  sockaddr_in server;
  std::string path;
  size_t depth;
  double seconds;
  unsigned files;
};

struct Outcome {
  unsigned long long octets = 0;
  std::vector<double> latency_us;
  std::string error;
};

std::string request(const Work& work, unsigned number) {
  char name[16] = "";
  if (work.files > 0) std::snprintf(name, sizeof name, "/%u", number % work.files);
  return "GET " + work.path + name + " HTTP/1.1\r\nHost: bench\r\n\r\n";
}

// One response: its head, then as many octets as Content-Length says. Returns what is wrong, if anything.
class Response {
 public:
  bool take(const char*& from, const char* to, unsigned long long& octets, std::string& error) {
    if (left_ == 0 && !take_head(from, to, error)) return false;
    const auto here = std::min<unsigned long long>(left_, static_cast<unsigned long long>(to - from));
    from += here;
    left_ -= here;
    octets += here;
    return left_ == 0;
  }

  unsigned long long left() const { return left_; }

 private:
  bool take_head(const char*& from, const char* to, std::string& error) {
    while (from < to && !head_.ends_with("\r\n\r\n")) head_ += *from++;
    if (!head_.ends_with("\r\n\r\n")) return false;
    const size_t length = head_.find("Content-Length: ");
    if (!head_.starts_with("HTTP/1.1 200 ") || length == std::string::npos)
      error = head_.substr(0, head_.find('\r'));
    else
      left_ = std::strtoull(head_.c_str() + length + 16, nullptr, 10);
    head_.clear();
    return error.empty();
  }

  std::string head_;
  unsigned long long left_ = 0;
};

void fetch(const Work& work, unsigned seed, Outcome& outcome) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  const int one = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(connection, reinterpret_cast<const sockaddr*>(&work.server), sizeof work.server) != 0) {
    outcome.error = "connect";
    return;
  }
  const auto end = Clock::now() + std::chrono::duration<double>(work.seconds);
  std::vector<char> buffer(kBufferOctets);
  std::deque<Clock::time_point> begun;
  Response response;
  unsigned number = seed;
  while (outcome.error.empty() && Clock::now() < end) {
    std::string requests;
    for (; begun.size() < work.depth; begun.push_back(Clock::now())) requests += request(work, number++);
    if (!requests.empty() && send(connection, requests.data(), requests.size(), MSG_NOSIGNAL) < 0) {
      outcome.error = "send";
      break;
    }
    const bool drop = response.left() > buffer.size();  // within this body, whatever comes
    const ssize_t count = recv(connection, buffer.data(), buffer.size(), drop ? MSG_TRUNC : 0);
    if (count <= 0) {
      outcome.error = "the server closed the connection";
      break;
    }
    const char *from = buffer.data(), *to = from + count;
    while (from < to && response.take(from, to, outcome.octets, outcome.error)) {
      outcome.latency_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begun.front()).count());
      begun.pop_front();
    }
  }
  close(connection);
}

double percentile(const std::vector<double>& sorted, double part) {
  return sorted.empty()
             ? 0
             : sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

double usable_cores() {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string server = count == 7 ? arguments[1] : "";
  const size_t colon = server.find(':');
  Work work{};
  if (colon == std::string::npos || inet_aton(server.substr(0, colon).c_str(), &work.server.sin_addr) == 0) {
    std::fputs("usage: fetch ADDRESS:PORT PATH CONNECTIONS DEPTH SECONDS FILES\n", stderr);
    return 2;
  }
  work.server.sin_family = AF_INET;
  work.server.sin_port = htons(static_cast<uint16_t>(std::stoi(server.substr(colon + 1))));
  work.path = arguments[2];
  const unsigned connections = static_cast<unsigned>(std::stoul(arguments[3]));
  work.depth = std::stoul(arguments[4]);
  work.seconds = std::stod(arguments[5]);
  work.files = static_cast<unsigned>(std::stoul(arguments[6]));

  std::vector<Outcome> outcomes(connections);
  const auto begun = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (unsigned index = 0; index < connections; ++index)
      threads.emplace_back(fetch, std::cref(work), index * 601, std::ref(outcomes[index]));
  }
  const double took_s = std::chrono::duration<double>(Clock::now() - begun).count();

  Outcome all;
  unsigned errors = 0;
  for (Outcome& one : outcomes) {
    all.octets += one.octets;
    all.latency_us.insert(all.latency_us.end(), one.latency_us.begin(), one.latency_us.end());
    if (!one.error.empty()) ++errors, all.error = one.error;
  }
  std::ranges::sort(all.latency_us);
  const auto at = [&](double part) { return percentile(all.latency_us, part); };
  const double operations = static_cast<double>(all.latency_us.size()), cpu = cpu_s();
  std::printf(R"({"scenario": "http", "duration_s": %.6f, "operations": %.0f, "errors": %u,
"error_kinds": {%s%s%s}, "octets": %llu, "operations_per_s": %.3f, "octets_per_s": %.1f,
"latency_us": {"p50": %.1f, "p90": %.1f, "p99": %.1f, "p99_9": %.1f, "max": %.1f},
"client": {"cpu_s": %.6f, "workers": %u, "busiest_worker": null, "limit": %s}}
)",
              took_s, operations, errors, errors ? "\"http\": {\"count\": 1, \"example\": \"" : "", all.error.c_str(),
              errors ? "\"}" : "", all.octets, operations / took_s, static_cast<double>(all.octets) / took_s, at(.5),
              at(.9), at(.99), at(.999), at(1), cpu, connections,
              cpu > 0.9 * took_s * std::min<double>(connections, usable_cores()) ? "true" : "false");
  return errors > 0 ? 1 : 0;
}
