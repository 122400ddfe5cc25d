// A client that lets two sessions of the server exchange files between them: PASV on one, its address by PORT to the
// other, RETR and STOR (RFC 959 2.3). Good last replies on both sides mean equal files.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "tests/sim/storm_actor.hpp"
#include "tests/sim/storm_control.hpp"
#include "tests/sim/storm_wire.hpp"

namespace sim {

class ThirdPartyClient final : public StormActor {
 public:
  /// Stores in "/t<number>".
  ThirdPartyClient(SimWorld& world, int number, const StormPlace& place, int transfers);

  void act() override;
  void leave() override { transfers_left_ = 0; }

 private:
  struct Side {
    std::optional<StormControl> control;
    std::deque<std::string> script{};  ///< lines still to be sent
    core::Representation as{};         ///< what the server holds
    bool begun = false;
    unsigned code = 0;  ///< the transfer's last reply
    bool good() const { return code == 226 || code == 250; }
    bool quiet() const { return control->greeted() && script.empty() && control->waiting() == 0; }
  };
  /// What comes next, once both sides are quiet.
  enum class Step : std::uint8_t { login, plan, aim, move, check, leave };

  void read(Side& side);
  void on_answer(Side& side, const StormControl::Answer& answer);
  void proceed();
  void plan();
  void plan_file();
  void move();
  void disturb();
  void check();
  void end() override;
  std::string recent() const override;
  Side& sender() { return sides_[sends_]; }
  Side& receiver() { return sides_[1 - sends_]; }

  int transfers_left_;
  std::array<Side, 2> sides_;
  Step step_ = Step::login;
  std::size_t sends_ = 0, listens_ = 0;  ///< which side
  std::uint16_t port_ = 0;               ///< the listening side's; 0: the connection from before is used
  bool kept_ = false;                    ///< the data connection between both sides is still open
  bool trouble_ = false, aborted_ = false;
  core::Representation as_;
  std::string from_, to_;
  std::optional<std::string> wanted_;  ///< what `to_` must be; nothing: `from_` has no form
  std::map<std::string, std::string> stored_;
};

}  // namespace sim
