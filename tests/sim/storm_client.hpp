// A client of the storm: logs in, lists, stores, fetches in every TYPE, STRU and MODE, goes on where it was broken
// off, renames, aborts, leaves or vanishes, at random, and checks all it is told against RFC 959's tables. Knows FTP
// from the far side; must not know the server's inside.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/storm_actor.hpp"
#include "tests/sim/storm_control.hpp"
#include "tests/sim/storm_wire.hpp"

namespace sim {

class StormClient final : public StormActor {
 public:
  /// `number` names the client's own directory, "/c<number>"; nobody else writes there.
  StormClient(SimWorld& world, int number, const StormPlace& place, int commands);

  void act() override;
  void leave() override { commands_left_ = 0; }

 private:
  struct Transfer {
    std::string command{};
    core::Representation asked{};  ///< what TYPE, STRU and MODE say
    core::Representation as{};     ///< how it travels: for a listing not quite the same
    bool upload = false;
    std::string path{};  ///< below "/"; empty for a listing
    bool sent = false;
    bool begun = false;         ///< 150 or 125 was seen
    bool disturbed = false;     ///< this client broke it, or what came before it: no promise holds
    bool complete = false;      ///< a download: its end has come
    unsigned code = 0;          ///< of the last reply
    std::string rest{};         ///< REST's argument; empty: from the begin
    std::uint64_t restart = 0;  ///< where that is: in the octets in MODE S, else in the file
    bool resumes = false;       ///< from a marker
    std::string file{};         ///< an upload: what is stored; a download: the file there

    // An upload.
    std::string octets{};                ///< what has to travel
    bool written = false;                ///< all of it was handed to the connection
    std::string wanted{};                ///< what the file must be in the end
    std::vector<std::string> markers{};  ///< on their way
    std::size_t markers_told = 0;        ///< answered with 110
    std::string ours{}, theirs{};        ///< the last: "110 MARK ours = theirs"

    // A download.
    std::optional<std::string> expected{};  ///< octets, or of the file, that must come; nothing: not known
    bool beyond = false;                    ///< `restart` lies behind the file's end
    bool has_no_form = false;               ///< `expected` is only what comes before that shows
    std::string received{};                 ///< octets, in MODE S
    std::optional<FileReader> reader{};     ///< what marks its end itself
    std::size_t checked = 0;                ///< so much is known to be right

    bool good() const { return code == 226 || code == 250; }
    bool receives() const { return !upload && !complete && begun && (code == 0 || good()); }
  };
  /// How the next transfers get their data connection.
  enum class Aim : std::uint8_t { passive, active, kept, default_port };
  /// A marker of the server's in a file.
  struct Bookmark {
    std::string path;
    core::Representation as;
    std::uint64_t offset;
  };

  // storm_client.cpp: control connection, what to do next.
  void read_control();
  void on_answer(const StormControl::Answer& answer);
  void on_parameter(const StormControl::Answer& answer);
  void on_refused();
  void forget(const std::string& path);
  void choose();
  void plan_file_command();
  void send_script();
  bool is_ripe();
  void mischief();
  void end() override;
  std::string recent() const override { return control_ ? control_->recent() : ""; }

  // storm_plan.cpp: transfers to be.
  void plan_transfers();
  Transfer plan_transfer(const core::Representation& as);
  void plan_upload(Transfer& transfer);
  void plan_download(Transfer& transfer);
  void plan_listing(Transfer& transfer);
  bool plan_resumed_upload();
  bool plan_resumed_download();
  void expect_file(Transfer& transfer);
  void make_octets(Transfer& transfer, std::uint64_t begin);
  void write_script();
  Aim draw_aim();
  void open_data();
  std::string own_path();
  bool is_pending(const std::string& path) const;

  // storm_data.cpp: transfers that run.
  Transfer* running();
  void on_begin(const StormControl::Answer& answer);
  void on_marker(const std::string& line);
  void on_transfer_end(unsigned code);
  void on_good_reply(const Transfer& transfer);
  void on_bad_reply(const Transfer& transfer);
  void end_upload(Transfer& transfer);
  void end_download(const Transfer& transfer);
  void count(const Transfer& transfer);
  void bookmark(const Transfer& transfer);
  void accept_data();
  void drop_data();
  void move_data();
  void write_uploads();
  void deliver();
  void check_received(Transfer& transfer);
  void settle();

  int commands_left_;

  std::optional<StormControl> control_;
  std::deque<std::string> script_;  ///< lines still to be sent
  bool logged_in_ = false;
  bool pipelining_ = false;

  core::Representation as_;         ///< what the server holds
  std::deque<Transfer> transfers_;  ///< planned and running, in order
  bool trouble_ = false;            ///< something is to go wrong once they have begun
  bool ahead_ = false;              ///< uploads are sent before they are asked for
  Aim aim_ = Aim::passive;
  bool fresh_ = false;  ///< no transfer has begun on what aim_ says
  std::optional<SimConnection> data_;
  std::optional<SimListener> listener_;
  std::string arrived_;  ///< on data_, for a transfer that has not begun
  bool kept_ = false;    ///< the server has said 250, and data_ is still open
  bool dirty_ = false;   ///< octets are on data_ that some other transfer would take for its own

  std::optional<Transfer> broken_;  ///< an upload that broke behind a marker
  std::optional<Bookmark> bookmark_;
  std::map<std::string, std::optional<std::string>> stored_;  ///< own files: content, nothing when unknown
};

}  // namespace sim
