// Lines to replies, replies to steps of a diagram.
#include "bench/user_pi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "bench/statistics.hpp"

namespace bench {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 0: no code stands there.
unsigned code_of(std::string_view line) {
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return 0;
  return static_cast<unsigned>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

}  // namespace

UserPi::UserPi(Context& context, UserPiOwner& owner)
    : connection_(context, context.control_buffers, *this), owner_(owner) {}

void UserPi::connect(const io::Address& to, const io::Address* from, std::uint32_t purpose) {
  pending_.assign(1, Asked{.purpose = purpose});
  output_.clear();
  sending_.clear();
  sent_ = 0;
  telnet_ = {};
  lines_.clear();
  open_code_ = 0;
  end_expected_ = lost_ = false;
  ++connections_;
  connection_.connect(to, from);
}

void UserPi::ask(std::string_view verb, std::string_view argument, std::uint32_t purpose) {
  const core::CommandRow* row = core::find_command(verb);
  assert(row != nullptr);
  output_.append(verb);
  if (!argument.empty()) (output_ += ' ') += argument;
  output_ += "\r\n";
  pending_.push_back({row, row->diagram, purpose});
}

void UserPi::flush() {
  if (output_.empty() || sent_ < sending_.size() || !connection_.is_open() || lost_) return;
  sending_.clear();
  sending_.swap(output_);
  sent_ = 0;
  connection_.send(sending_);
}

void UserPi::on_open() {
  connection_.receive();
  flush();
}

void UserPi::on_sent(std::size_t octets) {
  sent_ += octets;
  if (sent_ < sending_.size()) return connection_.send(std::string_view(sending_).substr(sent_));
  flush();
}

void UserPi::on_end(int error) {
  if (std::exchange(lost_, true)) return;
  if (end_expected_) return owner_.on_lost({}, {});
  const char* why = error == 0 ? "closed by the server" : error_text(error);
  const bool greeted = pending_.empty() || pending_.front().row != nullptr;
  if (!greeted) return owner_.on_lost(error_kind::connect, fmt::format("no greeting: {}", why));
  owner_.on_lost(error_kind::closed, fmt::format("the control connection ended, waiting for {}: {}", waits_for(), why));
}

void UserPi::on_received(std::span<const char> octets) {
  const std::uint64_t this_one = connections_;
  const auto still_here = [&] { return !lost_ && !connection_.is_closing() && connections_ == this_one; };
  std::string telnet_answers;  // options are not answered: no server begins to negotiate
  std::string_view rest(octets.data(), octets.size());
  while (!rest.empty() && still_here()) {
    rest.remove_prefix(telnet_.receive(rest, lines_.input(), telnet_answers));
    while (still_here()) {
      const auto line = lines_.next();
      if (!line) break;
      take_line(line->text);
    }
  }
  if (still_here() && connection_.is_open()) connection_.receive();
}

void UserPi::take_line(std::string_view line) {
  const unsigned code = code_of(line);
  const bool goes_on = line.size() > 3 && line[3] == '-';
  if (open_code_ == 0 && code == 0) {
    lost_ = true;
    return owner_.on_lost(error_kind::protocol, fmt::format("no reply: {}", line));
  }
  if (open_code_ == 0 && goes_on) open_code_ = code;
  if (open_code_ != 0 && (code != open_code_ || goes_on)) return;
  open_code_ = 0;
  take_reply({code, line});
}

void UserPi::take_reply(const Reply& reply) {
  if (end_expected_ && pending_.empty()) return;
  const auto lose = [&](std::string_view kind, std::string_view why) {
    lost_ = true;
    owner_.on_lost(kind, fmt::format("{} answered with \"{}\"{}", waits_for(), reply.line, why));
  };
  if (reply.code == 421) return lose(error_kind::closed, "");
  if (pending_.empty()) return lose(error_kind::protocol, ": nothing was asked");
  Asked& first = pending_.front();
  const core::Next next = core::next(first.diagram, reply.code);
  const Asked asked = first;
  switch (next) {
    case core::Next::error: return lose(error_kind::protocol, ": RFC 959's diagram has no such arrow");
    case core::Next::wait: first.diagram = core::Diagram::transferring; break;
    default: pending_.erase(pending_.begin());
  }
  owner_.on_reply(asked, next, reply);
}

}  // namespace bench
