// The storm's client: random choices, strict bookkeeping. Every reply must be legal for the oldest
// command that could have caused it; a 226 must mean what RFC 959 says it means.
#include "tests/sim/storm_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/diagram.hpp"

namespace sim {
namespace {

std::string to_network_text(const std::string& file) {
  std::string out;
  for (const char c : file) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

std::string to_file_text(const std::string& network) {
  std::string out;
  for (std::size_t i = 0; i < network.size(); ++i)
    if (network[i] != '\r' || i + 1 == network.size() || network[i + 1] != '\n') out += network[i];
  return out;
}

// The port of "229 … (|||port|)" or "227 … (h1,h2,h3,h4,p1,p2)"; 0 when there is none.
unsigned port_in(const std::string& line) {
  std::vector<unsigned> numbers;
  const std::size_t open = line.find('(');
  for (std::size_t at = open; at != std::string::npos && at < line.size();) {
    at = line.find_first_of("0123456789", at);
    if (at == std::string::npos) break;
    unsigned number = 0;
    at = static_cast<std::size_t>(std::from_chars(&line[at], line.data() + line.size(), number).ptr - line.data());
    numbers.push_back(number);
  }
  if (numbers.size() == 1) return numbers[0];
  return numbers.size() == 6 ? numbers[4] * 256 + numbers[5] : 0;
}

}  // namespace

StormClient::StormClient(SimWorld& world, int number, std::uint16_t control_port, const std::vector<KnownFile>& known,
                         std::string files_root, int commands)
    : world_(world),
      random_(world.random().fork()),
      peer_(world.peer(fmt::format("10.0.{}.{}", 1 + number / 200, 1 + number % 200))),
      directory_(fmt::format("/c{}", number)),
      files_root_(std::move(files_root)),
      control_port_(control_port),
      known_(known),
      commands_left_(commands) {}

void StormClient::complain(const std::string& what) {
  complaints_.push_back(directory_ + ": " + what);
  end();
}

void StormClient::end() {
  finished_ = true;
  data_.reset();
  listener_.reset();
  control_.reset();
}

void StormClient::act() {
  if (finished_) return;
  if (!control_) return connect();
  if (control_->refused() || control_->was_reset()) return end();
  read_control();
  if (finished_) return;
  move_data();
  if (control_->at_end()) return end();
  if (!greeted_) return;
  if (transfer_ && transfer_->begun && transfer_->trouble && random_.chance(0.1)) return mischief();
  if (outstanding_.empty() && script_.empty() && !transfer_) choose();
  if (!finished_) send_script();
}

void StormClient::connect() { control_ = peer_.connect(world_.address(control_port_)); }

// ---- Replies ----

void StormClient::read_control() {
  while (!finished_ && control_->has_line()) on_line(control_->read_line());
}

void StormClient::on_line(const std::string& line) {
  if (!multi_line_.empty()) {
    if (!line.starts_with(multi_line_ + " ")) return;
    multi_line_.clear();
  } else if (line.size() < 4 || line.find_first_not_of("0123456789") != 3) {
    return complain("no reply at all: " + line);
  } else if (line[3] == '-') {
    multi_line_ = line.substr(0, 3);
    return;
  }
  const unsigned code = static_cast<unsigned>(std::stoul(line.substr(0, 3)));
  ++seen_[fmt::format("{}", code)];
  if (code == 421) return end();
  if (!greeted_) {
    greeted_ = code == 220;
    if (!greeted_) complain("a greeting was wanted: " + line);
    return;
  }
  on_reply(code, line);
}

// The oldest command that may be answered so is the one that was. While a transfer moves, what may
// act meanwhile is answered first.
void StormClient::on_reply(unsigned code, const std::string& line) {
  const auto sent = std::ranges::find_if(outstanding_, [&](const Sent& s) {
    return core::admits(*s.row, code) && core::next(s.diagram, code) != core::Next::error;
  });
  if (sent == outstanding_.end()) return complain("a reply to nothing: " + line);
  const bool passed_over =
      std::any_of(outstanding_.begin(), sent, [](const Sent& s) { return s.diagram != core::Diagram::transferring; });
  if (passed_over) return complain("a reply out of turn: " + line);
  if (core::next(sent->diagram, code) == core::Next::wait) {
    sent->diagram = core::Diagram::transferring;
    if (transfer_) transfer_->begun = true;
    return;
  }
  const Sent done = *sent;
  outstanding_.erase(sent);
  on_final(done, code, line);
}

void StormClient::on_final(const Sent& sent, unsigned code, const std::string& line) {
  const std::string_view verb = sent.row->verb;
  if (verb == "PASS") logged_in_ = code == 230;
  if ((verb == "EPSV" || verb == "PASV") && code / 100 == 2 && transfer_) {
    data_ = peer_.connect(world_.address(static_cast<std::uint16_t>(port_in(line))));
  }
  if (sent.row->diagram == core::Diagram::transfer && verb != "REIN") on_transfer_end(code);
  if (verb == "DELE" && code == 250) stored_.erase(sent.line.substr(5));
  if (verb == "QUIT" && code == 221) end();
  // A script goes on only as far as it makes sense: without a data connection there is no transfer.
  if (code >= 400 && !script_.empty()) {
    script_.clear();
    if (outstanding_.empty()) transfer_.reset(), data_.reset(), listener_.reset();
  }
}

// 226 means: all octets were accepted, and they are in the file; or all octets of the file were sent.
void StormClient::on_transfer_end(unsigned code) {
  if (!transfer_) return;
  if (data_) transfer_->received += data_->read();
  Transfer& t = *transfer_;
  const bool good = code == 226 && !t.spoiled;
  if (good) ++seen_[t.upload ? "stored" : "fetched"];
  if (t.upload && good) {
    const auto content = world_.files().content(files_root_ + t.path);
    const std::string wanted = t.text ? to_file_text(t.content) : t.content;
    if (!t.written) complain("226 before all was sent");
    if (content != wanted) complain(fmt::format("226, but {} is not what was sent", t.path));
    stored_[t.path] = wanted;
  } else if (t.upload) {
    stored_[t.path] = std::nullopt;
  }
  // The FIN stands behind the octets: they may still be on the way, but no others may be.
  if (!t.upload && good && t.expected && data_ && data_->at_end() && t.received != *t.expected)
    complain(fmt::format("226, but {} octets of {} came for {}", t.received.size(), t.expected->size(), t.path));
  if (!t.upload && t.expected && !t.expected->starts_with(t.received))
    complain("other octets than the file's came for " + t.path);
  transfer_.reset();
  data_.reset();
  listener_.reset();
}

// ---- The data connection ----

void StormClient::move_data() {
  if (listener_ && !data_)
    if (auto connection = listener_->accept()) data_ = std::move(connection);
  if (!data_ || !transfer_) return;
  Transfer& t = *transfer_;
  if (!t.upload) {
    t.received += data_->read();
    return;
  }
  if (t.begun && data_->connected() && !t.written) {
    t.written = true;
    data_->write(t.content);
    data_->shutdown_send();
  }
}

// ---- What to do next ----

void StormClient::choose() {
  if (!logged_in_) {
    script_ = {"USER anonymous", "PASS storm@"};
    if (random_.chance(0.1)) script_.push_front("PASS without");
  } else if (commands_left_-- <= 0) {
    if (random_.chance(0.2)) return end();
    script_ = {"QUIT"};
  } else if (random_.chance(0.6)) {
    plan_transfer();
  } else {
    plan_file_command();
  }
  pipelining_ = random_.chance(0.3);
}

std::string StormClient::own_path() { return fmt::format("{}/f{}", directory_, random_.below(4)); }

std::string StormClient::random_octets(bool text) {
  std::string out(random_.chance(0.2) ? random_.below(400'000) : random_.below(3000), '\0');
  for (char& c : out) {
    c = static_cast<char>(random_.next());
    if (text && random_.chance(0.1)) c = '\n';
  }
  return text ? to_network_text(out) : out;
}

void StormClient::plan_transfer() {
  Transfer t;
  t.active = random_.chance(0.3);
  t.text = random_.chance(0.3);
  t.trouble = random_.chance(0.15);
  const std::uint64_t kind = random_.below(10);
  std::string command;
  std::uint64_t restart = 0;
  if (kind < 4) {
    t.upload = true;
    t.path = own_path();
    t.content = random_octets(t.text);
    command = "STOR " + t.path;
  } else if (kind < 8) {
    const KnownFile& file = random_.pick(known_);
    t.path = file.path;
    t.expected = t.text ? to_network_text(file.content) : file.content;
    if (const auto own = stored_.find(own_path()); own != stored_.end() && random_.chance(0.5)) {
      t.path = own->first;
      t.expected = own->second;
      if (t.expected && t.text) t.expected = to_network_text(*t.expected);
    }
    if (t.expected && random_.chance(0.3)) {
      restart = random_.below(t.expected->size() + 2);
      t.expected = restart <= t.expected->size() ? t.expected->substr(restart) : std::string();
    }
    command = "RETR " + t.path;
  } else {
    constexpr const char* lists[] = {"LIST", "NLST", "MLSD", "LIST -a *", "MLSD /", "LIST /absent"};
    command = lists[random_.below(std::size(lists))];
  }
  script_ = {t.text ? "TYPE A" : "TYPE I"};
  if (t.active) {
    listener_ = peer_.listen();
    const unsigned port = listener_->address().port();
    const io::Address own = peer_.address();
    const auto* host = reinterpret_cast<const std::uint8_t*>(&own.v4.sin_addr);
    script_.push_back(
        fmt::format("PORT {},{},{},{},{},{}", host[0], host[1], host[2], host[3], port / 256, port % 256));
  } else {
    script_.push_back(random_.chance(0.5) ? "EPSV" : "PASV");
  }
  if (restart > 0) script_.push_back(fmt::format("REST {}", restart));
  script_.push_back(command);
  transfer_ = std::move(t);
}

void StormClient::plan_file_command() {
  const std::string lines[] = {"PWD",
                               "CWD " + directory_,
                               "CDUP",
                               "MKD " + directory_ + "/d",
                               "RMD " + directory_ + "/d",
                               "DELE " + own_path(),
                               "SIZE " + random_.pick(known_).path,
                               "MDTM " + random_.pick(known_).path,
                               "MLST " + directory_,
                               "STAT /",
                               "STAT",
                               "FEAT",
                               "HELP",
                               "NOOP",
                               "REST 0",
                               "ABOR",
                               "RNFR " + directory_ + "/absent",
                               "CWD ../../..",
                               "STRU R",
                               "NONSENSE",
                               "SIZE",
                               "EPSV",
                               "PASV"};
  const std::string& line = lines[random_.below(std::size(lines))];
  script_ = {line};
}

void StormClient::send_script() {
  while (!script_.empty() && (outstanding_.empty() || pipelining_)) {
    const std::string line = script_.front();
    script_.pop_front();
    send(line);
  }
}

void StormClient::send(const std::string& line) {
  static constexpr std::uint16_t unknown_codes[] = {500, 421};
  static const core::CommandRow unknown{"?",
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
  const core::CommandRow* row = core::find_command(core::split_line(line).verb);
  if (row == nullptr) row = &unknown;
  outstanding_.push_back({line, row, row->diagram});
  control_->write(line + "\r\n");
}

// Once a transfer has begun: what impatient clients and bad networks do.
void StormClient::mischief() {
  Transfer& t = *transfer_;
  t.trouble = false;
  const std::uint64_t kind = random_.below(9);
  ++seen_["mischief"];
  if (kind < 3) {
    t.spoiled = true;
    if (random_.chance(0.3)) {
      control_->write_urgent("\xff\xf4\xff");
      control_->write("\xf2");
    }
    send("ABOR");
  } else if (kind < 4) {
    send("NOOP");
  } else if (kind < 5) {
    send("STAT");
  } else if (kind < 6) {
    send("QUIT");
  } else if (kind < 7 && data_) {
    t.spoiled = true;
    data_->reset();
    data_.reset();
    listener_.reset();
  } else if (kind < 8) {
    t.spoiled = true;
    control_->reset();
    end();
  } else {
    if (data_) data_->vanish();
    control_->vanish();
    end();
  }
}

}  // namespace sim
