// One transfer in a fresh world, and one thing that goes wrong after n steps of it, for every n until it is over first:
// ABOR, the control connection gone, the data connection reset. RFC 959 4.1.3 (ABOR), 4.1.1 (what a lost control
// connection means).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/catch.hpp"
#include "tests/sim/storm_control.hpp"
#include "tests/sim/storm_station.hpp"
#include "tests/sim/storm_wire.hpp"

namespace {

using core::Mode;
using core::Representation;
using core::Structure;
using core::Type;
using sim::Station;

enum class Wrong : std::uint8_t { abort, control_lost, data_reset };

struct Case {
  const char* command;
  Representation as;
  bool active = false;
  bool kept = false;  ///< on a data connection that another transfer has left open
  core::Publish publish = core::Publish::direct;
};

constexpr Representation image{.type = Type::image};
constexpr Representation blocks{.type = Type::image, .mode = Mode::block};
constexpr Representation lines{.type = Type::ascii, .structure = Structure::record, .mode = Mode::compressed};
constexpr Representation records{.type = Type::ascii, .structure = Structure::record};

constexpr std::array cases{
    Case{"RETR /file", image},
    Case{"RETR /file", image, true},
    Case{"RETR /file", records},
    Case{"RETR /file", blocks, false, true},
    Case{"RETR /file", lines, true},
    Case{"STOR /c0/file", image},
    Case{"STOR /c0/file", image, true, false, core::Publish::durable},
    Case{"STOR /c0/file", records, false, false, core::Publish::atomic},
    Case{"STOR /c0/file", blocks},
    Case{"STOR /c0/file", blocks, false, true, core::Publish::durable},
    Case{"STOR /c0/file", lines, true},
    Case{"LIST /", image},
    Case{"LIST /", blocks, true},
    Case{"LIST /", lines, false, true},
};

/// One run: a client that says and does one thing after another.
class Run {
 public:
  Run(const Case& what, std::uint64_t seed) : what_(what), station_(seed, what.publish, true) {
    for (int line = 0; file_.size() < 50'000; ++line) file_ += fmt::format("{}{}\n", line, std::string(line % 40, ' '));
    station_.know("/file", file_);
    station_.world.files().make_directory("/srv/c0");
    station_.open();
    octets_ = sim::encode(what.as, file_, {.interval = 15'000}).octets;
  }

  /// False: the transfer was over before `steps`.
  bool run(std::size_t steps, Wrong wrong) {
    log_in();
    open_data();
    control_->send(what_.command);
    std::size_t done = 0;
    station_.world.run_until([&] { return move(), code_ != 0 || done++ == steps; });
    const bool disturbed = code_ == 0 && disturb(wrong, steps);
    if (disturbed && wrong == Wrong::control_lost) return leave(), true;
    REQUIRE(station_.world.run_until([&] { return move(), control_->waiting() == 0; }));
    check(disturbed, wrong);
    CHECK(ask("NOOP") == 200);
    CHECK(ask("PASV") == 227);
    leave();
    return disturbed;
  }

 private:
  void log_in() {
    control_.emplace(peer_.connect(station_.world.address(station_.place.control_port)));
    REQUIRE(ask("USER anonymous") == 331);
    REQUIRE(ask("PASS storm@") == 230);
    for (const std::string& line : sim::parameter_commands({}, what_.as)) REQUIRE(ask(line) == 200);
  }

  void open_data() {
    if (what_.active) {
      listener_.emplace(peer_.listen());
      REQUIRE(ask(sim::port_command(listener_->address())) == 200);
    } else {
      REQUIRE(ask("PASV") == 227);
      data_.emplace(peer_.connect(station_.world.address(sim::port_in(answer_))));
    }
    if (!what_.kept) return;
    REQUIRE(ask("RETR /file") == 250);
    REQUIRE(station_.world.run_until([&] { return move(), decode_all(what_.as, false); }));
    received_.clear();
    code_ = 0;
    begun_ = false;
  }

  unsigned ask(const std::string& line) {
    answer_.clear();
    control_->send(line);
    REQUIRE(station_.world.run_until([&] { return move(), control_->waiting() == 0 && !answer_.empty(); }));
    return static_cast<unsigned>(std::stoul(answer_));
  }

  /// What can be done now.
  void move() {
    while (const auto answer = control_->next()) {
      answer_ = answer->line;
      if (!answer->transfer) others_.push_back(answer->code);
      if (answer->transfer && answer->last) code_ = answer->code;
      begun_ = begun_ || answer->transfer;
    }
    if (!control_->complaint().empty()) FAIL(control_->complaint());
    if (listener_ && !data_)
      if (auto connection = listener_->accept()) data_ = std::move(connection);
    if (!data_) return;
    received_ += data_->read();
    if (!stores() || !begun_ || written_ || !data_->connected()) return;
    written_ = true;
    data_->write(octets_);
    if (!keeps_connection(what_.as)) data_->shutdown_send();
  }

  /// False: there was nothing to disturb.
  bool disturb(Wrong wrong, std::size_t steps) {
    others_.clear();
    switch (wrong) {
      // A Synch makes the server forget what it has not taken yet: before 150 that would be the transfer itself.
      case Wrong::abort: return control_->send_abort(begun_ && steps % 5 == 4), true;
      case Wrong::control_lost:
        steps % 2 == 0 ? control_->connection().reset() : control_->connection().close();
        return true;
      case Wrong::data_reset: break;
    }
    if (!data_) return true;  // not yet: the next n will find it
    data_->reset();
    data_.reset();
    listener_.reset();
    reset_ = true;
    return true;
  }

  void check(bool disturbed, Wrong wrong) {
    const bool good = code_ == 226 || code_ == 250;
    INFO(what_.command << ": " << code_);
    CHECK((good || (disturbed && (code_ == 426 || (wrong == Wrong::data_reset && code_ == 425)))));
    if (disturbed && wrong == Wrong::abort) CHECK(others_ == std::vector<unsigned>{226});
    if (!disturbed) CHECK(code_ == (keeps_connection(what_.as) ? 250 : 226));
    if (good && stores()) CHECK(station_.world.files().content("/srv/c0/file") == file_);
    if (!good || stores() || reset_) return;
    // What is said to be sent may still be on the way.
    const Representation as = sim::listing_representation(what_.as, "");
    const bool lists = std::string_view(what_.command).starts_with("LIST");
    CHECK(station_.world.run_until([&] {
      move();
      const bool closed = data_->at_end();
      return decode_all(lists ? as : what_.as, closed);
    }));
    if (!lists) CHECK(content_ == file_);
  }

  bool decode_all(const Representation& as, bool closed) {
    sim::FileReader reader(as);
    reader.take(received_, closed);
    content_ = reader.file();
    return reader.ended();
  }

  /// Nothing is left over, whatever happened.
  void leave() {
    data_.reset();
    listener_.reset();
    control_.reset();
    station_.close();
  }

  bool stores() const { return std::string_view(what_.command).starts_with("STOR"); }

  const Case& what_;
  Station station_;
  sim::SimPeer peer_ = station_.world.peer("10.0.1.1");
  std::string file_, octets_, received_, content_, answer_;
  std::optional<sim::StormControl> control_;
  std::optional<sim::SimConnection> data_;
  std::optional<sim::SimListener> listener_;
  std::vector<unsigned> others_;  ///< codes to other commands than the transfer
  unsigned code_ = 0;             ///< the last reply to the transfer

  bool begun_ = false, written_ = false, reset_ = false;
};

void sweep(Wrong wrong) {
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& what = cases[i];
    std::size_t steps = 0;
    INFO(what.command << ", MODE " << letter(what.as.mode) << ", STRU " << letter(what.as.structure)
                      << (what.active ? ", active" : "") << (what.kept ? ", kept" : ""));
    while (true) {
      INFO("after " << steps << " steps");
      if (!Run(what, 100 + i).run(steps, wrong)) break;
      ++steps;
    }
    INFO("over after " << steps << " steps");
    CHECK(steps > 5);
    CHECK(steps < 2000);
  }
}

}  // namespace

TEST_CASE("ABOR after every step of a transfer: both replies, and the session goes on", "[storm][sim]") {
  sweep(Wrong::abort);
}

TEST_CASE("the control connection is lost after every step of a transfer", "[storm][sim]") {
  sweep(Wrong::control_lost);
}

TEST_CASE("the data connection is reset after every step of a transfer", "[storm][sim]") { sweep(Wrong::data_reset); }
