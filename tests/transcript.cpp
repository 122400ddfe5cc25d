// Reads tests/transcripts/*.ftp, found beside this file, and plays them step by step.
#include "tests/transcript.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/text.hpp"

namespace tests {
namespace {

constexpr std::array<std::pair<std::string_view, Step::Kind>, 5> prefixes{{
    {"WORLD: ", Step::Kind::world},
    {"C: ", Step::Kind::client},
    {"C+: ", Step::Kind::more},
    {"S: ", Step::Kind::server},
    {"DATA: ", Step::Kind::data},
}};

constexpr std::array<std::pair<std::string_view, Mishap>, 5> mishaps{{
    {"full disk", Mishap::full_disk},
    {"failing disk", Mishap::failing_disk},
    {"no descriptor", Mishap::no_descriptor},
    {"no passive port", Mishap::no_passive_port},
    {"server drains", Mishap::drain},
}};

std::optional<Mishap> mishap_of(std::string_view text) {
  const auto row = std::ranges::find_if(mishaps, [&](const auto& m) { return m.first == text; });
  if (row == mishaps.end()) return std::nullopt;
  return row->second;
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

std::string_view behind_first_word(std::string_view text) {
  const std::size_t space = text.find(' ');
  return space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
}

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  if (const std::size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

/// \xHH undone. Nothing when a backslash stands before something else.
std::optional<std::string> octets_of(std::string_view text) {
  std::string octets;
  while (!text.empty()) {
    if (text.front() != '\\') {
      octets += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    const char* const end = text.data() + std::min<std::size_t>(text.size(), 4);
    if (!text.starts_with("\\x") || std::from_chars(text.data() + 2, end, value, 16).ptr != text.data() + 4)
      return std::nullopt;
    octets += static_cast<char>(value);
    text.remove_prefix(4);
  }
  return octets;
}

/// Reads blocks up to the one that ends the file (RFC 959 3.4.2). False when no more come.
bool take_blocks(Talker& talker) {
  constexpr unsigned char end_of_file = 64;
  for (bool ended = false; !ended;) {
    const std::string header = talker.take_data(3);
    if (header.size() < 3) return false;
    const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(header[at]); };
    const std::size_t count = octet(1) * 256U + octet(2);
    if (count > 0 && talker.take_data(count).size() < count) return false;
    ended = (octet(0) & end_of_file) != 0;
  }
  return true;
}

/// One run of a transcript. Every step gives nothing, or what went wrong.
class Player {
 public:
  Player(const Transcript& transcript, Talker& talker) : transcript_(transcript), talker_(talker) {}

  std::optional<std::string> run() {
    const auto& steps = transcript_.steps;
    const auto first = std::ranges::find_if(steps, [](const Step& s) { return s.kind != Step::Kind::world; });
    for (auto step = steps.begin(); step != steps.end(); ++step) {
      if (step == first) talker_.connect();
      if (const auto wrong = take(*step)) return fmt::format("{}:{}: {}", transcript_.name, step->line, *wrong);
      const bool whole = step + 1 == steps.end() || step[1].kind != Step::Kind::more;
      if (whole && !segment_.empty()) talker_.send_line(std::exchange(segment_, {}));
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> take(const Step& step) {
    switch (step.kind) {
      case Step::Kind::world: return make(step.text);
      case Step::Kind::client:
      case Step::Kind::more: return say(step.text);
      case Step::Kind::server: return hear(step.text);
      case Step::Kind::data: return move(step.text);
    }
    return std::nullopt;
  }

  std::optional<std::string> make(std::string_view what) {
    if (const auto mishap = mishap_of(what)) return talker_.befall(*mishap), std::nullopt;
    const std::string path(first_word(behind_first_word(what)));
    if (first_word(what) == "directory") {
      talker_.make_directory(path);
    } else {
      talker_.make_file(path, *core::parse_number(behind_first_word(behind_first_word(what))));
    }
    return std::nullopt;
  }

  std::optional<std::string> say(std::string line) {
    if (line.find("{PORT}") != std::string::npos) line = replaced(line, "{PORT}", talker_.own_port());
    if (line.find("{EPRT}") != std::string::npos) line = replaced(line, "{EPRT}", talker_.own_eprt());
    if (!segment_.empty()) segment_ += "\r\n";
    segment_ += line;
    return std::nullopt;
  }

  std::optional<std::string> hear(std::string_view wanted) {
    if (wanted == "<closed>") {
      if (talker_.closed()) return std::nullopt;
      return "wanted the end of the connection";
    }
    if (wanted == "...") {
      skipping_ = true;
      return std::nullopt;
    }
    std::string last = "nothing";
    while (const auto line = talker_.next_line()) {
      if (matches(wanted, *line)) {
        skipping_ = false;
        return std::nullopt;
      }
      last = "\"" + *line + "\"";
      if (!skipping_) break;
    }
    return fmt::format("wanted \"{}\", got {}", wanted, last);
  }

  std::optional<std::string> move(std::string_view what) {
    const auto size = core::parse_number(behind_first_word(what));
    if (what == "opens") {
      talker_.open_data();
    } else if (what == "breaks off") {
      talker_.break_data();
    } else if (what == "never comes") {
      talker_.withhold_data();
    } else if (first_word(what) == "gives") {
      talker_.give_data(*octets_of(behind_first_word(what)));
    } else if (what == "takes blocks") {
      if (!take_blocks(talker_)) return "the blocks did not end";
    } else if (first_word(what) == "takes") {
      const std::string wanted = *octets_of(behind_first_word(what)), came = talker_.take_data(wanted.size());
      if (came != wanted) return fmt::format("other octets came: {} of {}", came.size(), wanted.size());
    } else if (first_word(what) == "sends") {
      talker_.send_data(*size);
    } else if (const std::uint64_t received = talker_.receive_data(); size && received != *size) {
      return fmt::format("wanted {} octets, got {}", *size, received);
    }
    return std::nullopt;
  }

  const Transcript& transcript_;
  Talker& talker_;
  std::string segment_;    ///< lines that are to be sent together
  bool skipping_ = false;  ///< behind "S: ..."
};

/// Whether a WORLD or DATA step is one of those that transcript.hpp names.
bool understood(const Step& step) {
  const std::string_view word = first_word(step.text), rest = behind_first_word(step.text);
  if (step.kind == Step::Kind::world) {
    if (mishap_of(step.text)) return true;
    if (!rest.starts_with('/')) return false;
    const bool is_file = word == "file" && core::parse_number(behind_first_word(rest));
    return is_file || (word == "directory" && rest.find(' ') == std::string_view::npos);
  }
  if (step.kind == Step::Kind::data) {
    const bool numbered = core::parse_number(rest).has_value();
    for (const std::string_view whole : {"opens", "receives", "breaks off", "never comes"})
      if (step.text == whole) return true;
    if (word == "gives" || word == "takes") return !rest.empty() && octets_of(rest);
    return (word == "receives" || word == "sends") && numbered;
  }
  return true;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view line) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == line;
  if (!line.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= line.size(); ++at)
    if (matches(rest, line.substr(at))) return true;
  return false;
}

std::expected<Transcript, std::string> parse_transcript(std::string_view text, std::string name) {
  Transcript transcript{.name = std::move(name), .steps = {}};
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto prefix = std::ranges::find_if(prefixes, [&](const auto& p) { return line.starts_with(p.first); });
    if (prefix == prefixes.end())
      return std::unexpected(
          fmt::format("{}:{}: wanted C:, C+:, S:, WORLD: or DATA: and a blank", transcript.name, number));
    Step step{prefix->second, std::string(line.substr(prefix->first.size())), number};
    const bool follows = !transcript.steps.empty() && (transcript.steps.back().kind == Step::Kind::client ||
                                                       transcript.steps.back().kind == Step::Kind::more);
    if (!understood(step) || (step.kind == Step::Kind::more && !follows))
      return std::unexpected(fmt::format("{}:{}: \"{}\" means nothing", transcript.name, number, line));
    transcript.steps.push_back(std::move(step));
  }
  return transcript;
}

bool Transcript::has(Step::Kind kind, std::string_view text) const {
  return std::ranges::any_of(steps, [&](const Step& step) { return step.kind == kind && step.text == text; });
}

std::vector<Transcript> all_transcripts() {
  const std::filesystem::path folder = std::filesystem::path(__FILE__).parent_path() / "transcripts";
  std::vector<Transcript> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".ftp") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto transcript = parse_transcript(text, entry.path().filename());
    if (!transcript) throw std::runtime_error(transcript.error());
    all.push_back(*std::move(transcript));
  }
  std::ranges::sort(all, {}, &Transcript::name);
  return all;
}

std::optional<std::string> play(const Transcript& transcript, Talker& talker) {
  return Player(transcript, talker).run();
}

}  // namespace tests
