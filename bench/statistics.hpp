// What one group of users in one worker saw, and how two of these become one.
// Knows counts and examples; must not know users, workers or how it is printed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bench/histogram.hpp"

namespace bench {

/// The kinds of error, as the report names them.
namespace error_kind {
inline constexpr std::string_view connect = "connect",  ///< the control connection did not come about
    closed = "closed",                                  ///< the server ended a session that was in use (or 421)
    listing = "listing",                                ///< the files to download could not be listed
    login = "login",                                    ///< a command before the first operation was refused
    refused = "refused",                                ///< an operation was answered with 4yz or 5yz
    protocol = "protocol",                              ///< a reply that RFC 959's diagrams do not allow
    data = "data",                                      ///< the data connection did not come about, or broke
    differs = "differs",                                ///< --verify: a file came in another form than before
    timeout = "timeout",                                ///< nothing moved for --timeout seconds
    unfinished = "unfinished";                          ///< open loop: due, and not done when patience ended
}  // namespace error_kind

struct ErrorCount {
  std::uint64_t count = 0;
  std::string example;  ///< the first

  template <typename Self, typename Archive>
  static void pass(Self& self, Archive& archive) {
    archive(self.count, self.example);
  }
};

/// A file as it came: what --verify compares.
struct Copy {
  std::uint64_t octets = 0;
  std::uint64_t checksum = 0;
  bool operator==(const Copy&) const = default;
};

struct Statistics {
  Histogram latency;
  std::uint64_t operations = 0;  ///< that succeeded
  std::uint64_t octets = 0;      ///< on data connections
  std::uint64_t sessions = 0;    ///< logged in when the clock started
  std::uint64_t behind = 0;      ///< paced streams that fell behind
  std::map<std::string, ErrorCount, std::less<>> errors;
  std::map<std::string, Copy, std::less<>> copies;  ///< the first of each file, with --verify

  void count_error(std::string_view kind, std::string_view example, std::uint64_t times = 1);
  /// Compares with the first copy of that name, which may be this one.
  void check_copy(std::string_view name, const Copy& copy);
  void merge(const Statistics& other);
  std::uint64_t error_count() const;
  /// Forgets what was measured; errors and first copies stay.
  void restart();

  template <typename Self, typename Archive>
  static void pass(Self& self, Archive& archive) {
    archive(self.latency, self.operations, self.octets, self.sessions, self.behind, self.errors, self.copies);
  }
};

}  // namespace bench
