// The transcripts on the protocol interpreter alone, and the parser that reads them.
#include "tests/transcript.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/codec.hpp"
#include "tests/catch.hpp"
#include "tests/pi_world.hpp"
#include "tests/section_5_4.hpp"

namespace {

using core::TransferEnd;
using tests::Mishap;
using tests::PiWorld;
using tests::Step;

/// A PiWorld whose data connection does what the transcript says.
class PiTalker final : public tests::Talker {
 public:
  PiTalker() : world_(config()) { world_.clear_tree(); }

  void make_file(const std::string& path, std::uint64_t size) override { world_.add_file(path, size); }
  void make_directory(const std::string& path) override { world_.add_directory(path); }
  void connect() override {
    world_.transfers_wait();
    take_replies();
  }

  void befall(Mishap mishap) override {
    switch (mishap) {
      case Mishap::full_disk: disk_full_ = true; return world_.fill_disk();
      case Mishap::failing_disk: return world_.fail_files(EIO);
      case Mishap::no_descriptor: return world_.fail_files(EMFILE);
      case Mishap::no_passive_port: return world_.take_passive_ports();
      case Mishap::drain: world_.shut_down(); take_replies();
    }
  }

  void send_line(std::string_view line) override {
    world_.talk(line);
    take_replies();
    decode();
    if (doom_ && world_.transfer_runs()) end_transfer(*std::exchange(doom_, std::nullopt));
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

  void open_data() override {
    if (!world_.transfer_runs()) world_.client_connects();
  }

  std::uint64_t receive_data() override {
    const std::uint64_t size = world_.transfer_size();
    end_transfer();
    return size;
  }

  void send_data(std::uint64_t size) override {
    world_.uploads(size);
    if (disk_full_) return end_transfer({.cause = TransferEnd::Cause::file_error, .error = ENOSPC});
    end_transfer();
  }

  void give_data(std::string_view octets) override {
    given_ += octets;
    decode();
  }

  // What is sent is made of the letters of the file; a listing is one empty block.
  std::string take_data(std::size_t count) override {
    if (sent_.empty() && world_.transfer_runs()) {
      const core::TransferSpec& spec = world_.transfer_spec();
      sent_ = spec.kind == core::TransferSpec::Kind::list ? std::string("\x40\0\0", 3)
                                                          : encoded(std::string(world_.transfer_size(), 'x'), spec);
    }
    const std::string part = sent_.substr(0, count);
    sent_.erase(0, part.size());
    if (sent_.empty()) end_transfer({.stays_open = core::keeps_connection(world_.transfer_spec().as)});
    return part;
  }

  void break_data() override { doom({.cause = TransferEnd::Cause::broken, .error = ECONNRESET}); }
  void withhold_data() override { doom({.cause = TransferEnd::Cause::no_connection, .error = ETIMEDOUT}); }

  const tests::ReplyWalker& walker() const { return world_.walker(); }

  std::string own_port() override { return "192,0,2,9,156,84"; }
  std::string own_eprt() override { return "|1|192.0.2.9|40020|"; }

 private:
  /// The running transfer ends so, or the next one as soon as it runs.
  void doom(const TransferEnd& end) {
    if (world_.transfer_runs()) return end_transfer(end);
    doom_ = end;
  }

  void end_transfer(const TransferEnd& end = {}) {
    REQUIRE(world_.transfer_runs());
    decoder_.reset();
    world_.end_transfer(end);
    take_replies();
  }

  static std::string encoded(std::string_view content, const core::TransferSpec& spec) {
    const auto codec = core::make_encoder(spec.as, {.begin = spec.offset});
    std::string wire, room(4096, '\0');
    for (core::Progress done; (done.marks & core::mark::end_of_file) == 0;) {
      done = codec->run(content, room, core::mark::end_of_file);
      content.remove_prefix(done.taken);
      wire.append(room, 0, done.made);
    }
    return wire;
  }

  // What was given goes through the codec that the server would use.
  void decode() {
    if (!world_.transfer_runs() || given_.empty()) return;
    const core::TransferSpec& spec = world_.transfer_spec();
    if (!decoder_) decoder_ = core::make_decoder(spec.as), stored_ = 0;
    std::string room(4096, '\0');
    for (std::string in = std::exchange(given_, {}); !in.empty();) {
      const core::Progress done = decoder_->run(in, room, core::mark::none);
      in.erase(0, done.taken);
      stored_ += done.made;
      if (done.error != 0) return end_transfer({.cause = TransferEnd::Cause::file_error, .error = done.error});
      if ((done.marks & core::mark::restart) != 0)
        world_.marker(decoder_->marker(), std::to_string(world_.transfer_begin() + stored_) +
                                              (decoder_->state().empty() ? "" : "+" + decoder_->state()));
      if ((done.marks & core::mark::end_of_file) == 0) continue;
      if (core::keeps_connection(spec.as)) given_ = in;  // else it is no data of any file
      world_.uploads(stored_);
      return end_transfer({.stays_open = core::keeps_connection(spec.as)});
    }
    take_replies();
  }

  static core::Config config() {
    core::Config config = tests::world_config();
    config.data.block_modes = core::BlockModes::announced;  // the default
    return config;
  }

  void take_replies() {
    for (const tests::Reply& reply : world_.replies())
      lines_.insert(lines_.end(), reply.lines.begin(), reply.lines.end());
  }

  PiWorld world_;
  bool disk_full_ = false;
  std::unique_ptr<core::Codec> decoder_;  ///< of the upload that runs
  std::uint64_t stored_ = 0;
  std::string given_, sent_;  ///< on the data connection, not read yet
  std::optional<TransferEnd> doom_;
  std::deque<std::string> lines_;
};

// ---- What the transcripts show of RFC 959 section 5.4 ----

/// A verb ("" for the connection) and a code.
using Pair = std::pair<std::string_view, unsigned>;

struct Unshown {
  std::string_view verbs;  ///< with blanks between them; "*": every command
  std::vector<std::uint16_t> codes;
  std::string_view why;
};

// What this server never answers, or answers in a world that no transcript can make.
const std::vector<Unshown> never = {
    {"*", {500}, "for what is no command at all (refused.ftp); a known verb's syntax errors are 501"},
    {"*", {421}, "one mechanism for all, whatever the command: shown for PASS (guessing.ftp) and PWD (draining.ftp)"},
    {"*", {502}, "every command of RFC 959 is implemented; PASV is not on IPv6, and these talkers speak IPv4"},
    {"(connection)", {120, 421}, "ready or not at once; one session too many is tests/live/login_test.cpp's"},
    {"USER", {530}, "whether a name exists shows nowhere: PASS fails (RFC 2577 7)"},
    {"PASS", {501}, "any octets may be a password, none too"},
    {"CDUP", {200}, "250, as CWD (conformance.md, D-03)"},
    {"REIN", {120}, "the server is ready at once"},
    {"ALLO", {202}, "ALLO is heeded"},
    {"ALLO", {504}, "both forms are implemented"},
    {"PWD", {550}, "the name of the directory needs no look at the disk"},
    {"STOU LIST NLST STAT HELP", {501}, "the argument may be missing, and any may be a path or a command's name"},
    {"APPE", {551}, "pages say where they belong, so that nothing can be appended: 555"},
    {"RETR", {110}, "the receiver of markers answers them, and that is the client"},
    {"ABOR", {225}, "a data connection that was kept is closed (4.1.3), which is 226"},
    {"HELP", {211}, "214 is the code of a help message"},
    {"SITE", {202}, "no subcommand is superfluous here"},
};

std::string_view name_of(std::string_view verb) { return verb.empty() ? "(connection)" : verb; }

bool holds(const std::vector<Unshown>& table, const Pair& pair) {
  return std::ranges::any_of(table, [&](const Unshown& row) {
    const std::string verbs = " " + std::string(row.verbs) + " ", verb = " " + std::string(name_of(pair.first)) + " ";
    return (row.verbs == "*" || verbs.find(verb) != std::string::npos) &&
           std::ranges::find(row.codes, pair.second) != row.codes.end();
  });
}

/// The pairs that one of the transcripts shows on the PI.
std::set<Pair> shown_pairs() {
  std::set<Pair> shown;
  for (const tests::Transcript& transcript : tests::all_transcripts()) {
    PiTalker talker;
    play(transcript, talker);
    for (const tests::Answer& answer : talker.walker().answers()) shown.emplace(answer.verb, answer.code);
  }
  return shown;
}

}  // namespace

TEST_CASE("every transcript goes as written", "[pi][transcript]") {
  const std::vector<tests::Transcript> all = tests::all_transcripts();
  CHECK(all.size() >= 10);
  for (const tests::Transcript& transcript : all) {
    PiTalker talker;
    if (const auto wrong = play(transcript, talker)) FAIL_CHECK(*wrong);
  }
}

TEST_CASE("every command's replies of section 5.4 are shown by a transcript, or there is a reason",
          "[pi][transcript]") {
  const std::set<Pair> shown = shown_pairs();
  std::vector<tests::Listed> all = tests::section_5_4;
  all.push_back(tests::connection_establishment);
  std::size_t pairs = 0, seen = 0, excepted = 0;
  for (const tests::Listed& listed : all) {
    for (const unsigned code : listed.codes) {
      const Pair pair{listed.verb, code};
      INFO(name_of(listed.verb) << " " << code);
      ++pairs;
      if (shown.contains(pair)) {
        ++seen;
      } else {
        ++excepted;
        CHECK(holds(never, pair));  // else a transcript is missing
      }
    }
  }
  SUCCEED(pairs << " pairs: " << seen << " shown, " << excepted << " excepted");
}

// A reason that does not hold any more is worse than none. "*" is for most commands and not for all.
TEST_CASE("what a transcript shows is no exception", "[pi][transcript]") {
  const std::set<Pair> shown = shown_pairs();
  for (const Unshown& row : never) {
    if (row.verbs == "*") continue;
    for (const Pair& pair : shown) {
      INFO(name_of(pair.first) << " " << pair.second << ": " << row.why);
      CHECK_FALSE(holds({row}, pair));
    }
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
        "DATA: sends", "DATA: sends x", "DATA: opens 5", "DATA: breaks", "DATA: never comes 5", "WORLD: full",
        "WORLD: full disk /a", "WORLD: server", "C+: NOOP", "C+:NOOP"})
    CHECK(tests::parse_transcript(text, "t").error().starts_with("t:1: "));
}

TEST_CASE("mishaps and broken data connections are steps", "[transcript]") {
  const auto good = tests::parse_transcript(
      "WORLD: full disk\nWORLD: failing disk\nWORLD: no descriptor\nWORLD: no passive port\nWORLD: server drains\n"
      "DATA: breaks off\nDATA: never comes\n",
      "t");
  REQUIRE(good);
  CHECK(good->steps.size() == 7);
  CHECK(good->has(Step::Kind::world, "full disk"));
  CHECK_FALSE(good->has(Step::Kind::data, "full disk"));
  CHECK(good->has(Step::Kind::data, "never comes"));
}

TEST_CASE("C+: lines go in one piece with the C: line before them", "[transcript]") {
  struct Recorder final : tests::Talker {
    void make_file(const std::string&, std::uint64_t) override {}
    void make_directory(const std::string&) override {}
    void befall(Mishap) override {}
    void connect() override {}
    void send_line(std::string_view line) override { sent.emplace_back(line); }
    std::optional<std::string> next_line() override { return "200"; }
    bool closed() override { return true; }
    void open_data() override {}
    std::uint64_t receive_data() override { return 0; }
    void send_data(std::uint64_t) override {}
    void give_data(std::string_view) override {}
    std::string take_data(std::size_t) override { return {}; }
    void break_data() override {}
    void withhold_data() override {}
    std::string own_port() override { return "1,2"; }
    std::string own_eprt() override { return "|1|"; }
    std::vector<std::string> sent;
  };
  const auto transcript = tests::parse_transcript("C: A\nC: B\nC+: PORT {PORT}\n# between\nC+: D\nS: 200\nC: E\n", "t");
  REQUIRE(transcript);
  Recorder recorder;
  CHECK_FALSE(play(*transcript, recorder));
  CHECK(recorder.sent == std::vector<std::string>{"A", "B\r\nPORT 1,2\r\nD", "E"});
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
