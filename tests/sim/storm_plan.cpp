// The transfers that a storm's client thinks of: which, how many at once, on which data connection, from where on.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sim/storm_client.hpp"

namespace sim {

void StormClient::plan_transfers() {
  if (data_ && (data_->ended() || dirty_)) drop_data();
  if (!plan_resumed_upload() && !plan_resumed_download()) {
    core::Representation as = draw_representation(random_);
    const std::size_t count = keeps_connection(as) && random_.chance(0.4) ? random_.between(2, 5) : 1;
    while (transfers_.size() < count) {
      // A file in MODE S ends with the connection, so it is the last.
      if (count > 1 && transfers_.size() + 1 == count && random_.chance(0.2)) as.mode = core::Mode::stream;
      transfers_.push_back(plan_transfer(as));
    }
  }
  const bool marked = std::ranges::any_of(transfers_, [](const Transfer& t) { return !t.markers.empty(); });
  trouble_ = random_.chance(marked ? 0.5 : 0.15);
  ahead_ = random_.chance(0.5);
  aim_ = draw_aim();
  write_script();
}

// Parameters, a data connection, and the transfer commands behind them.
void StormClient::write_script() {
  core::Representation as = as_;
  bool aimed = false;
  for (const Transfer& transfer : transfers_) {
    for (std::string& line : parameter_commands(as, transfer.asked)) script_.push_back(std::move(line));
    as = transfer.asked;
    if (!std::exchange(aimed, true)) open_data();
    if (!transfer.rest.empty()) script_.push_back("REST " + transfer.rest);
    script_.push_back(transfer.command);
  }
}

StormClient::Transfer StormClient::plan_transfer(const core::Representation& as) {
  Transfer transfer{.asked = as, .as = as};
  const std::uint64_t kind = random_.below(10);
  if (kind < 4) {
    transfer.path = own_path();
    transfer.upload = !is_pending(transfer.path);
  }
  if (transfer.upload) {
    plan_upload(transfer);
  } else if (kind < 8) {
    plan_download(transfer);
  } else {
    plan_listing(transfer);
  }
  return transfer;
}

// ---- Uploads ----

void StormClient::plan_upload(Transfer& transfer) {
  forget(transfer.path);
  transfer.command = "STOR " + transfer.path;
  transfer.file = draw_file(random_, transfer.as);
  make_octets(transfer, 0);
  transfer.wanted = decode(transfer.as, transfer.octets).file();
}

void StormClient::make_octets(Transfer& transfer, std::uint64_t begin) {
  constexpr std::array<std::uint64_t, 4> intervals{0, 500, 5000, 40'000};
  const core::Markers markers{.begin = begin, .interval = random_.pick(intervals)};
  transfer.octets = encode(transfer.as, transfer.file, markers).octets;
  const FileReader back = decode(transfer.as, transfer.octets, begin);
  for (const auto& marker : back.markers()) transfer.markers.push_back(marker.text);
}

// The server's marker for REST, and octets from the own one on.
bool StormClient::plan_resumed_upload() {
  if (!broken_ || random_.chance(0.3)) return false;
  Transfer broken = *std::exchange(broken_, std::nullopt);
  Transfer transfer{.command = broken.command, .asked = broken.as, .as = broken.as, .upload = true};
  transfer.path = broken.path;
  transfer.file = std::move(broken.file);
  transfer.wanted = std::move(broken.wanted);
  transfer.rest = transfer.theirs = broken.theirs;
  transfer.ours = broken.ours;
  transfer.resumes = true;
  make_octets(transfer, std::stoull(transfer.ours));
  transfers_.push_back(std::move(transfer));
  return true;
}

// ---- Downloads ----

void StormClient::plan_download(Transfer& transfer) {
  const KnownFile& known = random_.pick(place_.known);
  const auto own = stored_.find(own_path());
  const bool takes_own = own != stored_.end() && random_.chance(0.5) && !is_pending(own->first);
  transfer.path = takes_own ? own->first : known.path;
  transfer.command = "RETR " + transfer.path;
  if (marks_end(transfer.as)) transfer.reader.emplace(transfer.as);
  if (takes_own && !own->second) return;
  transfer.file = takes_own ? *own->second : known.content;
  expect_file(transfer);
  // Behind a hole, octets on the way cannot be counted.
  const bool counts = !marks_end(transfer.as) && transfer.as.structure != core::Structure::page;
  if (!counts || !transfers_.empty() || random_.chance(0.7)) return;
  transfer.restart = random_.below(transfer.expected->size() + 2);
  transfer.rest = std::to_string(transfer.restart);
  transfer.beyond = transfer.restart > transfer.expected->size();
  transfer.expected->erase(0, transfer.restart);
}

bool StormClient::plan_resumed_download() {
  if (!bookmark_ || random_.chance(0.5)) return false;
  const Bookmark at = *std::exchange(bookmark_, std::nullopt);
  Transfer transfer{.asked = at.as, .as = at.as, .path = at.path, .restart = at.offset, .resumes = true};
  transfer.command = "RETR " + at.path;
  transfer.rest = std::to_string(at.offset);
  const auto known = std::ranges::find(place_.known, at.path, &KnownFile::path);
  const auto own = stored_.find(at.path);
  if (known == place_.known.end() && (own == stored_.end() || !own->second)) return false;
  transfer.file = known != place_.known.end() ? known->content : *own->second;
  expect_file(transfer);
  transfers_.push_back(std::move(transfer));
  return true;
}

// In MODE S the very octets, else what they must become; from the restart point on.
void StormClient::expect_file(Transfer& transfer) {
  const Wire wire = encode(transfer.as, transfer.file);
  transfer.has_no_form = wire.error != 0;
  if (marks_end(transfer.as) || transfer.as.structure == core::Structure::page) {
    transfer.reader.emplace(transfer.as, transfer.restart);
    transfer.beyond = transfer.restart > transfer.file.size();
    transfer.expected = decode(transfer.as, wire.octets).file();
    transfer.expected->erase(0, transfer.restart);
  } else {
    transfer.expected = wire.octets;
  }
}

void StormClient::plan_listing(Transfer& transfer) {
  constexpr std::array lists{"LIST",         "NLST", "MLSD",     "LIST -a *", "MLSD /",
                             "LIST /absent", "MLSR", "LIST -Rt", "NLST -R"};
  transfer.path.clear();
  transfer.command = random_.pick(lists);
  transfer.as = listing_representation(transfer.as, transfer.command.substr(0, 4));
  if (marks_end(transfer.as)) transfer.reader.emplace(transfer.as);
}

// ---- Where ----

StormClient::Aim StormClient::draw_aim() {
  if (data_ && random_.chance(0.7)) return Aim::kept;
  if (random_.chance(data_ ? 0.5 : 0.1)) return Aim::default_port;
  return random_.chance(0.6) ? Aim::passive : Aim::active;
}

void StormClient::open_data() {
  fresh_ = true;
  if (aim_ == Aim::kept) return;
  drop_data();
  switch (aim_) {
    case Aim::passive: return script_.push_back(random_.chance(0.5) ? "EPSV" : "PASV");
    case Aim::active: listener_.emplace(peer_.listen()); return script_.push_back(port_command(listener_->address()));
    case Aim::default_port:  // the control connection's own; sometimes nobody is there
      if (random_.chance(0.8)) listener_.emplace(peer_.listen(control_->connection().local().port()));
      return;
    case Aim::kept: return;
  }
}

std::string StormClient::own_path() { return fmt::format("{}/f{}", directory_, random_.below(4)); }

/// Whether an upload to it is planned or runs.
bool StormClient::is_pending(const std::string& path) const {
  return std::ranges::any_of(transfers_, [&](const Transfer& t) { return t.path == path && t.upload; });
}

}  // namespace sim
