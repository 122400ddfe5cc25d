// The table of the data transfer process. RFC 959 3.2: the five cases in which the server closes the
// data connection are the rows that lead to flush, stop and drop.
#include "core/dtp.hpp"

#include <array>
#include <cstddef>
#include <span>

namespace core::dtp {
namespace {

struct Row {
  State state;
  Event event;
  Action action;
  State next;
};

using enum State;
namespace e {
using enum Event;
}
namespace a {
using enum Action;
}

constexpr Row rows[] = {
    // Nothing open: parameters may change at will.
    {idle, e::aim, a::keep, aimed},
    {idle, e::listen, a::listen, listening},
    {idle, e::drop, a::dropped, idle},
    {idle, e::start, a::connect, connecting},
    {idle, e::abort, a::dropped, idle},
    {aimed, e::aim, a::keep, aimed},
    {aimed, e::listen, a::listen, listening},
    {aimed, e::drop, a::dropped, idle},
    {aimed, e::start, a::connect, connecting},
    {aimed, e::abort, a::dropped, idle},

    // A listener or an early connection: a new port specification closes it first (3.2, case 3).
    {listening, e::accepted, a::none, connected},
    {listening, e::start, a::await, awaiting},
    {listening, e::aim, a::drop, dropping},
    {listening, e::listen, a::drop, dropping},
    {listening, e::drop, a::drop, dropping},
    {listening, e::abort, a::drop, dropping},
    {listening, e::failed, a::none, lapsed},  // nobody waits for it yet: the next transfer gets 425
    {lapsed, e::start, a::lapse, awaiting},
    {lapsed, e::aim, a::keep, aimed},
    {lapsed, e::listen, a::listen, listening},
    {lapsed, e::drop, a::dropped, idle},
    {lapsed, e::abort, a::dropped, idle},
    {connected, e::start, a::secure, securing},
    {connected, e::aim, a::drop, dropping},
    {connected, e::listen, a::drop, dropping},
    {connected, e::drop, a::drop, dropping},
    {connected, e::abort, a::drop, dropping},
    {kept, e::start, a::move, moving},
    {kept, e::lost, a::close, idle},
    {kept, e::aim, a::drop, dropping},
    {kept, e::listen, a::drop, dropping},
    {kept, e::drop, a::drop, dropping},
    {kept, e::abort, a::drop, dropping},
    {dropping, e::joined, a::again, idle},
    {dropping, e::abort, a::none, dropping},

    // A transfer, from its 1yz to its final reply.
    {connecting, e::connect_done, a::secure, securing},
    {connecting, e::failed, a::stop, stopping},
    {connecting, e::abort, a::stop, stopping},
    {awaiting, e::accepted, a::secure, securing},
    {awaiting, e::failed, a::stop, stopping},
    {awaiting, e::abort, a::stop, stopping},
    {securing, e::secured, a::move, moving},
    {securing, e::failed, a::stop, stopping},
    {securing, e::abort, a::stop, stopping},
    {moving, e::moved, a::flush, flushing},
    {moving, e::failed, a::stop, stopping},
    {moving, e::abort, a::stop, stopping},
    {flushing, e::flushed, a::report, idle},
    {flushing, e::stays, a::report, kept},
    {flushing, e::failed, a::stop, stopping},
    {flushing, e::abort, a::none, ending},  // too late to stop: ABOR gets its 226 behind the transfer's
    {ending, e::flushed, a::report, idle},
    {ending, e::failed, a::stop, stopping},
    {ending, e::abort, a::none, ending},

    // Completions that come while a stopped transfer is joined raise nothing but `joined`.
    {stopping, e::joined, a::report, idle},
    {stopping, e::abort, a::none, stopping},
};

using Table = std::array<std::array<Step, event_count>, state_count>;

// Two rows for one pair do not compile: throwing is no constant expression.
consteval Table compile(std::span<const Row> source) {
  Table table{};
  for (const Row& row : source) {
    Step& cell = table[static_cast<std::size_t>(row.state)][static_cast<std::size_t>(row.event)];
    if (cell.exists) throw "two rows for one pair of state and event";
    cell = {row.action, row.next, true};
  }
  return table;
}

constexpr Table table = compile(rows);

constexpr const char* state_names[state_count] = {"idle",     "aimed",      "listening", "lapsed",   "connected",
                                                  "kept",     "connecting", "awaiting",  "securing", "moving",
                                                  "flushing", "ending",     "stopping",  "dropping"};
constexpr const char* event_names[event_count] = {"aim",          "listen",  "drop",  "start",   "accepted",
                                                  "connect_done", "secured", "moved", "flushed", "stays",
                                                  "lost",         "failed",  "abort", "joined"};

}  // namespace

Step step(State state, Event event) { return table[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)]; }

const char* to_string(State state) { return state_names[static_cast<std::size_t>(state)]; }
const char* to_string(Event event) { return event_names[static_cast<std::size_t>(event)]; }

}  // namespace core::dtp
