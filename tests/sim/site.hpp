// A simulated server and clients that send one command at a time: what tests of commands on files are written with.
// Knows replies; must not know what a test shows.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/path.hpp"
#include "tests/catch.hpp"
#include "tests/sim/storm_station.hpp"

namespace sim {

/// A control connection, one command at a time.
class FileVisitor {
 public:
  FileVisitor(Station& station, std::string_view host)
      : station_(station), host_(host), connection_(station.world.peer(host).connect(station.world.address(2121))) {
    CHECK(wait() == 220);
    CHECK(ask("USER anonymous") == 331);
    CHECK(ask("PASS x@") == 230);
  }

  void send(std::string_view line) { connection_.write(std::string(line) + "\r\n"); }
  /// The code of the next reply; 0: none came.
  int wait() {
    lines_.clear();
    while (true) {
      station_.world.run_until([&] { return connection_.has_line() || connection_.ended(); },
                               {.time = 600 * io::second});
      if (!connection_.has_line()) return 0;
      lines_.push_back(connection_.read_line());
      const std::string& line = lines_.back();
      if (line.size() > 3 && line[3] == ' ' && line[0] != ' ') return std::stoi(line.substr(0, 3));
    }
  }
  int ask(std::string_view line) {
    send(line);
    return wait();
  }
  /// What a command sends over a data connection, or the code of its refusal.
  std::string fetch(std::string_view line) {
    CHECK(ask("EPSV") == 229);
    const std::size_t bar = text().rfind('|');
    const auto port = static_cast<std::uint16_t>(std::stoi(text().substr(text().rfind('|', bar - 1) + 1)));
    SimConnection data = station_.world.peer(host_).connect(station_.world.address(port));
    std::string got;
    const int begun = ask(line);
    if (begun == 150 || begun == 125) {
      station_.world.run_until([&] {
        got += data.read();
        return data.ended();
      });
      CHECK(wait() == 226);
    } else {
      got = std::to_string(begun);
    }
    data.close();
    return got;
  }
  /// Text of the last line behind its code.
  std::string text() const { return lines_.empty() ? std::string() : lines_.back().substr(4); }
  const std::vector<std::string>& lines() const { return lines_; }
  bool answered() const { return connection_.has_line(); }
  SimConnection& connection() { return connection_; }

 private:
  Station& station_;
  std::string host_;
  SimConnection connection_;
  std::vector<std::string> lines_;
};

/// A station that is closed in good order when the test is through.
struct FileSite {
  explicit FileSite(core::Publish publish = core::Publish::direct) : station(11, publish, true) {
    station.config->limits.idle_timeout_s = 60;
    files().make_directory("/srv/c0");
  }
  ~FileSite() {
    station.world.stop_faults();
    for (auto& visitor : visitors)
      if (!visitor->connection().closed()) visitor->connection().close();
    station.close();
  }
  SimFiles& files() { return station.world.files(); }
  FileVisitor& visitor() {
    if (!station.server) station.open();
    visitors.push_back(std::make_unique<FileVisitor>(station, fmt::format("10.0.1.{}", visitors.size() + 1)));
    return *visitors.back();
  }
  std::string content(const std::string& path) { return files().content("/srv" + path).value_or("(none)"); }
  /// Names that an unfinished copy has.
  bool leaves_temporary(const std::string& directory) {
    return std::ranges::any_of(files().names("/srv" + directory), core::is_temporary_name);
  }

  Station station;
  std::vector<std::unique_ptr<FileVisitor>> visitors;
};

}  // namespace sim
