// The transcripts on the protocol interpreter alone, and the parser that reads them.
#include "tests/transcript.hpp"

#include <deque>
#include <memory>
#include <string>

#include "tests/catch.hpp"
#include "tests/pi_world.hpp"

namespace {

using tests::PiWorld;
using tests::Step;

/// A PiWorld whose data connection does what the transcript says.
class PiTalker final : public tests::Talker {
 public:
  PiTalker() { world_.clear_tree(); }

  void make_file(const std::string& path, std::uint64_t size) override { world_.add_file(path, size); }
  void make_directory(const std::string& path) override { world_.add_directory(path); }
  void connect() override {
    world_.transfers_wait();
    take_replies();
  }

  void send_line(std::string_view line) override {
    world_.talk(line);
    take_replies();
  }

  /// What comes only after a while (a failed login) is waited for.
  std::optional<std::string> next_line() override {
    constexpr std::int64_t patience_ms = 10'000;
    if (lines_.empty()) {
      world_.wait(patience_ms);
      take_replies();
    }
    if (lines_.empty()) return std::nullopt;
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

  bool closed() override { return lines_.empty() && world_.pi().closing() && !world_.pi().transferring(); }

  void open_data() override { REQUIRE(world_.transfer_runs()); }

  std::uint64_t receive_data() override {
    const std::uint64_t size = world_.transfer_size();
    end_transfer();
    return size;
  }

  void send_data(std::uint64_t size) override {
    world_.uploads(size);
    end_transfer();
  }

  std::string own_port() override { return "192,0,2,9,156,84"; }
  std::string own_eprt() override { return "|1|192.0.2.9|40020|"; }

 private:
  void end_transfer() {
    REQUIRE(world_.transfer_runs());
    world_.end_transfer();
    take_replies();
  }

  void take_replies() {
    for (const tests::Reply& reply : world_.replies())
      lines_.insert(lines_.end(), reply.lines.begin(), reply.lines.end());
  }

  PiWorld world_;
  std::deque<std::string> lines_;
};

}  // namespace

TEST_CASE("every transcript goes as written", "[pi][transcript]") {
  const std::vector<tests::Transcript> all = tests::all_transcripts();
  CHECK(all.size() >= 10);
  for (const tests::Transcript& transcript : all) {
    PiTalker talker;
    if (const auto wrong = play(transcript, talker)) FAIL_CHECK(*wrong);
  }
}

TEST_CASE("a transcript that does not go as written says where", "[transcript]") {
  const auto wrong_of = [](std::string_view text) {
    PiTalker talker;
    return play(*tests::parse_transcript(text, "t.ftp"), talker).value_or("nothing");
  };
  CHECK(wrong_of("S: 220*\nC: NOOP\nS: 200*\n") == "nothing");
  CHECK(wrong_of("S: 220*\n\nC: NOOP\nS: 500*\n") == "t.ftp:4: wanted \"500*\", got \"200 Command okay.\"");
  CHECK(wrong_of("S: 220*\nS: 200*\n") == "t.ftp:2: wanted \"200*\", got nothing");
  CHECK(wrong_of("S: 220*\nC: FEAT\nS: 211-*\nS: ...\nS:  NONESUCH\n") ==
        "t.ftp:5: wanted \" NONESUCH\", got \"211 End\"");
  CHECK(wrong_of("S: 220*\nS: <closed>\n") == "t.ftp:2: wanted the end of the connection");
}

TEST_CASE("steps are read with their kind and their line", "[transcript]") {
  const auto transcript = tests::parse_transcript(
      "# comment\nWORLD: file /a b 12\n\nC: NOOP \nS: 200*\nDATA: sends 5\nDATA: receives\nDATA: opens\n", "t.ftp");
  REQUIRE_FALSE(transcript);
  CHECK(transcript.error() == "t.ftp:2: \"WORLD: file /a b 12\" means nothing");
  const auto good = tests::parse_transcript("WORLD: file /a 12\n\nC: NOOP \nS:  SIZE", "t.ftp");
  REQUIRE(good);
  REQUIRE(good->steps.size() == 3);
  CHECK(good->steps[0].kind == Step::Kind::world);
  CHECK(good->steps[1].kind == Step::Kind::client);
  CHECK(good->steps[1].text == "NOOP ");
  CHECK(good->steps[1].line == 3);
  CHECK(good->steps[2].text == " SIZE");
}

TEST_CASE("what is no step is refused with its line", "[transcript]") {
  for (const std::string_view text :
       {"NOOP", "C:NOOP", "WORLD: file a 1", "WORLD: file /a", "WORLD: directory a", "WORLD: device /a", "DATA: send 5",
        "DATA: sends", "DATA: sends x", "DATA: opens 5"})
    CHECK(tests::parse_transcript(text, "t").error().starts_with("t:1: "));
}

TEST_CASE("a star stands for any octets", "[transcript]") {
  CHECK(tests::matches("226*", "226 Closing"));
  CHECK(tests::matches("226*", "226"));
  CHECK(tests::matches("227 *(*).", "227 Entering Passive Mode (1,2)."));
  CHECK_FALSE(tests::matches("227 *(*).", "227 Entering Passive Mode"));
  CHECK_FALSE(tests::matches("226", "226 "));
  CHECK_FALSE(tests::matches("226*", "225"));
  CHECK(tests::matches("", ""));
}
