// Form first (RFC 959 4.2), then the walk along the diagrams (section 6) with the codes of section 5.4.
#include "tests/reply_walker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tests {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool begins_with_code(std::string_view line) {
  return line.size() >= 4 && std::ranges::all_of(line.substr(0, 3), is_digit) && (line[3] == ' ' || line[3] == '-');
}

unsigned code_of(std::string_view line) {
  return static_cast<unsigned>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

// What section 5.4 has indented below 125 and 150, and 522: RFC 4217 10.2.
bool ends_transfer(unsigned code) {
  constexpr std::array codes{226U, 250U, 425U, 426U, 451U, 452U, 522U, 551U, 552U};
  return std::ranges::find(codes, code) != codes.end();
}

// RFC 3659 2.4: these are one line, whatever happens.
bool must_be_one_line(std::string_view verb) { return verb == "SIZE" || verb == "MDTM"; }

}  // namespace

void ReplyWalker::on_sent(std::string_view octets, bool urgent) {
  if (urgent && core::may_hold_telnet(octets)) {
    drop_typed_ahead();
    sent_telnet_.begin_synch();
  }
  std::string answers;
  while (!octets.empty()) {
    octets.remove_prefix(sent_telnet_.receive(octets, sent_lines_.input(), answers));
    if (sent_telnet_.take_synch()) drop_typed_ahead();
    take_sent_lines();
  }
}

// The command that is being answered already stays; during a transfer only one that may act is.
void ReplyWalker::drop_typed_ahead() {
  const bool first_is_begun =
      !pending_.empty() && (transfer_ == nullptr || (pending_.front().row != nullptr &&
                                                     pending_.front().row->during_transfer == core::During::acts));
  pending_.resize(first_is_begun ? 1 : 0);
  sent_lines_.clear();
}

void ReplyWalker::take_sent_lines() {
  while (const auto line = sent_lines_.next()) {
    std::string text = line->too_long ? "(too long)" : std::string(line->text);
    const core::CommandRow* row = line->too_long ? nullptr : core::find_command(core::split_line(text).verb);
    const std::string_view verb = row != nullptr ? row->verb : std::string_view();
    if (verb == "SITE") {
      const core::Command site = core::split_line(core::split_line(text).argument);
      if (const core::CommandRow* subcommand = core::find_site_command(site.verb)) row = subcommand;
    }
    if (!ended_) pending_.push_back({std::move(text), row, verb});
  }
}

std::vector<Reply> ReplyWalker::on_received(std::string_view octets) {
  std::vector<Reply> whole;
  for (const char octet : octets) {
    take_octet(static_cast<unsigned char>(octet));
    if (telnet_ == Telnet::text && line_.ends_with("\r\n")) take_line(whole);
  }
  return whole;
}

// Telnet's layer: IAC IAC is 255, IAC WONT x and IAC DONT x are answers (RFC 854).
void ReplyWalker::take_octet(unsigned char octet) {
  constexpr unsigned char iac = 255, wont = 252, dont = 254;
  switch (telnet_) {
    case Telnet::text:
      if (octet == iac) {
        telnet_ = Telnet::command;
      } else {
        line_ += static_cast<char>(octet);
      }
      break;
    case Telnet::command:
      telnet_ = Telnet::text;
      if (octet == iac) {
        line_ += static_cast<char>(octet);
        break;
      }
      if (octet != wont && octet != dont) complain(fmt::format("IAC {} from a server", octet));
      telnet_answers_ += static_cast<char>(octet);
      telnet_ = Telnet::option;
      break;
    case Telnet::option: telnet_answers_ += static_cast<char>(octet); telnet_ = Telnet::text;
  }
}

void ReplyWalker::take_line(std::vector<Reply>& whole) {
  std::string line = std::exchange(line_, {});
  line.resize(line.size() - 2);
  for (std::size_t cr = 0; (cr = line.find('\r', cr)) != std::string::npos; ++cr) {
    if (cr + 1 == line.size() || line[cr + 1] != '\0') complain("CR without NUL inside a line: " + line);
    line.erase(cr + 1, 1);
  }
  const bool first = coming_.lines.empty();
  const bool coded = begins_with_code(line);
  if (first && !coded) return complain("not a reply: " + line);
  if (first) coming_.code = code_of(line);
  const bool last = coded && line[3] == ' ' && code_of(line) == coming_.code;
  // RFC 959 4.2: an inner line with digits in front must be padded, and replies are not nested.
  if (!first && !last && !line.empty() && is_digit(line[0])) complain("an inner line begins with digits: " + line);
  coming_.lines.push_back(std::move(line));
  if (!last) return;
  walk(coming_);
  whole.push_back(std::exchange(coming_, {}));
}

void ReplyWalker::walk(const Reply& reply) {
  if (ended_) complain("a reply behind the last one: " + reply.lines.back());
  if (reply.code == 421) {
    const core::CommandRow* due = next_to_answer();
    if (due != nullptr || !greeted_) answers_.push_back({due != nullptr ? due->verb : "", reply.code});
    ended_ = true;
    pending_.clear();
    return;
  }
  if (!greeted_) {
    if (reply.code != 220) complain("no greeting: " + reply.lines.back());
    answers_.push_back({"", reply.code});
    greeted_ = true;
    return;
  }
  if (reply.code == 110) return walk_marker(reply);
  if (transfer_ != nullptr && transfer_ended_ && ends_transfer(reply.code)) return walk_transfer_end(reply);
  if (pending_.empty()) return complain("a reply that answers no command: " + reply.lines.back());
  const Sent sent = take_answered(reply);
  walk_command(reply, sent);
}

// STAT alone tells of what lasts, and so overtakes it; ABOR's reply comes behind that of what it ended.
ReplyWalker::Sent ReplyWalker::take_answered(const Reply& reply) {
  auto answered = pending_.begin();
  if (reply.code == 211 && answered->row != nullptr && answered->row->lasts) {
    const auto stat = std::ranges::find(pending_, "STAT", &Sent::verb);
    if (stat != pending_.end()) answered = stat;
  }
  Sent sent = std::move(*answered);
  pending_.erase(answered);
  return sent;
}

// "110 MARK ssss = rrrr", as often as wanted, while a transfer moves (RFC 1123 4.1.3.4).
void ReplyWalker::walk_marker(const Reply& reply) {
  const std::string_view text = reply.text();
  const std::size_t equals = text.find(" = ");
  const bool formed = text.starts_with("MARK ") && equals != std::string_view::npos && reply.lines.size() == 1;
  const std::string_view sender = formed ? text.substr(5, equals - 5) : "", own = formed ? text.substr(equals + 3) : "";
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (transfer_ != nullptr) answers_.push_back({transfer_->verb, reply.code});
  if (transfer_ == nullptr || !core::admits(*transfer_, 110)) complain("a restart marker without a transfer");
  if (sender.empty() || own.empty() || !std::ranges::all_of(sender, printable) || !std::ranges::all_of(own, printable))
    complain("not \"MARK ssss = rrrr\": " + reply.lines.back());
}

void ReplyWalker::walk_transfer_end(const Reply& reply) {
  const core::CommandRow* row = std::exchange(transfer_, nullptr);
  transfer_ended_ = false;
  answers_.push_back({row->verb, reply.code});
  if (!core::admits(*row, reply.code)) complain(fmt::format("{} ends with {}", row->verb, reply.code));
  const core::Next then = core::next(core::Diagram::transferring, reply.code);
  if (then != core::Next::success && then != core::Next::failure)
    complain(fmt::format("{} is no final reply of {}", reply.code, row->verb));
}

void ReplyWalker::walk_command(const Reply& reply, const Sent& sent) {
  const auto object = [&](std::string_view why) {
    complain(fmt::format("\"{}\" was answered with \"{}\": {}", sent.line, reply.lines.back(), why));
  };
  if (transfer_ != nullptr && (sent.row == nullptr || sent.row->during_transfer == core::During::waits))
    object("before the transfer's final reply");
  if (sent.row == nullptr) {
    if (reply.code != 500) object("500 is for what is no command");
    return;
  }
  answers_.push_back({sent.verb, reply.code});
  if (!core::admits(*sent.row, reply.code)) object("not among its codes");
  if (must_be_one_line(sent.row->verb) && reply.lines.size() > 1) object("one line is wanted");
  // TLS begins behind AUTH, and ends behind CCC and REIN: what was sent ahead is no command (RFC 4217 12.1).
  const bool ends_tls =
      (sent.row->verb == "CCC" && reply.code == 200) || (sent.row->verb == "REIN" && reply.code == 220);
  if (reply.code == 234 || (secured_ && ends_tls)) {
    pending_.clear();
    sent_lines_.clear();
    secured_ = reply.code == 234;
  }
  switch (core::next(sent.row->diagram, reply.code)) {
    case core::Next::error: object("no such arrow in its diagram"); break;
    case core::Next::wait:
      if (transfer_ != nullptr) object("a second 1yz");
      transfer_ = sent.row;
      transfer_ended_ = false;
      break;
    default:
      if (reply.code == 221) {
        ended_ = true;
        pending_.clear();
      }
  }
}

}  // namespace tests
