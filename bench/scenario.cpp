// The rows. `plan` has none: it is several of these at once.
#include "bench/scenario.hpp"

#include <algorithm>
#include <array>

namespace bench {
namespace {

using core::Mode;
using core::Type;

constexpr double kib = 1024;

// clang-format off
constexpr std::array rows = {
    //        name     what                                              act            type         mode          many   users depth rate stream    pings
    Scenario{"get",   "download --path, again and again",                Act::retrieve, Type::image, Mode::stream, false, 8,    1,    0,   0,        false},
    Scenario{"put",   "upload --size octets into --path, then delete",   Act::store,    Type::image, Mode::stream, false, 8,    1,    0,   0,        false},
    Scenario{"small", "download the files of --path, a data connection each", Act::retrieve, Type::image, Mode::stream, true, 16, 1,  0,   0,        false},
    Scenario{"blocks", "the same in MODE B, on one data connection a user", Act::retrieve, Type::image, Mode::block, true, 8,   8,    0,   0,        false},
    Scenario{"login", "connect, USER, PASS, QUIT",                       Act::login,    Type::ascii, Mode::stream, false, 16,   1,    0,   0,        false},
    Scenario{"idle",  "many sessions that only exist, and NOOP on some", Act::ping,     Type::image, Mode::stream, false, 1000, 1,    100, 0,        false},
    Scenario{"list",  "--command of --path",                             Act::list,     Type::ascii, Mode::stream, false, 8,    1,    0,   0,        false},
    Scenario{"mixed", "get, and NOOP on one more session meanwhile",     Act::retrieve, Type::image, Mode::stream, false, 8,    1,    0,   0,        true},
    Scenario{"paced", "get, each held to --stream-rate; how many fall behind?", Act::retrieve, Type::image, Mode::stream, false, 1000, 1, 0, 64 * kib, false},
    Scenario{"ping",  "NOOP on one session",                             Act::ping,     Type::image, Mode::stream, false, 1,    1,    100, 0,        false},
};
// clang-format on

}  // namespace

std::span<const Scenario> scenarios() { return rows; }

const Scenario* find_scenario(std::string_view name) {
  const auto row = std::ranges::find(rows, name, &Scenario::name);
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace bench
