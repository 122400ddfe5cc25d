// Work of the control connection: lines in, replies out, commands through the protocol interpreter, lines of
// listings. Knows what a client of today sends; must not know transfers.
#include <iterator>
#include <memory>
#include <optional>

#include "bench/micro/work.hpp"
#include "core/command.hpp"
#include "core/line_reader.hpp"
#include "core/listing.hpp"
#include "core/pi.hpp"
#include "core/reply.hpp"
#include "core/telnet.hpp"

namespace micro {
namespace {

constexpr std::size_t repeats = 16;
constexpr core::Moment now = 1'000'000'000;

// A session of one download and one upload.
constexpr std::string_view session_lines[] = {
    "USER anonymous",
    "PASS guest@example.org",
    "SYST",
    "FEAT",
    "OPTS UTF8 ON",
    "PWD",
    "CWD /pub/releases",
    "TYPE I",
    "EPSV",
    "MLSD",
    "SIZE image-12.iso",
    "MDTM image-12.iso",
    "RETR image-12.iso",
    "PASV",
    "STOR notes v2",
    "QUIT",
};

// ---- Lines ----

void find_commands() {
  for (const std::string_view line : session_lines) {
    const core::Command command = core::split_line(line);
    must(core::find_command(command.verb) != nullptr, "a command of the session");
  }
}

// One line a segment, as they come from a client that waits for replies.
void read_lines(const std::vector<std::string>& segments) {
  core::TelnetFilter filter;
  core::LineReader reader;
  std::string answers;
  for (const std::string& segment : segments) {
    const std::size_t taken = filter.receive(segment, reader.input(), answers);
    const std::optional<core::Line> line = reader.next();
    must(taken == segment.size() && line && line->text.size() + 2 == segment.size(), "a line of the session");
  }
}

std::vector<std::string> session_segments() {
  std::vector<std::string> segments;
  segments.reserve(std::size(session_lines));
  for (const std::string_view line : session_lines) segments.push_back(std::string(line) + "\r\n");
  return segments;
}

// ---- Replies ----

constexpr std::size_t reply_lines = 16;

// Four replies of one line, and one as long as FEAT's.
void write_replies(std::string& out) {
  out.clear();
  core::append_reply(out, core::Code::okay, "Command okay.");
  core::append_reply(out, core::Code::path_created, "\"/pub/releases\" is the current directory.");
  core::append_reply(out, core::Code::entering_passive, "Entering Passive Mode (192,0,2,1,195,80).");
  core::append_reply(out, core::Code::closing_data, "Transfer complete.");
  core::begin_reply(out, core::Code::system_status, "Features:");
  for (std::size_t i = 0; i < reply_lines - 6; ++i)
    core::continue_reply(out, "MLST type*;size*;modify*;unique*;perm*;");
  core::end_reply(out, core::Code::system_status, "End.");
  must(out.ends_with("211 End.\r\n"), "a long reply");
}

// ---- Commands ----

// One session without a socket: every file that is looked for is there.
class Session {
 public:
  Session()
      : pi_(configuration(), {.address = {192, 0, 2, 1}, .port = 21}, {.address = {192, 0, 2, 9}, .port = 40021}) {
    pi_.greet(now);
    take_reply("220");
    round_trip("USER guest\r\n", "230");
    round_trip("TYPE I\r\n", "200");
  }

  void round_trip(std::string_view segment, std::string_view code) {
    pi_.receive(segment, false, now);
    take_reply(code);
  }

 private:
  static std::shared_ptr<const core::Config> configuration() {
    core::Config config;
    core::Account guest;
    guest.name = "guest";
    guest.rights = {core::Right::list, core::Right::read};
    config.accounts.add(guest);
    return std::make_shared<const core::Config>(config);
  }

  void take_reply(std::string_view code) {
    const core::Outcome done = {.entry = {.size = 734'003'200}};
    while (pi_.next_action(now)) pi_.on_outcome(done, now);
    must(pi_.output().starts_with(code) && pi_.output().ends_with("\r\n"), code);
    pi_.output().clear();
  }

  core::Pi pi_;
};

// `segment` and `code` are literals: the work outlives the call.
Work command(const char* name, std::string_view segment, std::string_view code) {
  const auto session = std::make_shared<Session>();
  return {name, "command", repeats, [=] {
            for (std::size_t i = 0; i < repeats; ++i) session->round_trip(segment, code);
          }};
}

// ---- Listings ----

constexpr std::size_t listed = 64;
constexpr std::int64_t year_2025_s = 1'735'689'600;

struct Listed {
  std::string name;
  core::Entry entry;
};

// Old and new, small and large; every eighth is a directory.
std::vector<Listed> directory() {
  std::vector<Listed> all;
  for (std::uint64_t i = 0; i < listed; ++i) {
    const bool folder = i % 8 == 0;
    all.push_back({.name = "release-" + std::to_string(i * i) + ".tar.gz",
                   .entry = {.kind = folder ? core::Entry::Kind::directory : core::Entry::Kind::file,
                             .mode = folder ? 0755u : 0644u,
                             .owner = 1000,
                             .group = 1000,
                             .size = i * i * i * i * 1009,
                             .modified = (year_2025_s - static_cast<std::int64_t>(i) * 500'000) * 1'000'000'000,
                             .device = 1,
                             .inode = 1'000'000 + i}});
  }
  return all;
}

void list(const std::vector<Listed>& entries, std::string& out) {
  out.clear();
  for (const Listed& each : entries) core::append_list_line(out, each.entry, each.name, year_2025_s);
  must(out.ends_with(entries.back().name + "\r\n"), "LIST");
}

void list_for_machines(const std::vector<Listed>& entries, std::string& out) {
  static const core::FactSet facts = core::FactSet::defaults();
  out.clear();
  for (const Listed& each : entries)
    core::append_machine_entry(out, each.entry, each.name, facts, {core::Right::list, core::Right::read}, "");
  must(out.ends_with(entries.back().name), "MLSD");
}

}  // namespace

void add_protocol_work(std::vector<Work>& works) {
  const auto out = std::make_shared<std::string>();
  works.push_back({"find_command", "line", std::size(session_lines), find_commands});
  works.push_back(
      {"read_line", "line", std::size(session_lines), [segments = session_segments()] { read_lines(segments); }});
  works.push_back({"reply", "line", reply_lines, [out] { write_replies(*out); }});
  works.push_back(command("pi_noop", "NOOP\r\n", "200"));
  works.push_back(command("pi_type", "TYPE I\r\n", "200"));
  works.push_back(command("pi_pwd", "PWD\r\n", "257"));
  works.push_back(command("pi_size", "SIZE /pub/releases/image-12.iso\r\n", "213 734003200"));
  works.push_back({"list", "line", listed, [out, all = directory()] { list(all, *out); }});
  works.push_back({"mlsd", "line", listed, [out, all = directory()] { list_for_machines(all, *out); }});
}

}  // namespace micro
