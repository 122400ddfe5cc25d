// The storm's client on its control connection: random choices, strict bookkeeping.
#include "tests/sim/storm_client.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

StormClient::StormClient(SimWorld& world, int number, const StormPlace& place, int commands)
    : StormActor(world, world.peer(fmt::format("10.0.{}.{}", 1 + number / 200, 1 + number % 200)),
                 fmt::format("/c{}", number), place),
      commands_left_(commands) {}

void StormClient::end() {
  finished_ = true;
  data_.reset();
  listener_.reset();
  if (control_ && !control_->connection().closed()) control_->connection().close();
}

void StormClient::act() {
  if (finished_) return;
  if (!control_) {
    control_.emplace(peer_.connect(world_.address(place_.control_port)));
    return;
  }
  read_control();
  if (finished_) return;
  move_data();
  if (finished_) return;
  if (control_->over()) return end();
  if (!control_->greeted()) return;
  if (trouble_ && is_ripe() && random_.chance(0.1)) return mischief();
  if (control_->waiting() == 0 && script_.empty() && transfers_.empty()) choose();
  if (!finished_) send_script();
}

// ---- Answers ----

void StormClient::read_control() {
  while (!finished_) {
    const auto answer = control_->next();
    if (!control_->complaint().empty()) return complain(control_->complaint());
    if (!answer) return;
    on_answer(*answer);
  }
}

void StormClient::on_answer(const StormControl::Answer& answer) {
  const unsigned code = answer.code;
  ++seen_[fmt::format("{}", code)];
  if (code == 421) {
    const bool lacks_octets = !transfers_.empty() && transfers_.front().good() && !transfers_.front().disturbed;
    if (lacks_octets && data_ && !data_->was_reset()) complain("a good reply, but the end never came");
    return end();
  }
  if (code == 110) return on_marker(answer.line);
  if (answer.transfer && !answer.last) return on_begin(answer);
  if (answer.transfer) on_transfer_end(code);
  if (finished_) return;
  if (answer.verb == "PASS") logged_in_ = code == 230;
  if (answer.verb == "DELE") forget(answer.command.substr(5));
  if (code / 100 == 2) on_parameter(answer);
  if (answer.verb == "QUIT" && code == 221) return end();
  if (code >= 400 && !script_.empty()) on_refused();
}

// What a good answer changes for data connections.
void StormClient::on_parameter(const StormControl::Answer& answer) {
  apply_parameter(as_, answer.command);
  const bool passive = answer.verb == "EPSV" || answer.verb == "PASV";
  if (!passive && answer.verb != "ABOR") return;
  kept_ = false;
  if (passive || transfers_.empty()) drop_data();  // octets of the file before ABOR may still be on the way
  if (passive && !transfers_.empty()) data_ = peer_.connect(world_.address(port_in(answer.line)));
}

// What is in an own file is not known any more.
void StormClient::forget(const std::string& path) {
  stored_.erase(path);
  if (broken_ && broken_->path == path) broken_.reset();
}

// A script goes on only as far as it makes sense: without a data connection there is no transfer.
void StormClient::on_refused() {
  script_.clear();
  while (!transfers_.empty() && !transfers_.back().sent) transfers_.pop_back();
  settle();
}

// ---- What to do next ----

void StormClient::choose() {
  if (!logged_in_) {
    script_ = {"USER anonymous", "PASS storm@"};
    if (random_.chance(0.1)) script_.push_front("PASS without");
  } else if (commands_left_-- <= 0) {
    if (random_.chance(0.2)) return end();
    script_ = {"QUIT"};
  } else if (random_.chance(0.7)) {
    plan_transfers();
  } else {
    plan_file_command();
  }
  pipelining_ = transfers_.size() > 1 || random_.chance(0.3);
}

void StormClient::plan_file_command() {
  const std::string lines[] = {"PWD",
                               "CWD " + directory_,
                               "CDUP",
                               "MKD " + directory_ + "/d",
                               "RMD " + directory_ + "/d",
                               "DELE " + own_path(),
                               "SIZE " + random_.pick(place_.known).path,
                               "MDTM " + random_.pick(place_.known).path,
                               "MLST " + directory_,
                               "MFMT 20200102030405 " + directory_ + "/d",
                               "MFF UNIX.mode=0755; " + directory_ + "/d",
                               "AVBL",
                               "DSIZ " + directory_,
                               "RMDA " + directory_ + "/d",
                               "COMB " + directory_ + "/whole " + directory_ + "/copy",
                               "CSID Name=storm;",
                               "PRET RETR " + random_.pick(place_.known).path,
                               "SITE CPTO " + directory_ + "/copy",
                               "SITE MKDIR -p " + directory_ + "/d/e/f",
                               "SITE UMASK 027",
                               "SITE WHO",
                               "STAT /",
                               "STAT",
                               "FEAT",
                               "HELP",
                               "HOST files.example.org",
                               "LANG",
                               "LANG DE",
                               "NOOP",
                               "REST 0",
                               "ABOR",
                               "RNFR " + directory_ + "/absent",
                               "CWD ../../..",
                               "STRU R",
                               "TYPE L 7",
                               "MODE B",
                               "OPTS MODE Z LEVEL 1",
                               "OPTS HASH MD5",
                               "RANG 1 0",
                               "HASH " + random_.pick(place_.known).path,
                               "XCRC " + own_path(),
                               "NONSENSE",
                               "SIZE",
                               "EPSV",
                               "PASV"};
  const std::string& line = lines[random_.below(std::size(lines))];
  script_ = {line};
  if (line.starts_with("SITE CPTO")) script_.push_front("SITE CPFR " + random_.pick(place_.known).path);
}

void StormClient::send_script() {
  while (!script_.empty() && (control_->waiting() == 0 || pipelining_)) {
    const std::string line = script_.front();
    script_.pop_front();
    const auto first = std::ranges::find_if(transfers_, [](const Transfer& t) { return !t.sent; });
    if (first != transfers_.end() && first->command == line) first->sent = true;
    control_->send(line);
  }
}

// Behind a marker, where there are any: then it can be taken up.
bool StormClient::is_ripe() {
  const Transfer* transfer = running();
  if (transfer == nullptr || !transfer->begun) return false;
  const bool marked = !transfer->markers.empty() && place_.publish == core::Publish::direct;
  return !marked || transfer->markers_told > 0;
}

// Once a transfer has begun: what impatient clients and bad networks do.
void StormClient::mischief() {
  trouble_ = false;
  const std::uint64_t kind = random_.below(10);
  ++seen_["mischief"];
  if (kind < 3) {
    // A Synch makes the server forget what was typed ahead, and nobody could tell how much of it.
    control_->send_abort(control_->waiting() == 1 && random_.chance(0.3));
  } else if (kind < 4) {
    control_->send("NOOP");
  } else if (kind < 5) {
    control_->send("STAT");
  } else if (kind < 6) {
    control_->send("QUIT");
  } else if (kind < 8 && data_) {
    for (Transfer& transfer : transfers_) transfer.disturbed = true;
    data_->reset();
    drop_data();
  } else if (kind < 9) {
    control_->connection().reset();
    end();
  } else {
    if (data_) data_->vanish();
    data_.reset();
    control_->connection().vanish();
    end();
  }
}

}  // namespace sim
