// The transfers of a storm's client once they run: octets out and in, and what each reply must mean. 226 and 250 say
// that all octets were accepted and are in the file, or that all octets of the file were sent.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/sim/storm_client.hpp"

namespace sim {

StormClient::Transfer* StormClient::running() {
  const auto found = std::ranges::find_if(transfers_, [](const Transfer& t) { return t.sent && t.code == 0; });
  return found == transfers_.end() ? nullptr : &*found;
}

// ---- Replies ----

void StormClient::on_begin(const StormControl::Answer& answer) {
  Transfer* transfer = running();
  if (transfer == nullptr) return complain("nothing was to begin: " + answer.line);
  transfer->begun = true;
  const bool stays = kept_ && !transfer->disturbed;
  const bool open = stays && data_ && !data_->ended();
  if (answer.code == 150 && open && place_.fair) complain("150, but the connection is still there: " + answer.line);
  if (answer.code == 125 && open) ++seen_["kept"];
  if (answer.code == 150 && stays) drop_data();  // it is gone, and another one comes
  // The server has not heard yet that this side has closed.
  const bool missed = fresh_ && aim_ == Aim::default_port && answer.code == 125;
  for (Transfer& t : transfers_) t.disturbed = t.disturbed || missed;
  fresh_ = false;
}

// "110 MARK ours = theirs": in the order in which they were sent, and what is said to be stored is.
void StormClient::on_marker(const std::string& line) {
  Transfer* t = running();
  if (t == nullptr || !t->upload || !t->begun) return complain("no marker was sent: " + line);
  if (place_.publish != core::Publish::direct) return complain("a marker for what is kept nowhere: " + line);
  if (t->disturbed) return;
  const std::size_t middle = line.find(" = ");
  if (!line.starts_with("110 MARK ") || middle == std::string::npos) return complain("no marker: " + line);
  t->ours = line.substr(9, middle - 9);
  t->theirs = line.substr(middle + 3);
  if (t->markers_told == t->markers.size() || t->ours != t->markers[t->markers_told])
    return complain("a marker that was not sent, or not now: " + line);
  ++t->markers_told;
  const std::uint64_t sent = std::stoull(t->ours), stored = std::stoull(t->theirs);
  const std::uint64_t held = t->theirs.ends_with("+r") ? 1 : 0;
  const bool hole = t->as.structure == core::Structure::page && stored <= sent;
  if (stored + held != sent && !hole) return complain("a marker for another place: " + line);
  if (t->markers_told % 4 != 1) return;  // once in a while: files are compared as a whole
  const std::string content = world_.files().content(place_.files_root + t->path).value_or("");
  if (content.size() < stored || content.compare(0, stored, t->wanted, 0, stored) != 0)
    complain("110, but what was sent is not there: " + line);
}

void StormClient::on_transfer_end(unsigned code) {
  accept_data();
  Transfer* transfer = running();
  if (transfer == nullptr) return complain(fmt::format("{} to no transfer", code));
  transfer->code = code;
  if (data_) arrived_ += data_->read();
  deliver();
  if (finished_) return;
  if (transfer->good()) {
    on_good_reply(*transfer);
  } else {
    on_bad_reply(*transfer);
  }
  if (finished_) return;
  if (transfer->upload) end_upload(*transfer);
  if (!finished_) settle();
}

void StormClient::on_good_reply(const Transfer& transfer) {
  const bool aborted = control_->waits_for("ABOR");
  const bool stays = transfer.code == 250;
  kept_ = stays;
  if (stays != core::keeps_connection(transfer.as) && !(aborted && !stays))
    return complain(fmt::format("{} in MODE {}", transfer.code, letter(transfer.as.mode)));
  if (transfer.has_no_form && !transfer.disturbed) complain(transfer.path + " has no form in this TYPE and STRU");
}

void StormClient::on_bad_reply(const Transfer& transfer) {
  const bool undisturbed = !transfer.disturbed && !control_->waits_for("ABOR");
  if (transfer.code == 426 && place_.fair && undisturbed) return complain("426 in fair weather: " + transfer.command);
  const bool there = transfer.expected && !transfer.has_no_form && !transfer.beyond;
  if (transfer.code == 554 && there) return complain("554, but that is in the file: " + transfer.command);
  bookmark(transfer);
  if (transfer.begun) {  // the connection is closed, what was sent ahead is lost, and the next one may be here already
    drop_data();
    for (Transfer& t : transfers_) t.written = false, t.disturbed = true;
  } else if (transfer.written) {  // and now it is the next file's, as the server sees it
    dirty_ = true;
    for (Transfer& t : transfers_) t.disturbed = true;
  }
}

void StormClient::end_upload(Transfer& t) {
  if (!t.good() || t.disturbed) {
    stored_[t.path] = std::nullopt;
    const bool resumable = t.markers_told > 0 || t.resumes;
    if (resumable && !t.good()) broken_ = std::move(t);
    return;
  }
  if (!t.written) return complain("a good reply before all was sent");
  const std::size_t to_be_told = place_.publish == core::Publish::direct ? t.markers.size() : 0;
  if (t.markers_told != to_be_told) return complain("a good reply before all markers were answered");
  if (world_.files().content(place_.files_root + t.path) != t.wanted)
    return complain(fmt::format("{}, but {} is not what was sent", t.code, t.path));
  stored_[t.path] = t.wanted;
  if (broken_ && broken_->path == t.path) broken_.reset();
  ++seen_["stored"];
  if (t.written && ahead_ && transfers_.size() > 1) ++seen_["ahead"];
  if (t.resumes) ++seen_["resumed upload"];
  count(t);
}

// Both its good reply and its end have come.
void StormClient::end_download(const Transfer& t) {
  if (t.disturbed) return;
  if (t.expected && t.checked != t.expected->size())
    return complain(fmt::format("{}, but {} octets of {} came for {}", t.code, t.checked, t.expected->size(), t.path));
  bookmark(t);
  ++seen_["fetched"];
  if (t.resumes) ++seen_["resumed download"];
  count(t);
}

void StormClient::count(const Transfer& t) {
  ++seen_[fmt::format("MODE {}", letter(t.as.mode))];
  ++seen_[fmt::format("STRU {}", letter(t.as.structure))];
  ++seen_[fmt::format("TYPE {}", core::type_text({.type = t.as.type, .byte_size = t.as.byte_size}))];
  if (transfers_.size() > 1) ++seen_["pipelined"];
  if (aim_ == Aim::default_port) ++seen_["default port"];
}

void StormClient::bookmark(const Transfer& t) {
  if (t.path.empty() || !t.reader || t.reader->markers().empty() || t.disturbed) return;
  ++seen_["markers read"];
  bookmark_ = {t.path, t.as, t.reader->markers()[random_.below(t.reader->markers().size())].offset};
}

// Takes those from the front that are over.
void StormClient::settle() {
  while (!transfers_.empty()) {
    const Transfer& front = transfers_.front();
    if (front.code == 0) return;
    const bool fetched = !front.upload && front.good();
    if (fetched && !front.complete) {
      if (data_ && !data_->ended()) return;  // still on the way
      // The FIN stands behind the octets; what a reset took away nobody can tell.
      if (data_ && data_->at_end() && !front.disturbed)
        return complain("a good reply, but not all came: " + front.path);
    } else if (fetched) {
      end_download(front);
      if (finished_) return;
    }
    if (front.code == 226) {  // closed: what was sent ahead is lost with it
      drop_data();
      for (Transfer& t : transfers_) t.written = false;
    }
    transfers_.pop_front();
  }
  listener_.reset();
  if (kept_ && !dirty_ && !arrived_.empty()) complain("octets that nobody asked for");
}

// ---- The data connection ----

void StormClient::accept_data() {
  if (!listener_ || data_) return;
  if (auto connection = listener_->accept()) data_ = std::move(connection);
}

void StormClient::drop_data() {
  data_.reset();
  arrived_.clear();
  kept_ = dirty_ = false;
}

void StormClient::move_data() {
  accept_data();
  if (!data_) return;
  arrived_ += data_->read();
  write_uploads();
  deliver();
  if (finished_) return;
  settle();
  if (finished_ || !data_ || !data_->ended()) return;
  if (std::ranges::any_of(transfers_, &Transfer::receives)) return;
  const bool idle = transfers_.empty() && control_->waiting() == 0;
  if (idle && kept_ && place_.fair) return complain("a connection that was to be kept was closed");
  if (transfers_.empty()) drop_data();
}

void StormClient::write_uploads() {
  if (!data_->connected()) return;
  for (Transfer& t : transfers_) {
    if (!t.upload || t.written || t.code != 0) continue;
    const bool stays = core::keeps_connection(t.as);
    const bool early = ahead_ && t.sent && stays;  // a close ahead would end the file before as well
    if (!t.begun && !early) return;
    t.written = true;
    data_->write(t.octets);
    if (!stays) data_->shutdown_send();
  }
}

// What has arrived belongs to the first transfer that has begun and has no end; what comes behind its end waits for
// the next to begin.
void StormClient::deliver() {
  while (!finished_) {
    const auto t = std::ranges::find_if(transfers_, &Transfer::receives);
    if (t == transfers_.end() || !data_) return;
    if (t->reader) {
      arrived_.erase(0, t->reader->take(arrived_, false));
      t->complete = t->reader->ended();
    } else {
      t->received += std::exchange(arrived_, {});
      t->complete = data_->at_end();
    }
    check_received(*t);
    if (!t->complete) return;
  }
}

void StormClient::check_received(Transfer& t) {
  if (t.disturbed) return;
  const std::string& got = t.reader ? t.reader->file() : t.received;
  if (t.reader && t.reader->error() != 0)
    return complain(fmt::format("{} in what came for {}", t.reader->error(), t.command));
  if (t.expected) {
    const bool fits = got.size() <= t.expected->size();
    if (!fits || got.compare(t.checked, std::string::npos, *t.expected, t.checked, got.size() - t.checked) != 0)
      return complain("other octets than the file's came for " + t.path);
  }
  t.checked = got.size();
  if (!t.reader || !t.expected || t.reader->markers().empty()) return;
  const FileReader::Marker& last = t.reader->markers().back();
  const bool hole = t.as.structure == core::Structure::page;
  if (last.text != std::to_string(last.offset) && !hole) complain("a marker for another place: " + last.text);
}

}  // namespace sim
