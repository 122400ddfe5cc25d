// The users of one load in one worker: lets them in, gives them operations when these are due, and counts.
// Closed loop: whoever is free gets the next one. Open loop: operation k is due at a fixed moment, and that is where
// its latency begins, however busy the server keeps the users. Knows no commands and no sockets.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bench/connection.hpp"
#include "bench/entry.hpp"
#include "bench/options.hpp"
#include "bench/statistics.hpp"

namespace bench {

class User;

/// A worker's part of a load.
struct Share {
  std::uint64_t first = 0, stride = 1, count = 0;  ///< its users are number first, first + stride, …
  double rate = 0;                                 ///< operations a second; 0: closed loop
  double phase = 0;                                ///< 0 to 1: where between two operations the first is due
  std::uint64_t operations = UINT64_MAX;           ///< at most
};

/// What the users of a group are told.
struct Terms {
  const Load& load;
  const Options& options;
  io::Address server;
  std::vector<EntryLine> entry;
};

class Group {
 public:
  Group(Context& context, const Terms& terms, const Share& share);
  ~Group();

  // ---- For the worker. ----

  void let_in();        ///< all users log in, some at a time
  bool all_in() const;  ///< or have given up
  void begin(io::Time at, io::Time measured_from, io::Time until);
  io::Time next_due() const;  ///< when on_time() wants to be called
  void on_time();
  bool done() const { return done_; }
  void stop() {  ///< an interrupted run ends early
    if (!done_) end();
  }
  void send_home();  ///< running operations are given up, sessions end with QUIT
  bool all_gone() const { return gone_ == users_.size(); }
  void drop();  ///< whoever is still there is disconnected
  const Statistics& statistics() const { return statistics_; }
  io::Time measured() const { return ended_ - measured_from_; }

  // ---- For the users. ----

  Context& context() { return context_; }
  const Terms& terms() const { return terms_; }
  void on_entered(User& user);
  void on_free(User& user);  ///< it could take another operation
  void on_gone();
  void count_operation(io::Time intended);
  void count_octets(std::uint64_t octets) { statistics_.octets += counting_ ? octets : 0; }
  void count_error(std::string_view kind, std::string_view example, std::uint64_t times = 1);
  void check_copy(std::string_view name, const Copy& copy);
  /// `count` operations ended, well or not.
  void on_ended(std::uint64_t count);
  const std::string& next_name();

 private:
  bool open_loop() const { return share_.rate > 0; }
  io::Time due(std::uint64_t n) const;
  std::optional<io::Time> take();
  void queue(User& user);
  void give_due();
  void let_some_in();
  void end_if_done();
  void end();

  Context& context_;
  Terms terms_;
  Share share_;
  Statistics statistics_;
  std::vector<std::unique_ptr<User>> users_;
  std::size_t called_in_ = 0;  ///< users told to enter
  std::size_t in_ = 0;         ///< of them inside, for the first time
  std::size_t gone_ = 0;       ///< left, or given up
  std::deque<User*> free_;     ///< open loop: who may take an operation, longest waiting first
  std::uint64_t taken_ = 0;    ///< operations given out
  std::uint64_t running_ = 0;  ///< of them not ended
  std::uint64_t next_name_;
  io::Time begin_ = io::never, measured_from_ = io::never, until_ = io::never, ended_ = io::never;
  bool counting_ = false, done_ = false;
};

}  // namespace bench
