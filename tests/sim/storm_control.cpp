// Lines to answers, and answers to the commands that wait for them.
#include "tests/sim/storm_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/diagram.hpp"

namespace sim {
namespace {

constexpr std::uint16_t unknown_codes[] = {500, 421};
const core::CommandRow unknown{"?",
                               core::When::anywhere,
                               core::Argument::optional,
                               core::During::waits,
                               core::Diagram::simple,
                               unknown_codes,
                               nullptr,
                               {},
                               false,
                               "",
                               ""};

}  // namespace

void StormControl::send(const std::string& line) {
  const core::Command command = core::split_line(line);
  const core::CommandRow* row = core::find_command(command.verb);
  if (const auto* site = core::find_site_command(core::split_line(command.argument).verb);
      row != nullptr && row->verb == "SITE" && site != nullptr)
    row = site;
  if (row == nullptr) row = &unknown;
  outstanding_.push_back({line, row, row->diagram});
  connection_.write(line + "\r\n");
  remember("> " + line);
}

void StormControl::remember(std::string line) {
  constexpr std::size_t kept = 24;
  recent_.push_back(std::move(line));
  if (recent_.size() > kept) recent_.pop_front();
}

std::string StormControl::recent() const {
  std::string text;
  for (const std::string& line : recent_) (text += "\n    ") += line;
  return text;
}

void StormControl::send_abort(bool with_synch) {
  if (with_synch) {
    connection_.write_urgent("\xff\xf4\xff");
    connection_.write("\xf2");
  }
  send("ABOR");
}

bool StormControl::waits_for(std::string_view verb) const {
  return std::ranges::any_of(outstanding_, [&](const Sent& sent) { return sent.row->verb == verb; });
}

std::optional<StormControl::Answer> StormControl::next() {
  while (complaint_.empty() && connection_.has_line()) {
    const std::string line = connection_.read_line();
    remember("< " + line);
    if (!is_whole(line)) continue;
    const auto code = static_cast<unsigned>(std::stoul(line.substr(0, 3)));
    if (code == 421) return Answer{.command = {}, .verb = {}, .code = code, .line = line};
    if (greeted_) return match(code, line);
    greeted_ = code == 220;
    if (!greeted_) complaint_ = "a greeting was wanted: " + line;
  }
  return std::nullopt;
}

// True for the line that ends a reply.
bool StormControl::is_whole(const std::string& line) {
  if (!multi_line_.empty()) {
    if (!line.starts_with(multi_line_ + " ")) return false;
    multi_line_.clear();
    return true;
  }
  if (line.size() < 4 || line.find_first_not_of("0123456789") != 3) {
    complaint_ = "no reply at all: " + line;
    return false;
  }
  if (line[3] == '-') multi_line_ = line.substr(0, 3);
  return line[3] != '-';
}

// The oldest command that may be answered so is the one that was. While a transfer moves, what may
// act meanwhile is answered first.
std::optional<StormControl::Answer> StormControl::match(unsigned code, const std::string& line) {
  const auto sent = std::ranges::find_if(outstanding_, [&](const Sent& s) {
    return core::admits(*s.row, code) && core::next(s.diagram, code) != core::Next::error;
  });
  const bool passed_over =
      std::any_of(outstanding_.begin(), sent, [](const Sent& s) { return s.diagram != core::Diagram::transferring; });
  if (sent == outstanding_.end() || passed_over) {
    complaint_ = (sent == outstanding_.end() ? "a reply to nothing: " : "a reply out of turn: ") + line;
    return std::nullopt;
  }
  Answer answer{.command = sent->line, .verb = sent->row->verb, .code = code, .line = line};
  answer.last = core::next(sent->diagram, code) != core::Next::wait;
  answer.transfer = sent->row->diagram == core::Diagram::transfer && sent->row->verb != "REIN";
  if (answer.last) {
    outstanding_.erase(sent);
  } else {
    sent->diagram = core::Diagram::transferring;
  }
  return answer;
}

std::uint16_t port_in(const std::string& line) {
  std::vector<unsigned> numbers;
  for (std::size_t at = line.find('('); at < line.size();) {
    at = line.find_first_of("0123456789", at);
    if (at == std::string::npos) break;
    std::size_t size = 0;
    numbers.push_back(static_cast<unsigned>(std::stoul(line.substr(at), &size)));
    at += size;
  }
  const unsigned port = numbers.size() == 1 ? numbers[0] : numbers.size() == 6 ? numbers[4] * 256 + numbers[5] : 0;
  return static_cast<std::uint16_t>(port);
}

std::string port_command(const io::Address& address) {
  const auto* host = reinterpret_cast<const std::uint8_t*>(&address.v4.sin_addr);
  return fmt::format("PORT {},{},{},{},{},{}", host[0], host[1], host[2], host[3], address.port() / 256,
                     address.port() % 256);
}

}  // namespace sim
