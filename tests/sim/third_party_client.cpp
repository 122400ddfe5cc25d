// Two control connections in step, and what their replies together must mean.
#include "tests/sim/third_party_client.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

ThirdPartyClient::ThirdPartyClient(SimWorld& world, int number, const StormPlace& place, int transfers)
    : StormActor(world, world.peer(fmt::format("10.0.9.{}", 1 + number)), fmt::format("/t{}", number), place),
      transfers_left_(transfers) {}

void ThirdPartyClient::end() {
  finished_ = true;
  for (Side& side : sides_)
    if (side.control && !side.control->connection().closed()) side.control->connection().close();
}

std::string ThirdPartyClient::recent() const {
  std::string text;
  for (const Side& side : sides_)
    if (side.control) text += side.control->recent() + "\n";
  return text;
}

void ThirdPartyClient::act() {
  if (finished_) return;
  for (Side& side : sides_) {
    if (!side.control) side.control.emplace(peer_.connect(world_.address(place_.control_port)));
    if (!finished_) read(side);
  }
  if (finished_) return;
  if (trouble_ && (sender().begun || receiver().begun) && random_.chance(0.1)) disturb();
  if (finished_) return;
  if (std::ranges::all_of(sides_, &Side::quiet)) proceed();
  for (Side& side : sides_) {
    if (finished_ || side.script.empty() || !side.control->greeted() || side.control->waiting() > 0) continue;
    side.control->send(side.script.front());
    side.script.pop_front();
  }
}

// ---- Replies ----

void ThirdPartyClient::read(Side& side) {
  while (!finished_) {
    const auto answer = side.control->next();
    if (!side.control->complaint().empty()) return complain(side.control->complaint());
    if (!answer) break;
    on_answer(side, *answer);
  }
  if (!finished_ && side.control->over()) end();
}

void ThirdPartyClient::on_answer(Side& side, const StormControl::Answer& answer) {
  if (answer.code == 421) return end();
  if (answer.verb == "QUIT") return end();
  if (answer.code / 100 == 2) apply_parameter(side.as, answer.command);
  if (answer.verb == "PASV") port_ = answer.code == 227 ? port_in(answer.line) : 0;
  if (answer.verb == "PASV" && port_ == 0) step_ = Step::plan;  // no port was free: another time
  if (!answer.transfer || answer.code == 110) return;
  side.begun = !answer.last;
  if (!answer.last) return;
  side.code = answer.code;
  // Whoever is left alone would wait for long.
  Side& other = &side == &sides_[0] ? sides_[1] : sides_[0];
  if (side.good() || other.code != 0 || aborted_) return;
  aborted_ = true;
  if (other.control->waits_for("RETR") || other.control->waits_for("STOR")) other.control->send("ABOR");
}

// ---- What to do next ----

void ThirdPartyClient::proceed() {
  switch (step_) {
    case Step::login:
      for (Side& side : sides_) side.script = {"USER anonymous", "PASS storm@"};
      step_ = Step::plan;
      return;
    case Step::plan: return plan();
    case Step::aim:
      sides_[1 - listens_].script = {port_command(world_.address(port_))};
      step_ = Step::move;
      return;
    case Step::move: return move();
    case Step::check: return check();
    case Step::leave: return end();
  }
}

void ThirdPartyClient::plan() {
  if (transfers_left_-- <= 0) {
    for (Side& side : sides_) side.script = {"QUIT"};
    step_ = Step::leave;
    return;
  }
  as_ = draw_representation(random_);
  sends_ = random_.below(2);
  listens_ = random_.below(2);
  plan_file();
  for (Side& side : sides_) {
    for (std::string& line : parameter_commands(side.as, as_)) side.script.push_back(std::move(line));
    side.begun = false;
    side.code = 0;
  }
  trouble_ = random_.chance(0.15);
  aborted_ = false;
  port_ = 0;
  step_ = Step::move;
  if (kept_ && random_.chance(0.8)) return;
  kept_ = false;
  sides_[listens_].script.push_back("PASV");
  step_ = Step::aim;
}

void ThirdPartyClient::plan_file() {
  const KnownFile& known = random_.pick(place_.known);
  const auto own = stored_.find(fmt::format("{}/f{}", directory_, random_.below(3)));
  const bool takes_own = own != stored_.end() && random_.chance(0.5);
  from_ = takes_own ? own->first : known.path;
  do {
    to_ = fmt::format("{}/f{}", directory_, random_.below(3));
  } while (to_ == from_);
  const Wire wire = encode(as_, takes_own ? own->second : known.content);
  wanted_.reset();
  if (wire.error == 0) wanted_ = decode(as_, wire.octets).file();
}

void ThirdPartyClient::move() {
  const std::size_t first = random_.below(2);
  for (const std::size_t i : {first, 1 - first}) sides_[i].control->send(i == sends_ ? "RETR " + from_ : "STOR " + to_);
  stored_.erase(to_);
  step_ = Step::check;
}

void ThirdPartyClient::disturb() {
  trouble_ = false;
  ++seen_["mischief"];
  Side& side = sides_[random_.below(2)];
  if (random_.chance(0.2)) {
    side.control->connection().reset();
    return end();
  }
  aborted_ = true;
  side.control->send("ABOR");
  if (random_.chance(0.3)) (&side == &sides_[0] ? sides_[1] : sides_[0]).control->send("ABOR");
}

// A close ends a file in MODE S and STRU F, so that only the sender knows how much of it there is.
void ThirdPartyClient::check() {
  step_ = Step::plan;
  const bool marked = marks_end(as_) || as_.structure != core::Structure::file;
  const bool stored = receiver().good() && (sender().good() || marked);
  if (place_.fair && !aborted_ && sender().good() && !receiver().good() && receiver().code == 426)
    return complain("sent, but not received: " + from_);
  if (stored && !wanted_) return complain(from_ + " has no form in this TYPE and STRU");
  if (stored && world_.files().content(place_.files_root + to_) != wanted_)
    return complain(fmt::format("{} and {}, but {} is not {}", sender().code, receiver().code, to_, from_));
  const bool used_kept = kept_;
  kept_ = sender().code == 250 && receiver().code == 250 && !aborted_;
  if (!stored) return;
  stored_[to_] = *wanted_;
  ++seen_["third party"];
  if (used_kept) ++seen_["third party kept"];
  ++seen_[fmt::format("third party MODE {}", letter(as_.mode))];
  ++seen_[listens_ == sends_ ? "third party, sender listens" : "third party, receiver listens"];
}

}  // namespace sim
